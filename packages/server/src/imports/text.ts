import { Refusal } from '../error.ts'

/** The text of a file: UTF-8, or UTF-16 of either order, with its mark or without. Throws a `Refusal` where it is neither. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    throw new Refusal(
      'BAD_REQUEST',
      'The file is not text in UTF-8 or UTF-16: save it as one of them, such as CSV UTF-8',
    )
  }
}

function encodingOf([first, second, third, fourth]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  // Without a mark: the first characters of these files are of ASCII.
  if (second === 0 && fourth === 0) return 'utf-16le'
  return first === 0 && third === 0 ? 'utf-16be' : 'utf-8'
}
