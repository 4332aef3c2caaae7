/** A line of CSV. */
export function toCsvLine(cells: (string | number | boolean | null | undefined)[]): string {
  return `${cells.map(toCell).join(',')}\r\n`
}

/**
 * A text that a spreadsheet would take for a formula begins with an apostrophe, which it shows as text: a participant
 * chooses their own name, and must not run anything on the machine of whoever opens the file.
 */
function toCell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value !== 'string') return String(value)
  const safe = /^\s*[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
