import type { CsvError } from 'csv-parse'
import { Refusal } from '../error.ts'
import { decodeText } from './text.ts'

/** A row of a table, with the line of the file that it begins at, from 1. */
export type Row = { line: number; cells: string[] }

/** Every row that has anything in it. Throws a `Refusal` that names the line which cannot be read. */
export async function readRows(bytes: Uint8Array, delimiter: ',' | ';' | '\t' = ','): Promise<Row[]> {
  const { parse } = await import('csv-parse')
  const parser = parse(decodeText(bytes), {
    delimiter,
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    relax_quotes: delimiter === '\t',
  })
  const rows: Row[] = []
  try {
    // The line that a row ends at is known: it begins after the row before.
    let line = 1
    for await (const { record: cells, info } of parser as AsyncIterable<{
      record: string[]
      info: { lines: number }
    }>) {
      if (cells.some((cell) => cell !== '')) rows.push({ line, cells })
      line = info.lines + 1
    }
  } catch (error) {
    throw new Refusal('BAD_REQUEST', `The file is no table: ${(error as CsvError).message}`)
  }
  return rows
}

/** The cells of a row by the names of its header, which are compared in small letters. */
export type Columns = { [name: string]: number }

export function columnsOf(cells: string[]): Columns {
  return Object.fromEntries(cells.map((cell, i) => [simplify(cell), i]).reverse())
}

/** The cell under the first of these names that the header has; undefined where it is empty, or there is none. */
export function cellOf({ cells }: Row, columns: Columns, ...names: string[]): string | undefined {
  const name = names.find((one) => columns[one] !== undefined)
  const cell = name === undefined ? undefined : cells[columns[name] ?? -1]
  return cell === undefined || cell === '' ? undefined : cell
}

/** How a row is named for people. */
export function placeOf({ line }: Row): string {
  return `line ${line}`
}

/** `Name (Original Name)` and `User Name` are `name`. */
function simplify(header: string): string {
  // Not by a pattern: of many spaces and brackets it would try each with each.
  const name = header.toLowerCase().trim()
  const bracketAt = name.endsWith(')') ? name.indexOf('(') : -1
  return (bracketAt < 0 ? name : name.slice(0, bracketAt)).trim()
}
