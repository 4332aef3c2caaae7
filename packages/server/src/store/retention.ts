import { sql } from 'kysely'
import type { Database } from './database/database.ts'
import { noun, type Over, query } from './noun.ts'
import { openBuckets } from './sessions/buckets.ts'
import { eraseNewest } from './sessions/newest-texts.ts'
import { breakUsage, eraseUsage } from './usage.ts'

/** Sessions that are erased in one transaction, and facts and deliveries that are dropped in one. */
const eraseMax = 50
const dropMax = 2000

export type EndedSession = { keyId: number; id: string; roomId: string; source: string; startAt: number | null }
type LoggedFact = { seq: number; changeSeq: number; receivedAt: number }

/** What is of a session, and goes with it. */
const tablesOfSessions = [
  ...(['participants', 'marks', 'seals', 'media'] as const),
  ...(['quality', 'quality_origins', 'webhook_deliveries'] as const),
]

const keysInOrder = query<object, { keyId: number }>((k) =>
  k.selectFrom('keys').select('key_id as keyId').orderBy('key_id'),
)
const oldest = query<{ keyId: number; before: number; limit: number }, EndedSession>((k, p) =>
  k
    .selectFrom('sessions')
    .select(['key_id as keyId', 'id', 'room_id as roomId', 'source', 'start_at as startAt'])
    .where('key_id', '=', p.keyId)
    .where('start_at', '<', p.before)
    .where('end_at', '<', p.before)
    .orderBy('start_at')
    .limit(p.limit),
)
const beginning = query<{ keyId: number; limit: number }, LoggedFact>((k, p) =>
  k
    .selectFrom('facts as f')
    .innerJoin('counters as c', 'c.key_id', 'f.key_id')
    .select(['f.seq', 'f.change_seq as changeSeq', 'f.received_at as receivedAt'])
    .where('f.key_id', '=', p.keyId)
    .where((eb) => eb('f.seq', '>', eb.ref('c.facts_dropped')))
    .orderBy('f.seq')
    .limit(p.limit),
)
const dropErased = query<{ before: number }>((k, p) =>
  k.deleteFrom('erased_sessions').where('erased_at', '<', p.before),
)
const doneDeliveries = query<{ before: number; limit: number }, { keyId: number; id: string }>((k, p) =>
  k
    .selectFrom('webhook_endpoints as e')
    .innerJoin('webhook_deliveries as d', (join) =>
      join.onRef('d.key_id', '=', 'e.key_id').onRef('d.endpoint_id', '=', 'e.id'),
    )
    .select(['d.key_id as keyId', 'd.id'])
    .where('d.created_at', '<', p.before)
    .where('d.state', '!=', sql.lit('pending'))
    .limit(p.limit),
)

const keptTime = query<{ id: number }, { at: number; seenAt: number }>((k, p) =>
  k.selectFrom('confirmed_time').select(['at', 'seen_at as seenAt']).where('id', '=', p.id),
)
const latestFact = query<object, { at: number | null }>((k) =>
  k
    .selectFrom('counters as c')
    .innerJoin('facts as f', (join) => join.onRef('f.key_id', '=', 'c.key_id').onRef('f.seq', '=', 'c.fact_seq'))
    .select((eb) => eb.fn.max('f.received_at').as('at')),
)
/** There is one row. */
const timeId = 1

/** What ends the keeping of things. */
export const retention = noun({
  reads: {
    /** The time that was confirmed at the last look, and what the clock said then. */
    async findTime({ db }: Over): Promise<{ at: number; seenAt: number } | undefined> {
      return (await db.all(keptTime(db), { id: timeId }))[0]
    },
    /** When the latest fact of all keys came. */
    async findLastFactAt({ db }: Over): Promise<number | undefined> {
      return (await db.all(latestFact(db), {}))[0]?.at ?? undefined
    },
  },
  writes: {
    async keepTime({ db }: Over, { at, seenAt }: { at: number; seenAt: number }): Promise<void> {
      await db.insertRows('confirmed_time', [{ id: timeId, at, seen_at: seenAt }], ['id'])
    },
    /** Erases ended sessions from before, the oldest first, some at a time, with all that is theirs. Gives how many. */
    async eraseSessions({ db, now }: Over, { before }: { before: number }): Promise<number> {
      const sessions: EndedSession[] = []
      for (const { keyId } of await db.all(keysInOrder(db), {})) {
        const limit = eraseMax - sessions.length
        if (limit > 0) sessions.push(...(await db.all(oldest(db), { keyId, before, limit })))
      }
      await eraseEnded(db, sessions, now())
      return sessions.length
    },
    /** Drops what the log has from before, and the webhooks that are done with, some at a time. Gives how many. */
    async dropLog({ db }: Over, { before }: { before: number }): Promise<number> {
      return (await dropFacts(db, before, dropMax)) + (await dropDeliveries(db, before, dropMax))
    },
  },
  unseen: ['keepTime'],
})

/** Erases sessions that ended, with all that is theirs but the log. */
export async function eraseEnded(db: Database, sessions: EndedSession[], erasedAt: number): Promise<void> {
  const buckets = openBuckets(db)
  const ofKeys = [...Map.groupBy(sessions, (session) => session.keyId)]
  for (const [keyId, ofKey] of ofKeys) {
    const roomIds = ofKey.map(({ roomId }) => roomId)
    await db.differences.lockRooms(keyId, roomIds)
    for (const { roomId, source, startAt } of ofKey) {
      if (startAt !== null) buckets.count(keyId, { roomId, source, startAt, ended: true }, undefined)
    }
    await breakUsage(
      db,
      keyId,
      ofKey.map(({ id }) => id),
    )
    await eraseAll(db, keyId, ofKey, erasedAt)
  }
  await buckets.flush()
  for (const [keyId, ofKey] of ofKeys) {
    const roomIds = ofKey.map(({ roomId }) => roomId)
    await dropEmptyCounts(db, keyId, ['', ...roomIds])
    await eraseNewest(db, keyId, ofKey)
    await eraseUsage(
      db,
      keyId,
      ofKey.map(({ startAt }) => startAt),
    )
  }
}

/** Of a room that has no session any more nothing is counted, as of one that never had. */
async function dropEmptyCounts(db: Database, keyId: number, roomIds: string[]): Promise<void> {
  for (const table of ['session_buckets', 'session_counts'] as const) {
    await db.kysely
      .deleteFrom(table)
      .where('key_id', '=', keyId)
      .where('room_id', 'in', roomIds)
      .where('sessions', '=', 0)
      .execute()
  }
}

async function eraseAll(db: Database, keyId: number, sessions: EndedSession[], erasedAt: number): Promise<void> {
  const k = db.kysely
  const ids = sessions.map(({ id }) => id)
  // Who was in them may be in none any more.
  await k
    .updateTable('people')
    .set({ stale: 1 })
    .where('key_id', '=', keyId)
    .where('merged', '=', 0)
    .where(
      'id',
      'in',
      k.selectFrom('participants').select('participant_id').where('key_id', '=', keyId).where('session_id', 'in', ids),
    )
    .execute()
  for (const table of tablesOfSessions) {
    await k.deleteFrom(table).where('key_id', '=', keyId).where('session_id', 'in', ids).execute()
  }
  await k.deleteFrom('sessions').where('key_id', '=', keyId).where('id', 'in', ids).execute()
  const rows = ids.map((session_id) => ({ key_id: keyId, session_id, erased_at: erasedAt }))
  await db.insertRows('erased_sessions', rows, ['key_id', 'session_id'])
}

/**
 * Drops facts from the beginning of each key's log that came before, with their claims and the changes they made: about so
 * many. Where the log has days, the facts themselves stay until their day is dropped. Changes that a webhook is still to tell
 * of stay. Gives how many.
 */
async function dropFacts(db: Database, before: number, limit: number): Promise<number> {
  let dropped = 0
  for (const { keyId } of await db.all(keysInOrder(db), {})) {
    const rows = await db.all(beginning(db), { keyId, limit })
    const keptFrom = rows.findIndex(({ receivedAt }) => receivedAt >= before)
    const old = keptFrom === -1 ? rows : rows.slice(0, keptFrom)
    const last = old.at(-1)
    if (last !== undefined) await dropUntil(db, keyId, last)
    dropped += old.length
  }
  await db.run(dropErased(db), { before })
  return dropped
}

/** Drops webhooks that are done with and were planned before: so many at most. Gives how many. */
async function dropDeliveries(db: Database, before: number, limit: number): Promise<number> {
  const done = await db.all(doneDeliveries(db), { before, limit })
  for (const [keyId, ofKey] of Map.groupBy(done, (row) => row.keyId)) {
    const ids = ofKey.map(({ id }) => id)
    await db.kysely.deleteFrom('webhook_deliveries').where('key_id', '=', keyId).where('id', 'in', ids).execute()
  }
  return done.length
}

/** Drops the log of a key up to a fact. */
async function dropUntil(db: Database, keyId: number, last: LoggedFact): Promise<void> {
  const k = db.kysely
  await sql`
    delete from claims where key_id = ${keyId} and (source, fact_id) in (
      select f.source, f.fact_id from facts as f join counters as c on c.key_id = f.key_id
      where f.key_id = ${keyId} and f.seq > c.facts_dropped and f.seq <= ${last.seq})`.execute(k)
  if (!db.differences.hasLogDays)
    await k.deleteFrom('facts').where('key_id', '=', keyId).where('seq', '<=', last.seq).execute()
  const changeSeq = await dropChanges(db, keyId, last.changeSeq)
  await k
    .updateTable('counters')
    .set({ facts_dropped: last.seq, changes_dropped: changeSeq })
    .where('key_id', '=', keyId)
    .execute()
}

/** Drops the changes of a key up to this one, but none that a webhook is still to tell of. Gives the last that is dropped. */
async function dropChanges(db: Database, keyId: number, until: number): Promise<number> {
  const k = db.kysely
  const told = await k
    .selectFrom('webhook_cursors as c')
    .leftJoin('webhook_endpoints as e', (join) =>
      join.onRef('e.key_id', '=', 'c.key_id').onRef('e.id', '=', 'c.endpoint_id'),
    )
    .select((eb) => eb.fn.min('c.seq').as('seq'))
    .where('c.key_id', '=', keyId)
    .where('e.disabled_at', 'is', null)
    .executeTakeFirst()
  const { dropped } = await k
    .selectFrom('counters')
    .select('changes_dropped as dropped')
    .where('key_id', '=', keyId)
    .executeTakeFirstOrThrow()
  const last = Math.max(dropped, Math.min(until, told?.seq ?? until))
  await k.deleteFrom('changes').where('key_id', '=', keyId).where('seq', '<=', last).execute()
  return last
}
