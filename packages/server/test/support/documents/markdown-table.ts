import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A row of a table, by the names of its columns; code marks are taken off. */
export type Row = { [column: string]: string }

/** The tables of a file in `docs/`, in order. */
export function readTables(file: string): Row[][] {
  const text = readFileSync(join(import.meta.dirname, '../../../../../docs', file), 'utf8')
  return [...text.matchAll(/(?:^\|.*\n)+/gm)].map(([table]) => {
    const [columns = [], line = [], ...rows] = table.trim().split('\n').map(readCells)
    assert.ok(
      line.every((cell) => /^:?-+:?$/.test(cell)),
      `${file}: ${line.join('|')} is no line below a head`,
    )
    return rows.map((cells) => {
      assert.equal(cells.length, columns.length, `${file}: ${cells.join(' | ')}`)
      return Object.fromEntries(columns.map((column, i) => [column, cells[i] ?? '']))
    })
  })
}

function readCells(line: string): string[] {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1)
  return cells.map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|'))
}
