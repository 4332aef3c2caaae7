import { sql } from 'kysely'
import type { Database } from './database/database.ts'
import { serverLock } from './database/postgres/server-lock.ts'
import type { Member } from './members.ts'

/** Begins the name of a process that has no connection of its own to stand for it: others know it by its lease alone. */
export const pooledPrefix = 'pooled-'

/** A server that reaches PostgreSQL through a pooler that pools by transaction: it holds no locks, and hears no notifications. */
export function createPooledMember({ kysely }: Database): Member {
  return {
    lock: async () => [],
    // Nobody is seen to be disconnected: whoever is gone is known by its silence.
    listFree: async () => [],
    cutOff: async () => {},
    async tell(text) {
      await sql`select pg_notify('rollcall', ${text})`.execute(kysely)
    },
    leave: async () => {},
  }
}

/** Whether something has the database for itself, as `rollcall rebuild` does. */
export async function isHeldAlone({ kysely }: Database): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select pg_try_advisory_xact_lock_shared(hashtextextended(${serverLock}, 0)) as taken`.execute(kysely)
  return rows[0]?.taken !== true
}
