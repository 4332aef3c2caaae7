import { type Kysely, type QueryExecutorProvider, sql } from 'kysely'
import { isPostgres } from './migrations/dialect.ts'
import type { Tables } from './tables.ts'

// SQLite finds a row by a number of its own, and keeps the key of a table once more, in an index that leads to that number. A table
// without such numbers lies in the order of its key, which is kept once. That is for short rows, of which the key is most: a row of more
// than a quarter of a page takes pages of its own there, and rows that are only ever appended fill their pages less.

/** The tables that grow with the record and are kept so. */
const tablesByKey = ['participants', 'marks', 'media', 'claims', 'session_counts', 'session_buckets'] as const

/** Of a new file; of one with rows, whose tables are as good, `rollcall compact` does the same. */
export async function emptyTablesByKey(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) return
  for (const table of await listWithRowid(db)) if (await isEmpty(db, table)) await keepByKey(db, table)
}

/** Writes the tables anew that have rowids yet, a transaction each. */
export async function allTablesByKey(db: Kysely<Tables>): Promise<void> {
  for (const table of await listWithRowid(db)) await db.transaction().execute((trx) => keepByKey(trx, table))
}

async function listWithRowid(db: QueryExecutorProvider): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from pragma_table_list where schema = 'main' and wr = 0 and name in (${sql.join([...tablesByKey])})`.execute(
    db,
  )
  return rows.map(({ name }) => name)
}

async function isEmpty(db: QueryExecutorProvider, table: string): Promise<boolean> {
  return (await sql`select 1 from ${sql.table(table)} limit 1`.execute(db)).rows.length === 0
}

async function keepByKey(db: QueryExecutorProvider, table: string): Promise<void> {
  const { rows: made } = await sql<{ type: string; name: string; text: string }>`
    select type, name, sql as text from sqlite_schema where tbl_name = ${table} and sql is not null`.execute(db)
  const run = (text: string) => sql.raw(text).execute(db)
  const before = `${table}_with_rowid`
  const indexes = made.filter(({ type }) => type === 'index')
  await run(`alter table ${table} rename to ${before}`)
  for (const { name } of indexes) await run(`drop index ${name}`)
  for (const { type, text } of made) if (type === 'table') await run(`${text} without rowid`)
  await run(`insert into ${table} select * from ${before}`)
  await run(`drop table ${before}`)
  for (const { text } of indexes) await run(text)
}
