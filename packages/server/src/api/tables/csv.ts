/** What stands between two cells. */
export const separators = { comma: ',', semicolon: ';', tab: '\t' } as const
export type Separator = keyof typeof separators

/** Tells a spreadsheet that the file is UTF-8. */
export const byteOrderMark = '\ufeff'

/** A line of CSV. */
export function toCsvLine(
  cells: (string | number | boolean | null | undefined)[],
  separator: Separator = 'comma',
): string {
  return `${cells.map(toCell).join(separators[separator])}\r\n`
}

/**
 * A text that a spreadsheet would take for a formula begins with an apostrophe, which it shows as text: a participant
 * chooses their own name, and must not run anything on the machine of whoever opens the file. Whatever stands between the cells
 * of a file, a spreadsheet may take another character for it: so a text that has any of them is quoted.
 */
function toCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const safe = /^\s*[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
