import { stripVTControlCharacters } from 'node:util'

/** Writes to stdout. Names of rooms and sources come from strangers: nothing in them commands the terminal. */
export function print(text: string): void {
  process.stdout.write(toPrintable(text))
}

/** Text without escape sequences, control characters but line breaks, and what turns the direction of writing. */
export function toPrintable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '')
}

/** The same in one line: a cell of a table. */
export function toPrintableLine(text: string): string {
  return toPrintable(text).replaceAll('\n', ' ')
}
