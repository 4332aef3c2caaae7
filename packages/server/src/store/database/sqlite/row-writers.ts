import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { type Merge, onConflict } from '../database.ts'

export type SQLiteRow = { [column: string]: SQLInputValue }
type Written = { table: string; columns: string[]; key: string[] | undefined; merge: Merge | undefined }
type WriteRow = (row: SQLiteRow) => void

/**
 * How rows are inserted, or written over those that are there. SQLite writes an index anew whenever a column of it is set, whatever
 * to, and nearly every row that is written over is found as before: of the columns that indexes have only those are set that differ.
 */
export function createRowWriters(
  connection: DatabaseSync,
  prepare: (sql: string) => StatementSync,
): (rows: Written) => WriteRow {
  const writers = new Map<string, WriteRow>()
  const make = ({ table, columns, key = [], merge = {} }: Written): WriteRow => {
    const insert = `insert into ${table} (${quote(columns)}) values (${columns.map(() => '?')})`
    const run = (text: string, row: SQLiteRow) => prepare(text).run(...Object.values(row)).changes
    const set = columns.filter((name) => !key.includes(name) && merge[name] !== null)
    const indexed = namedByIndexes(connection, table, set)
    const isMerged = indexed.some((name) => merge[name] !== undefined)
    if (key.length === 0 || indexed.length === 0 || indexed.length === set.length || isMerged) {
      const text = insert + onConflict(columns, key.length === 0 ? undefined : key, merge)
      return (row) => run(text, row)
    }
    const except = (some: string[]) =>
      onConflict(columns, key, { ...merge, ...Object.fromEntries(some.map((name) => [name, null])) })
    const areAlike = indexed.map((name) => `${table}."${name}" is excluded."${name}"`).join(' and ')
    const inPlace = `${insert}${except(indexed)} where ${areAlike}`
    const asItIs = `select ${quote(indexed)} from ${table} where ${key.map((name) => `"${name}" = ?`).join(' and ')}`
    return (row) => {
      if (run(inPlace, row) > 0) return
      const old = prepare(asItIs).get(...key.map((name) => row[name] ?? null)) ?? {}
      run(insert + except(indexed.filter((name) => old[name] === row[name])), row)
    }
  }
  return (rows) => {
    const { table, columns, key, merge } = rows
    const name = `${table} ${columns} ${key} ${merge && Object.entries(merge)}`
    const known = writers.get(name)
    if (known !== undefined) return known
    const made = make(rows)
    writers.set(name, made)
    return made
  }
}

/** Of these columns those that an index of the table is of, or is limited by. */
function namedByIndexes(connection: DatabaseSync, table: string, columns: string[]): string[] {
  const indexes = connection.prepare(`select sql from sqlite_master where type = 'index' and tbl_name = ?`).all(table)
  const names = new Set(indexes.flatMap(({ sql }) => String(sql).match(/\w+/g) ?? []))
  return columns.filter((name) => names.has(name))
}

function quote(columns: string[]): string[] {
  return columns.map((name) => `"${name}"`)
}
