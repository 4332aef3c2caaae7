import { hash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'

// All tables of a record, row by row, from one database to another.

/** Rows that are copied in one transaction, or read at once. */
const pageRows = 2000

type Row = { [column: string]: unknown }
type Table = { name: keyof Tables; columns: string[]; key: string[] }

/** How many rows a table has, and a number that follows from all of them, in whatever order they come. */
export type Digest = { rows: number; sum: bigint }

export type Copier = {
  /** Copies what is not there yet; goes on where it was broken off. `progress` is told of each page. */
  copy(progress: (rows: number) => void): Promise<void>
  /** Each table of either side. `progress` is told of each page. */
  compare(progress: (rows: number) => void): Promise<{ table: string; from: Digest; to: Digest }[]>
  /** How many rows there are to copy. */
  count(): Promise<number>
  /** Leaves nothing of the copying behind. */
  finish(): Promise<void>
}

/** Whether anything is in a database that a copy, begun or whole, did not bring: the tables of a server are there, and empty. */
export async function isFree(to: Database): Promise<boolean> {
  const tables = await to.kysely.introspection.getTables()
  if (tables.some(({ name }) => name === 'copied_tables')) return true
  return (await to.kysely.selectFrom('keys').select('key_id').limit(1).execute()).length === 0
}

/** @param from a SQLite file, both with the latest tables */
export async function createCopier(from: Database, to: Database): Promise<Copier> {
  const tables = await listTables(from)
  await sql`create table if not exists copied_tables (name text primary key, last_json text not null)`.execute(
    to.kysely,
  )

  return {
    async count() {
      let rows = 0
      for (const { name } of tables) rows += await countRows(from, name)
      return rows
    },
    async copy(progress) {
      for (const table of tables) {
        let last = await lastOf(to, table)
        for (;;) {
          const rows = await readAfter(from, table, last)
          const end = rows.at(-1)
          if (end === undefined) break
          const place = table.key.map((column) => end[column])
          await to.transaction(async () => {
            await to.insertRows(table.name, rows as never)
            await noteLast(to, table, place)
          })
          last = place
          progress(rows.length)
        }
      }
      await sql`select setval(pg_get_serial_sequence('keys', 'key_id'), (select max(key_id) from keys))`.execute(
        to.kysely,
      )
    },
    async compare(progress) {
      const compared = []
      for (const table of tables) {
        compared.push({
          table: table.name,
          from: await digest(from, table, progress),
          to: await digest(to, table, progress),
        })
      }
      return compared
    },
    async finish() {
      await sql`drop table copied_tables`.execute(to.kysely)
    },
  }
}

async function listTables(db: Database): Promise<Table[]> {
  const { rows } = await sql<{ name: keyof Tables }>`
    select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'kysely_%'
    order by name`.execute(db.kysely)
  const tables: Table[] = []
  for (const { name } of rows) {
    const info = await sql<{ name: string; pk: number }>`select name, pk from pragma_table_info(${name})`.execute(
      db.kysely,
    )
    const inKey = info.rows.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
    tables.push({ name, columns: info.rows.map((column) => column.name), key: inKey.map((column) => column.name) })
  }
  return tables
}

/** In order of the key. */
async function readAfter(db: Database, { name, columns, key }: Table, last: unknown[] | undefined): Promise<Row[]> {
  const list = sql.join(key.map((column) => sql.ref(column)))
  const after = last === undefined ? sql`` : sql`where (${list}) > (${sql.join(last)})`
  const { rows } = await sql<Row>`
    select ${sql.join(columns.map((column) => sql.ref(column)))} from ${sql.table(name)} ${after} order by ${list} limit ${sql.lit(pageRows)}`.execute(
    db.kysely,
  )
  return rows
}

async function countRows(db: Database, name: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(name)}`.execute(db.kysely)
  return Number(rows[0]?.n)
}

async function lastOf(to: Database, { name }: Table): Promise<unknown[] | undefined> {
  const { rows } = await sql<{
    last: string
  }>`select last_json as last from copied_tables where name = ${name}`.execute(to.kysely)
  return rows[0] && (JSON.parse(rows[0].last) as unknown[])
}

async function noteLast(to: Database, { name }: Table, last: unknown[]): Promise<void> {
  await sql`
    insert into copied_tables values (${name}, ${JSON.stringify(last)})
    on conflict (name) do update set last_json = excluded.last_json`.execute(to.kysely)
}

async function digest(db: Database, table: Table, progress: (rows: number) => void): Promise<Digest> {
  const found = { rows: 0, sum: 0n }
  let last: unknown[] | undefined
  for (;;) {
    const rows = await readAfter(db, table, last)
    const end = rows.at(-1)
    if (end === undefined) return found
    last = table.key.map((column) => end[column])
    for (const row of rows) {
      const text = JSON.stringify(table.columns.map((column) => row[column]))
      found.sum = BigInt.asUintN(64, found.sum + hash('sha256', text, 'buffer').readBigUInt64LE())
    }
    found.rows += rows.length
    progress(rows.length)
  }
}
