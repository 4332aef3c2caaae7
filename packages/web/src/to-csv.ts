import { listSeparator } from './formats.ts'

/** CSV as spreadsheets open it: with a byte order mark, and no cell that they would take for a formula. */
export function toCsv(rows: (string | number)[][]): string {
  return `\ufeff${rows.map((row) => `${row.map(toCell).join(listSeparator === 'comma' ? ',' : ';')}\r\n`).join('')}`
}

function toCell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const safe = /^\s*[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
