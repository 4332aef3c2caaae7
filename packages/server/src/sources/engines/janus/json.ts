import type { Json } from '@rollcall/protocol'

// Rooms and users of Janus may have any number of 64 bits for a name, of which JavaScript's own numbers hold 53.

type Reviver = (name: string, value: Json, context: { source: string }) => Json
// Node has both; TypeScript's library does not know them yet.
const exact = JSON as unknown as {
  parse(text: string, reviver: Reviver): Json
  rawJSON(text: string): number
}

/** Whole numbers that a number cannot hold come as the text of their digits. Undefined where the text is not JSON. */
export function parseExactJson(text: string): Json | undefined {
  try {
    return exact.parse(text, (_, value, { source }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source) ? source : value,
    )
  } catch {
    return undefined
  }
}

/** A whole number of any length, to be written by `JSON.stringify`, from its digits. */
export function toExactNumber(digits: string): number {
  return exact.rawJSON(digits)
}
