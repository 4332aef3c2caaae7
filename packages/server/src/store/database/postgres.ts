import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { Refusal } from '../../error.ts'
import { bind, type Database, type Differences, onConflict, type Query } from './database.ts'
import type { Tables } from './tables.ts'

/** How long to wait for a connection, in milliseconds. */
export const connectTimeoutMs = 10_000
/** A transaction that met another is tried again, so many times. */
const conflictTries = 10
/** A service that does not answer is tried again for this long, in milliseconds; then whoever asked is told. */
const lostMs = 30_000
/** A transaction that asks nothing for this long is broken off, in milliseconds: its process sleeps, and others wait for it. */
const idleMaxMs = 5000
export const lostRetryMs = 500

/** Whole numbers of 64 bits come as numbers: ours are times and counts, far below 2 to the 53rd. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
      ? Number
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
}

/** Connections to a PostgreSQL service; with one connection, its transactions follow one another. */
export function openPostgres(url: string, { connections }: { connections: number }): Database {
  const pool = openPool(url, connections)
  /** The connection of the transaction under way. */
  let held: pg.PoolClient | undefined
  /** What went wrong first in it: whatever was sent behind that is told only that it is aborted. */
  let failure: unknown
  const names = new Map<string, string>()

  const nameOf = (text: string): string => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `q${names.size}`
    names.set(text, name)
    return name
  }
  const query = async (text: string, values: unknown[]): Promise<pg.QueryResult> => {
    try {
      return await (held ?? pool).query({ name: nameOf(text), text, values: values.map(clean) })
    } catch (error) {
      failure ??= error
      // Inside a transaction it is the transaction that is tried again.
      if (held === undefined && isLost(error))
        throw new Refusal('BUSY', 'The database does not answer: try again in a moment')
      throw error
    }
  }

  const differences: Differences = {
    ...lists,
    hasLogDays: true,
    async lockRooms(keyId, roomIds) {
      // In one order, so that of two transactions neither waits for the other in a circle.
      const names = [...new Set(roomIds)].sort().map((roomId) => `${keyId} ${roomId}`)
      await query(
        'select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest($1::text[]) with ordinality as n(name, i) order by i',
        [names],
      )
    },
    retryAfterMs(error, tries) {
      if (isConflict(error) && tries < conflictTries) return Math.random() * 20 * (tries + 1)
      if (isLost(error) && tries * lostRetryMs < lostMs) return lostRetryMs
      return undefined
    },
  }

  return {
    // Kysely's own queries go over the connection of the transaction too.
    kysely: new Kysely<Tables>({
      dialect: new PostgresDialect({
        pool: {
          connect: async () => {
            const ofTransaction = held
            const client = ofTransaction ?? (await pool.connect())
            return {
              query: (text: string, values: unknown[]) => client.query(text, values.map(clean)),
              release: () => (ofTransaction === undefined ? client.release() : undefined),
            } as unknown as pg.PoolClient
          },
          end: async () => {},
        } as pg.Pool,
      }),
    }),
    differences,
    all: async <P, R>(compiled: Query<P, R>, params: P) =>
      (await query(compiled.sql, bind(compiled, params))).rows as R[],
    run: async (compiled, params) => (await query(compiled.sql, bind(compiled, params))).rowCount ?? 0,
    async insertRows(table, rows, key, merge) {
      const [first] = rows
      if (first === undefined) return
      const columns = Object.keys(first)
      const list = columns.map((name) => `"${name}"`).join()
      const cleaned = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, clean(value)])),
      )
      await query(
        `insert into ${table} (${list}) select ${list} from json_populate_recordset(null::${table}, $1)${onConflict(columns, key, merge)}`,
        [JSON.stringify(cleaned)],
      )
    },
    async transaction(work) {
      const client = await pool.connect()
      let broken: Error | undefined
      held = client
      failure = undefined
      try {
        await client.query('begin')
        const result = await work()
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((lost: Error) => {
          broken = lost
        })
        throw codeOf(error) === abortedCode ? failure : error
      } finally {
        held = undefined
        client.release(broken)
      }
    },
    close: () => pool.end(),
  }
}

function openPool(connectionString: string, max: number): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    types,
    application_name: 'rollcall',
    // What a transaction asks is sent while what it asked before is still answered.
    pipeline: true,
    idle_in_transaction_session_timeout: idleMaxMs,
  })
  // A connection that breaks is replaced; whatever was asked on it fails by itself.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

const lists: Pick<Differences, 'each' | 'eachText' | 'texts' | 'listOf'> = {
  each: (list) => sql<{ value: string }>`json_array_elements(cast(${list} as json))`.as<'x'>(sql`x(value)`),
  eachText: (list) => sql<{ value: string }>`json_array_elements_text(cast(${list} as json))`.as<'x'>(sql`x(value)`),
  texts: (list) => sql<string>`(select json_array_elements_text(cast(${list} as json)))`,
  listOf(columns) {
    const list = sql.join(columns.map((column) => sql.ref(column)))
    return sql<string | null>`cast(json_agg(json_build_array(${list})) as text)`
  },
}

/** Servers share this lock, each as long as it is connected; what needs the database for itself takes it alone. */
export const serverLock = 'rollcall server'

/** Holds a database for this process alone, as long as it is connected. Undefined: servers hold it, or something else does. */
export async function lockDatabase(url: string): Promise<{ release(): Promise<void> } | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs, keepAlive: true })
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query('select pg_try_advisory_lock(hashtextextended($1, 0)) as taken', [serverLock])
  if (rows[0]?.taken === true) return { release: () => client.end() }
  await client.end()
  return undefined
}

/** PostgreSQL keeps no NUL and no half characters in a text. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean)
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value
}

/** Of a statement in a transaction in which another one failed before. */
const abortedCode = '25P02'

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | undefined)?.code ?? '')
}

/** Two transactions met: serialization failure, deadlock, or a key that both made. */
function isConflict(error: unknown): boolean {
  return ['40001', '40P01', '23505'].includes(codeOf(error))
}

/** The service went away, or is not there yet. */
export function isLost(error: unknown): boolean {
  const code = codeOf(error)
  if (/^(08|57P)/.test(code) || ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'].includes(code))
    return true
  return /Connection terminated|connection timeout|Client has encountered a connection error/i.test(String(error))
}
