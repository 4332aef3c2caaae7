import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { bind, type Database } from '../database.ts'
import { openPostgres, type Postgres } from '../postgres.ts'
import type { Tables } from '../tables.ts'
import type { Ask } from './pool.ts'

/**
 * Where a service is in the log of what was written (an LSN, in bytes): a primary has written all before it, and a replica has it.
 * `service`: the same for a primary and its replicas, and for nothing else.
 */
export type Whereabouts = { service: string; isReplica: boolean; position: number }

const position = `pg_wal_lsn_diff(
  case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end, '0/0')::float8 as position`
const whereabouts = `select (select system_identifier from pg_control_system()) || ' ' || current_database() as service,
  pg_is_in_recovery() as "isReplica", ${position}`

export async function findWhereabouts(ask: (text: string) => Promise<pg.QueryResult>): Promise<Whereabouts> {
  return (await ask(whereabouts)).rows[0] as Whereabouts
}

export async function findPosition({ ask }: Pick<Postgres, 'ask'>): Promise<number> {
  const { rows } = await ask(`select ${position}`, [])
  return Number(rows[0]?.position)
}

/** Throws where a service is no replica of another, in words for whoever set its address. */
export function requireReplicaOf(primary: Whereabouts, { service, isReplica }: Whereabouts): void {
  if (service !== primary.service) throw new Error('it is no replica of the database that DATABASE_URL names')
  if (!isReplica) throw new Error('it is no replica: it takes writes')
}

/** The position of one service says nothing of the next that such a pooler leads to. */
export function throughPooler(): Error {
  return new Error('a pooler that pools by transaction is in between: give the address of PostgreSQL itself')
}

/** One connection to a replica, and how far it has come. */
export type ReplicaConnection = {
  /** Asks the replica, and the primary where the replica fails to answer. */
  db: Database
  /** How many read by it at the moment. */
  busy(): number
  /** It is used from here on, to read what was written up to `needed`. Gives what ends that. */
  begin(needed: number): () => void
  /** Whether it has all that was written before, as far as is known without asking. */
  has(needed: number): boolean
  /** Finds how far it is by now. */
  look(): Promise<void>
  breakOff(): void
  close(): Promise<void>
}

/**
 * What was once read on a connection is there for as long as it lasts, so its position is asked only when it is too low. Another
 * connection may lead to another replica, or to one that was started again and is further behind: it begins anew.
 * @param failed called with what the replica did not answer
 */
export function openReplicaConnection(
  url: string,
  primary: Postgres,
  { findPrimary, failed }: { findPrimary(): Promise<Whereabouts>; failed(error: unknown): void },
): ReplicaConnection {
  let position = -1
  let readers = 0
  /** What those who read at the moment need. */
  let needed = 0
  const replica = openPostgres(url, {
    connections: 1,
    isBounded: true,
    async onConnect(client) {
      position = -1
      const found = await findWhereabouts((text) => client.query(text))
      requireReplicaOf(await findPrimary(), found)
      if (found.position < needed) throw new Error('it is further behind than what is read')
      position = found.position
    },
  })
  const ask: Ask = async (...asked) => {
    try {
      return await replica.ask(...asked)
    } catch (error) {
      failed(error)
      return primary.ask(...asked)
    }
  }
  return {
    db: askedBy(ask, primary),
    busy: () => readers,
    begin(needs) {
      readers += 1
      needed = Math.max(needed, needs)
      return () => {
        readers -= 1
        if (readers === 0) needed = 0
      }
    },
    has: (needs) => position >= needs,
    async look() {
      const found = await findPosition(replica)
      position = Math.max(position, found)
    },
    breakOff: replica.breakOff,
    close: async () => replica.close(),
  }
}

/** A database that is read in another way than it is written. */
function askedBy(ask: Ask, primary: Postgres): Database {
  const client = { query: (text: string, values: unknown[]) => ask(text, values, false), release() {} }
  const pool = { connect: async () => client, end: async () => {} } as unknown as pg.Pool
  return {
    ...primary,
    kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    all: async (query, params) => (await ask(query.sql, bind(query, params))).rows,
  }
}
