import { randomBytes, randomInt } from 'node:crypto'
import { toObjectId } from '@rollcall/protocol'

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** `length` letters of `[a-z0-9]`, each as likely as any other. */
export function randomLetters(length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += letters[randomInt(letters.length)]
  return text
}

/** `xxxx-xxxx-xxxx` of `[a-z0-9]`. */
export function newRoomId(): string {
  return [randomLetters(4), randomLetters(4), randomLetters(4)].join('-')
}

/** 24 hex digits, the first 8 the second of `atMs`. */
export function newObjectId(atMs: number): string {
  return toObjectId(atMs, randomBytes(8).toString('hex'))
}
