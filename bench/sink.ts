import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

export type Value = string | number | null
type Row = { [column: string]: Value }
/** An index, and the statement that makes it. */
export type Index = { name: string; sql: string }

/** Where rows are put fast, by the database's own client. Nothing is waited for until it is closed. */
export type Sink = {
  transaction(work: () => Promise<void>): Promise<void>
  insert(table: string, columns: string[], rows: Value[][]): Promise<void>
  exec(sql: string): Promise<void>
  all(sql: string): Promise<Row[]>
  /** The indexes of a table, but for its key. */
  listIndexes(table: string): Promise<Index[]>
  close(): Promise<void>
}

export function openFileSink(path: string): Sink {
  const db = new DatabaseSync(path)
  db.exec('pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -1000000; pragma temp_store = file')
  const statements = new Map<string, StatementSync>()
  const all: Sink['all'] = async (sql) => db.prepare(sql).all() as Row[]
  return {
    all,
    async transaction(work) {
      db.exec('begin')
      await work()
      db.exec('commit')
    },
    async insert(table, columns, rows) {
      const text = `insert into ${table} (${columns}) values (${columns.map(() => '?')})`
      const statement = statements.get(text) ?? db.prepare(text)
      statements.set(text, statement)
      for (const row of rows) statement.run(...row)
    },
    exec: async (sql) => db.exec(sql),
    listIndexes: async (table) =>
      (await all(
        `select name, sql from sqlite_master where type = 'index' and sql is not null and tbl_name = '${table}'`,
      )) as Index[],
    async close() {
      db.exec('pragma wal_checkpoint(truncate)')
      db.close()
    },
  }
}

export async function openPostgresSink(databaseUrl: string): Promise<Sink> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query("set synchronous_commit = off; set maintenance_work_mem = '1GB'; set work_mem = '256MB'")
  const all: Sink['all'] = async (sql) => (await client.query(sql)).rows
  return {
    all,
    async transaction(work) {
      await client.query('begin')
      await work()
      await client.query('commit')
    },
    async insert(table, columns, rows) {
      const lines = rows.map((row) => `${row.map(toCopied).join('\t')}\n`)
      await pipeline(Readable.from([lines.join('')]), client.query(copyFrom(`copy ${table} (${columns}) from stdin`)))
    },
    exec: async (sql) => void (await client.query(sql)),
    listIndexes: async (table) =>
      (await all(
        `select indexname as name, indexdef as sql from pg_indexes
         where schemaname = 'public' and tablename = '${table}' and indexname not like '%\\_pk'`,
      )) as Index[],
    close: () => client.end(),
  }
}

/** A value as COPY reads it. */
function toCopied(value: Value): string {
  if (value === null) return '\\N'
  return typeof value === 'number' ? String(value) : value.replaceAll(/[\\\t\n\r]/g, (c) => escapes[c] ?? c)
}

const escapes: { [character: string]: string } = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
