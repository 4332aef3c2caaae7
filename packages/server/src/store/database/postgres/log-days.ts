import { toIso } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { dayMs, startOfDay } from '../days.ts'
import { openPostgres } from '../postgres.ts'

// On PostgreSQL the log is divided by the day that a fact came, so that dropping a day is one quick step that leaves nothing to tidy up.

/** Days that are made before they begin. */
const daysAhead = 3
/** How long writers may be kept waiting, in milliseconds: else the next look tries again. */
const lockTimeoutMs = 2000

export type LogDays = {
  /** Makes the day of a moment and the next ones, where they are not there. */
  make(now: number): Promise<void>
  /** Makes the days that begin then. */
  makeAll(days: number[]): Promise<void>
  /** Drops the days that are over before, and hold nothing that is kept. */
  dropBefore(before: number): Promise<void>
}

export function openLogDays(url: string): LogDays {
  const makeAll = (days: number[]) =>
    alone(url, async (db) => {
      for (const day of days) await makeDay(db, day)
    })
  return {
    make: (now) => makeAll(Array.from({ length: daysAhead + 1 }, (_, i) => startOfDay(now) + i * dayMs)),
    makeAll,
    dropBefore: (before) =>
      alone(url, async (db) => {
        for (const { name, from } of await listDays(db)) {
          if (from + dayMs <= before && (await holdsNothing(db, name)))
            await sql`drop table ${sql.table(name)}`.execute(db.kysely)
        }
        await sql`
          delete from facts_default as f using counters as c where c.key_id = f.key_id and f.seq <= c.facts_dropped`.execute(
          db.kysely,
        )
      }),
  }
}

/** In a transaction on a connection of its own, of which there is one at a time, whatever processes there are. */
async function alone(url: string, work: (db: Database) => Promise<void>): Promise<void> {
  const db = openPostgres(url, { connections: 1 })
  try {
    await db.transaction(async () => {
      // Others that do the same are waited for; writers are not.
      await sql`select pg_advisory_xact_lock(hashtextextended('rollcall log days', 0))`.execute(db.kysely)
      await sql.raw(`set local lock_timeout = ${lockTimeoutMs}`).execute(db.kysely)
      await work(db)
    })
  } finally {
    await db.close()
  }
}

async function makeDay(db: Database, from: number): Promise<void> {
  const to = from + dayMs
  // What came while there was no such day is in the default one, and stays there.
  const { rows } = await sql`
    select 1 from facts_default where received_at >= ${from} and received_at < ${to} limit 1`.execute(db.kysely)
  if (rows.length > 0) return
  const range = sql.raw(`from (${from}) to (${to})`)
  await sql`create table if not exists ${sql.table(nameOf(from))} partition of facts for values ${range}`.execute(
    db.kysely,
  )
}

async function listDays(db: Database): Promise<{ name: string; from: number }[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'facts'::regclass and c.relname like 'facts_2%' order by c.relname`.execute(db.kysely)
  return rows.map(({ name }) => ({ name, from: Date.parse(name.replace(/^facts_(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')) }))
}

async function holdsNothing(db: Database, day: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from (select key_id, max(seq) as seq from ${sql.table(day)} group by key_id) as f
    left join counters as c on c.key_id = f.key_id where f.seq > coalesce(c.facts_dropped, 0) limit 1`.execute(
    db.kysely,
  )
  return rows.length === 0
}

function nameOf(day: number): string {
  return `facts_${toIso(day).slice(0, 10).replaceAll('-', '')}`
}
