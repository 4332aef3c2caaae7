import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  type DialectAdapter,
  type Driver,
  Kysely,
  type LimitNode,
  type QueryCompiler,
  type SqlBool,
  SqliteDialect,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import { Refusal } from '../../error.ts'
import { bind, type Database, type Differences, isNamed, type Query } from './database.ts'
import { createRowWriters, type SQLiteRow } from './sqlite/row-writers.ts'
import type { Tables } from './tables.ts'

/** A statement is kept for each text, up to this many texts: then all are dropped and made anew. */
const statementsMax = 500
/** How long a write waits for another process (a command of the CLI) to finish its own, in milliseconds. */
const busyTimeoutMs = 10_000

/** Opens a SQLite file in WAL mode with `synchronous=FULL`: a commit is on the disk when it returns. */
export function openSqlite(
  path: string,
  { readOnly = false, onDamage = () => {} }: { readOnly?: boolean; onDamage?: (error: Error) => void } = {},
): Database {
  if (!readOnly) makeFile(path)
  const connection = new DatabaseSync(path, { readOnly, timeout: busyTimeoutMs })
  if (!readOnly) {
    connection.exec('pragma journal_mode = wal')
    connection.exec('pragma synchronous = full')
    // What is erased is overwritten, and not only forgotten.
    connection.exec('pragma secure_delete = on')
  }
  connection.exec('pragma cache_size = -32000')
  connection.exec('pragma temp_store = memory')
  connection.exec('pragma foreign_keys = on')

  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    if (statements.size >= statementsMax) statements.clear()
    const statement = connection.prepare(sql)
    statements.set(sql, statement)
    return statement
  }
  const rows = createRowReader(connection)
  const writerOf = createRowWriters(connection, prepare)
  const values = <P>(query: Query<P, unknown>, params: P) => bind(query, params) as SQLInputValue[]

  const kysely = new Kysely<Tables>({
    dialect: new Dialect({
      database: {
        close: () => {},
        prepare: (sql) => {
          const statement = prepare(sql)
          const reader = statement.columns().length > 0
          return {
            reader,
            all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
            run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
            iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
          }
        },
      },
    }),
  })

  const transaction = async <T>(work: () => Promise<T>): Promise<T> => {
    connection.exec('begin immediate')
    try {
      const result = await work()
      connection.exec('commit')
      return result
    } catch (error) {
      // After some failures (a full disk) SQLite has rolled back by itself.
      if (connection.isTransaction) connection.exec('rollback')
      throw error
    }
  }

  return {
    kysely,
    differences,
    insertRows(table, all, key, merge) {
      const [first] = all
      if (first === undefined) return
      const write = writerOf({ table, columns: Object.keys(first), key, merge })
      for (const row of all) write(row as SQLiteRow)
    },
    all<P, R>(query: Query<P, R>, params: P) {
      try {
        return rows.read(query.sql, values(query, params)) as R[]
      } catch (error) {
        if (damaged.has(((error as { errcode?: number }).errcode ?? 0) & 0xff)) onDamage(error as Error)
        throw error
      }
    },
    run: (query, params) => Number(prepare(query.sql).run(...values(query, params)).changes),
    transaction,
    close: () => connection.close(),
  }
}

type Row = { [column: string]: unknown }

/**
 * Reads rows as lists of values, and makes the objects of them here: those that node:sqlite makes have no shape that V8 knows, take
 * twice the memory, and more than that in time wherever they are copied.
 */
function createRowReader(connection: DatabaseSync) {
  /** `model`: a row without values, whose copies have its shape. */
  const readers = new Map<string, { statement: StatementSync; names: string[]; model: Row }>()
  const prepare = (sql: string) => {
    const statement = connection.prepare(sql)
    statement.setReturnArrays(true)
    const names = statement.columns().map(({ name }) => name)
    const reader = { statement, names, model: Object.fromEntries(names.map((name) => [name, null])) }
    if (readers.size >= statementsMax) readers.clear()
    readers.set(sql, reader)
    return reader
  }
  return {
    read(sql: string, values: SQLInputValue[]): Row[] {
      const { statement, names, model } = readers.get(sql) ?? prepare(sql)
      const lists = statement.all(...values) as unknown as unknown[][]
      return lists.map((list) => {
        const row = { ...model }
        for (let i = 0; i < names.length; i++) row[names[i] as string] = list[i]
        return row
      })
    },
  }
}

/**
 * Tables are made or updated in one transaction, which SQLite can do and Kysely does not: whoever is killed meanwhile leaves them
 * as they were. Of processes that open a file together one does it, and the others wait.
 */
class Dialect extends SqliteDialect {
  override createAdapter(): DialectAdapter {
    return Object.defineProperty(super.createAdapter(), 'supportsTransactionalDdl', { value: true })
  }
  override createDriver(): Driver {
    const begin = CompiledQuery.raw('begin immediate')
    return Object.assign(super.createDriver(), {
      beginTransaction: async (connection: DatabaseConnection) => void (await connection.executeQuery(begin)),
    })
  }
  override createQueryCompiler(): QueryCompiler {
    return new Compiler()
  }
}

/** SQLite plans a statement anew each time that it is given the value of a bare `limit ?`, which takes longer than most reads. */
class Compiler extends SqliteQueryCompiler {
  protected override visitLimit({ limit }: LimitNode): void {
    this.append('limit 0 + ')
    this.visitNode(limit)
  }
}

const found: Differences['found'] = (table, list, isFound) =>
  sql`(select t.* from json_each(${list}) as x cross join ${sql.table(table)} as t where ${isFound})`

const differences: Differences = {
  each: (list) => sql<{ value: string }>`json_each(${list})`.as('x'),
  named: (table, list, by) => found(table, list, isNamed(by)),
  found,
  eachText: (list) => sql<{ value: string }>`json_each(${list})`.as('x'),
  isIn: (column, list) => sql<SqlBool>`${sql.ref(column)} in (select value from json_each(${list}))`,
  liesBetween(column, value, { column: within, above, below }) {
    const [one, other] = [sql.ref(column), sql.ref(within)]
    return sql<SqlBool>`${one} = ${value} and ${other} > ${above} and ${other} < ${below}`
  },
  listOf: (columns) => sql<string | null>`json_group_array(json_array(${sql.join(columns.map((c) => sql.ref(c)))}))`,
  unindexed: (column) => sql<number>`+${sql.ref(column)}`,
  // The file has one writer.
  hasLogDays: false,
  async findFileFaults(kysely) {
    const { rows } = await sql<{ text: string }>`select integrity_check as text from pragma_integrity_check`.execute(
      kysely,
    )
    return rows.map(({ text }) => text).filter((text) => text !== 'ok')
  },
  lockRooms: async () => {},
  retryAfterMs: () => undefined,
  toBusy(error) {
    const { errcode, message } = error as { errcode?: unknown; message?: unknown }
    const isBusy = typeof errcode === 'number' && unavailable.has(errcode & 0xff)
    return isBusy ? new Refusal('BUSY', `The disk takes nothing (${message}): try again in a moment`) : undefined
  },
}

/** SQLite's codes of what passes: busy, locked, read-only, an error of the disk, full, not opened. */
const unavailable = new Set([5, 6, 8, 10, 13, 14])

/**
 * Holds a data file for one process: a second one fails at once. It is a lock of the operating system on a file beside
 * it, so that it falls with the process, however that ends. Undefined: another process holds it.
 */
export function lockFile(path: string): { release(): void } | undefined {
  makeFile(path)
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('pragma journal_mode = delete; pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode === sqliteBusy) return undefined
    throw error
  }
  return { release: () => lock.close() }
}

const sqliteBusy = 5
/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const damaged = new Set([11, 26])

/**
 * For its owner alone, as are the files that SQLite makes beside it: it takes over the mode. Never one that is there: to
 * close a file frees the locks that any connection of this process has on it.
 */
function makeFile(path: string): void {
  if (path !== ':memory:' && !existsSync(path)) closeSync(openSync(path, 'a', 0o600))
}
