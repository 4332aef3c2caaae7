import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, type SqlBool, sql } from 'kysely'
import type pg from 'pg'
import { StartRefusal } from '../../error.ts'
import { bind, type Database, type Differences, isNamed, type Query } from './database.ts'
import { connectAlone, connectionsTo } from './postgres/connections.ts'
import { isAborted, isConflict, isUnavailable, toBusy } from './postgres/errors.ts'
import { clean, insertRows } from './postgres/insert.ts'
import { type Ask, openPool, type Pool } from './postgres/pool.ts'
import { isPooledByTransaction } from './postgres/pooling.ts'
import { serverLock } from './postgres/server-lock.ts'
import type { Tables } from './tables.ts'

/** A transaction that met another is tried again, so many times. */
const conflictTries = 10
/** A service that does not answer, or says no, is tried again for this long, in milliseconds; then whoever asked is told. */
export const awayMaxMs = 30_000
/** A transaction that asks nothing for this long is broken off, in milliseconds: its process sleeps, and others wait for it. */
const idleMaxMs = 5000
/** What holds a lock for this long, in milliseconds, is no transaction of ours: whoever waits for it is told that it is busy. */
const lockMaxMs = 5000
/** A server behind a pooler that pools by transaction has renewed its lease within this, in milliseconds. */
const pooledRenewalMs = 5000
/**
 * What of a server waits for a lock of others fails after a while. And it asks for few rows by their names: PostgreSQL, which guesses how
 * many, and keeps plans, would read tables whole that were small when it made them, for each name anew; and where it cannot but do
 * that, it takes the cost for one that is worth compiling the query for.
 */
const ofServer = [`lock_timeout = ${lockMaxMs}`, 'enable_seqscan = off', 'jit = off']
/** What is set on the coordinator for a transaction, and that alone, is set where its rows lie, too. */
const asSetBefore = "set local citus.propagate_set_commands = 'local'"
/** From one try to the next, in milliseconds. */
export const retryMs = 500

export type PostgresOptions = {
  connections: number
  /** The schema of what is named without one, in place of the usual. */
  schema?: string
  /** A pooler gives each transaction another connection: nothing is kept on one from transaction to transaction. */
  isPooled?: boolean
  /** A server's: whatever waits for a lock of others fails after a while, and rows are found by indexes. Default: a command's. */
  isBounded?: boolean
  /** Transactions wait for a service that is away for this long, in milliseconds. Default: half a minute. */
  awayMaxMs?: number | undefined
  /** It is Citus, and the record lies on it by key. */
  isDistributed?: boolean
  /** Called when the service is found to take no writes: it is a standby by now. */
  onReadOnly?: () => void
  /** Asks each new connection before anything else is asked on it. Where it rejects, the connection is not used. */
  onConnect?: (client: pg.ClientBase) => Promise<void>
}

export type Postgres = Database & Pick<Pool, 'renew' | 'breakOff'> & { ask: Ask }

/** Connections to a PostgreSQL service; with one connection, its transactions follow one another. */
export function openPostgres(
  url: string,
  {
    connections: max,
    schema,
    isPooled = false,
    isBounded = false,
    isDistributed = false,
    awayMaxMs: maxMs = awayMaxMs,
    onReadOnly = () => {},
    onConnect,
  }: PostgresOptions,
): Postgres {
  const parameters = isBounded ? ofServer : []
  const pool = openPool(url, { max, schema, onReadOnly, onConnect, parameters: isPooled ? [] : parameters })
  const settings = [
    `set local idle_in_transaction_session_timeout = ${idleMaxMs}`,
    ...(isDistributed ? [asSetBefore] : []),
    ...(isPooled || isDistributed ? parameters.map((one) => `set local ${one}`) : []),
  ]
  /** The connection of the transaction under way. */
  let held: pg.PoolClient | undefined
  /** What failed first in it: whatever was sent behind that is told only that the transaction is aborted. */
  let firstFailure: unknown
  const nameOf = nameTexts()
  const begin = ['begin', ...settings].join('; ')
  /** On the connection of the transaction under way, or on any. */
  const withClient = async <T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
    // Inside a transaction it is the transaction that is tried again.
    if (held !== undefined) {
      return work(held).catch((error: unknown) => {
        firstFailure ??= error
        throw error
      })
    }
    try {
      const client = await pool.take()
      let failure: unknown
      try {
        return await work(client)
      } catch (error) {
        failure = error
        throw error
      } finally {
        pool.release(client, failure)
      }
    } catch (error) {
      throw toBusy(error) ?? error
    }
  }
  const query: Ask = (text, values, isKept = true) =>
    withClient((client) =>
      client.query({ ...(isKept && !isPooled && { name: nameOf(text) }), text, values: values.map(clean) }),
    )

  return {
    // Kysely's own queries go over the connection of the transaction too.
    kysely: new Kysely<Tables>({
      dialect: new PostgresDialect({
        pool: {
          connect: async () => {
            const ofTransaction = held
            const client = ofTransaction ?? (await pool.take().catch(throwBusy))
            let failure: unknown
            return {
              query: (text: string, values: unknown[]) =>
                client.query(text, values.map(clean)).catch((error: unknown) => {
                  failure ??= error
                  if (ofTransaction === undefined) throwBusy(error)
                  throw error
                }),
              release: () => (ofTransaction === undefined ? pool.release(client, failure) : undefined),
            } as unknown as pg.PoolClient
          },
          end: async () => {},
        } as pg.Pool,
      }),
    }),
    differences: differencesOf(query, maxMs),
    all: async <P, R>(compiled: Query<P, R>, params: P) =>
      (await query(compiled.sql, bind(compiled, params))).rows as R[],
    run: async (compiled, params) => (await query(compiled.sql, bind(compiled, params))).rowCount ?? 0,
    insertRows: (table, rows, key, merge) => insertRows(query, { table, rows, key, merge, isDistributed }),
    async transaction(work) {
      const client = await pool.take()
      let failure: unknown
      held = client
      firstFailure = undefined
      try {
        // In one message, and for this transaction alone: a pooler between takes nothing else from a client.
        await client.query(begin)
        const result = await work()
        await client.query('commit')
        return result
      } catch (error) {
        failure = isAborted(error) ? firstFailure : error
        await client.query('rollback').catch((lost: unknown) => {
          if (!isUnavailable(failure)) failure = lost
        })
        throw isAborted(error) ? firstFailure : error
      } finally {
        held = undefined
        pool.release(client, failure)
      }
    },
    ask: query,
    renew: pool.renew,
    breakOff: pool.breakOff,
    close: pool.end,
  }
}

/** A name for each text that a connection keeps. */
function nameTexts(): (text: string) => string {
  const names = new Map<string, string>()
  // Its own: behind a pooler another's of the same name may be there already.
  const prefix = `q${randomBytes(4).toString('hex')}_`
  return (text) => {
    const known = names.get(text)
    if (known !== undefined) return known
    const name = `${prefix}${names.size}`
    names.set(text, name)
    return name
  }
}

/** @param query asks on the connection of the transaction under way */
function differencesOf(query: Ask, awayMaxMs: number): Differences {
  return {
    ...lists,
    // It knows what its tables are like.
    unindexed: (column) => sql.ref(column),
    hasLogDays: true,
    findFileFaults: async () => [],
    async lockRooms(keyId, roomIds) {
      // In one order, so that of two transactions neither waits for the other in a circle.
      const names = [...new Set(roomIds)].sort().map((roomId) => `${keyId} ${roomId}`)
      await query(
        'select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest($1::text[]) with ordinality as n(name, i) order by i',
        [names],
      )
    },
    retryAfterMs(error, { tries, waitedMs }) {
      if (isConflict(error) && tries < conflictTries) return Math.random() * 20 * (tries + 1)
      if (isUnavailable(error) && waitedMs < awayMaxMs) return retryMs
      return undefined
    },
    toBusy,
  }
}

function throwBusy(error: unknown): never {
  throw toBusy(error) ?? error
}

// `offset 0` keeps the look-up of one from being planned as a join with all, which reads a table that was small whole.
const found: Differences['found'] = (table, list, isFound) => sql`(
  select t.* from json_array_elements(cast(${list} as json)) as x(value)
  cross join lateral (select * from ${sql.table(table)} as t where ${isFound} offset 0) as t)`

const lists: Pick<Differences, 'each' | 'named' | 'found' | 'eachText' | 'isIn' | 'liesBetween' | 'listOf'> = {
  each: (list) => sql<{ value: string }>`json_array_elements(cast(${list} as json))`.as<'x'>(sql`x(value)`),
  named: (table, list, by) => found(table, list, isNamed(by)),
  found,
  eachText: (list) => sql<{ value: string }>`json_array_elements_text(cast(${list} as json))`.as<'x'>(sql`x(value)`),
  // Of an array, and not of a query: that is planned as a join, which walks over all of a key where its tables look otherwise than they are.
  isIn: (column, list) =>
    sql<SqlBool>`${sql.ref(column)} = any (array(select json_array_elements_text(cast(${list} as json))))`,
  liesBetween(column, value, { column: within, above, below }) {
    const both = sql`(${sql.ref(column)}, ${sql.ref(within)})`
    return sql<SqlBool>`${both} > (${value}, ${above}) and ${both} < (${value}, ${below})`
  },
  listOf(columns) {
    const list = sql.join(columns.map((column) => sql.ref(column)))
    return sql<string | null>`cast(json_agg(json_build_array(${list})) as text)`
  },
}

/** Holds a database for this process alone, as long as it is connected. Undefined: servers hold it, or something else does. */
export async function lockDatabase(url: string): Promise<{ release(): Promise<void> } | undefined> {
  if (await isPooledByTransaction(url)) {
    throw new StartRefusal(
      'a pooler that pools by transaction is in between: this command takes the address of PostgreSQL itself',
    )
  }
  const client = await connectAlone(connectionsTo(url))
  const { rows } = await client.query('select pg_try_advisory_lock(hashtextextended($1, 0)) as taken', [serverLock])
  if (rows[0]?.taken === true && !(await isServerBehindPooler(client))) return { release: () => client.end() }
  await client.end()
  return undefined
}

/** Servers behind a pooler hold no lock: those that run renew their lease. */
async function isServerBehindPooler(client: pg.Client): Promise<boolean> {
  const { rows: tables } = await client.query("select to_regclass('leases') is not null as are_there")
  if (tables[0]?.are_there !== true) return false
  const list = async () => {
    const { rows } = await client.query("select holder, renewed_at from leases where holder like 'pooled-%'")
    return rows.map(({ holder, renewed_at }) => `${holder} ${renewed_at}`).sort()
  }
  const before = await list()
  if (before.length === 0) return false
  await new Promise((resolve) => setTimeout(resolve, pooledRenewalMs))
  return (await list()).join() !== before.join()
}
