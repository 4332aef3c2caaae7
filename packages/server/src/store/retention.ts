import { type Kysely, sql } from 'kysely'
import type { Database } from './database/database.ts'
import { dayMs } from './database/days.ts'
import type { Tables } from './database/tables.ts'
import { noun, type Over, query } from './noun.ts'
import { openBuckets } from './sessions/buckets.ts'
import { eraseNewest } from './sessions/newest-texts.ts'
import { breakUsage, eraseUsage } from './usage.ts'

/** Sessions that are erased in one transaction, and facts and deliveries that are dropped in one. */
const eraseMax = 50
const dropMax = 2000
/** Rooms that are looked at in one question. */
const pageRooms = 500

export type EndedSession = { keyId: number; id: string; roomId: string; source: string; startAt: number | null }
type LoggedFact = { seq: number; changeSeq: number; receivedAt: number }

/** What is of a session, and goes with it. */
const tablesOfSessions = [
  ...(['participants', 'marks', 'seals', 'media'] as const),
  ...(['quality', 'quality_origins', 'webhook_deliveries'] as const),
]

/** Sessions of a key, or of one of its rooms, that began and ended before. */
export type OldSessions = { keyId: number; roomId?: string; before: number }
/** What the log of a key has from before. `isOwn`: while that of others is kept for longer. */
export type OldLog = { keyId: number; before: number; isOwn: boolean }

/** For how many days the sessions of a key are kept, as its owner says it, of the key and of its rooms. */
export type KeyRetention = {
  keyId: number
  days: number | null
  /** Of the rooms for which it is said. */
  roomsMin: number | null
  roomsMax: number | null
}
const settings = query<object, KeyRetention>((k) =>
  k
    .selectFrom('keys as k')
    .leftJoin('retention as t', 't.key_id', 'k.key_id')
    .leftJoin(
      k
        .selectFrom('rooms')
        .select((eb) => [
          'key_id',
          eb.fn.min('retention_days').as('days_min'),
          eb.fn.max('retention_days').as('days_max'),
        ])
        .where('retention_days', 'is not', null)
        .groupBy('key_id')
        .as('r'),
      'r.key_id',
      'k.key_id',
    )
    .select(['k.key_id as keyId', 't.days', 'r.days_min as roomsMin', 'r.days_max as roomsMax'])
    .orderBy('k.key_id'),
)
const ownDays = query<{ keyId: number }, { days: number }>((k, p) =>
  k.selectFrom('retention').select('days').where('key_id', '=', p.keyId),
)
const dropOwnDays = query<{ keyId: number }>((k, p) => k.deleteFrom('retention').where('key_id', '=', p.keyId))

type RoomPage = { keyId: number; after: string; confirmedAt: number; daysMax: number; otherwise: number }
type RoomSeen = { roomId: string; days: number | null; isDue: number }
/** The next rooms of a key, and of each whether a session of it is due: one step in an index each. */
const roomPage = (isOwnAlone: boolean) =>
  query<RoomPage, RoomSeen>((k, p) => {
    const page = k
      .selectFrom('rooms')
      .select(['key_id', 'room_id', 'retention_days'])
      .where('key_id', '=', p.keyId)
      .where('room_id', '>', p.after)
      .$if(isOwnAlone, (rooms) => rooms.where('retention_days', 'is not', null))
      .orderBy('room_id')
      .limit(pageRooms)
      .as('r')
    const days = sql<number>`coalesce(r.retention_days, cast(${p.otherwise} as integer))`
    const most = sql<number>`cast(${p.daysMax} as integer)`
    const before = sql<number>`cast(${p.confirmedAt} as bigint) - (case when ${days} < ${most} then ${days} else ${most} end) * cast(${dayMs} as bigint)`
    return k.selectFrom(page).select([
      'r.room_id as roomId',
      'r.retention_days as days',
      sql<number>`case when exists (
        select 1 from sessions as s where s.key_id = r.key_id and s.room_id = r.room_id
        and s.start_at < ${before} and s.end_at < ${before}) then 1 else 0 end`.as('isDue'),
    ])
  })
const roomsOfAll = roomPage(false)
const roomsWithOwn = roomPage(true)

type Before = { keyId: number; before: number; limit: number }
const ended = (k: Kysely<Tables>, p: Before) =>
  k
    .selectFrom('sessions')
    .select(['key_id as keyId', 'id', 'room_id as roomId', 'source', 'start_at as startAt'])
    .where('key_id', '=', p.keyId)
    .where('start_at', '<', p.before)
    .where('end_at', '<', p.before)
    .orderBy('start_at')
    .limit(p.limit)
const oldest = query<Before, EndedSession>((k, p) => ended(k, p))
const oldestOfRoom = query<Before & { roomId: string }, EndedSession>((k, p) =>
  ended(k, p).where('room_id', '=', p.roomId),
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
const dropErased = query<{ keyId: number; before: number }>((k, p) =>
  k.deleteFrom('erased_sessions').where('key_id', '=', p.keyId).where('erased_at', '<', p.before),
)
const doneDeliveries = query<{ keyId: number; before: number; limit: number }, { id: string }>((k, p) =>
  k
    .selectFrom('webhook_endpoints as e')
    .innerJoin('webhook_deliveries as d', (join) =>
      join.onRef('d.key_id', '=', 'e.key_id').onRef('d.endpoint_id', '=', 'e.id'),
    )
    .select('d.id')
    .where('e.key_id', '=', p.keyId)
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
    /** Of every key. */
    async listSettings({ db }: Over): Promise<KeyRetention[]> {
      return await db.all(settings(db), {})
    },
    /** For how many days the sessions of a key are kept, where its owner says so. */
    async findDays({ db }: Over, keyId: number): Promise<number | undefined> {
      return (await db.all(ownDays(db), { keyId }))[0]?.days
    },
    /**
     * Looks at the next rooms of a key: gives those of which a session is due by now, and where to go on; undefined where that were all.
     * @param kept `daysMax`: for how many days any room is kept at most; `otherwise`: for how many where nothing is said of it; undefined: rooms
     * of which something is said are looked at alone
     */
    async listDueRooms(
      { db }: Over,
      keyId: number,
      after: string,
      kept: { confirmedAt: number; daysMax: number; otherwise: number | undefined },
    ): Promise<{ due: { roomId: string; days: number | null }[]; next: string | undefined }> {
      const { confirmedAt, daysMax, otherwise } = kept
      const rooms = otherwise === undefined ? roomsWithOwn(db) : roomsOfAll(db)
      const page = await db.all(rooms, { keyId, after, confirmedAt, daysMax, otherwise: otherwise ?? 0 })
      const due = page.filter(({ isDue }) => isDue === 1).map(({ roomId, days }) => ({ roomId, days }))
      return { due, next: page.length < pageRooms ? undefined : page.at(-1)?.roomId }
    },
  },
  writes: {
    async keepTime({ db }: Over, { at, seenAt }: { at: number; seenAt: number }): Promise<void> {
      await db.insertRows('confirmed_time', [{ id: timeId, at, seen_at: seenAt }], ['id'])
    },
    /** Null: as the server keeps it. */
    async set({ db }: Over, { keyId, days }: { keyId: number; days: number | null }): Promise<void> {
      if (days === null) await db.run(dropOwnDays(db), { keyId })
      else await db.insertRows('retention', [{ key_id: keyId, days }], ['key_id'])
    },
    /** Erases ended sessions, the oldest of each first, some at a time, with all that is theirs. Gives how many. */
    async eraseSessions({ db, now }: Over, { old }: { old: OldSessions[] }): Promise<number> {
      const sessions: EndedSession[] = []
      for (const { keyId, roomId, before } of old) {
        const limit = eraseMax - sessions.length
        if (limit === 0) break
        const found =
          roomId === undefined
            ? await db.all(oldest(db), { keyId, before, limit })
            : await db.all(oldestOfRoom(db), { keyId, roomId, before, limit })
        sessions.push(...found)
      }
      await eraseEnded(db, sessions, now())
      return sessions.length
    },
    /** Drops what logs have from before, and the webhooks that are done with, some at a time. Gives how many. */
    async dropLog({ db }: Over, { old }: { old: OldLog[] }): Promise<number> {
      let dropped = 0
      for (const log of old) dropped += (await dropFacts(db, log, dropMax)) + (await dropDeliveries(db, log, dropMax))
      return dropped
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
 * Drops facts from the beginning of a key's log that came before, with their claims and the changes they made: so many at most. Where
 * the log has days, facts that others keep as long stay until their day is dropped. Changes that a webhook is still to tell of stay.
 * Gives how many.
 */
async function dropFacts(db: Database, { keyId, before, isOwn }: OldLog, limit: number): Promise<number> {
  const rows = await db.all(beginning(db), { keyId, limit })
  const keptFrom = rows.findIndex(({ receivedAt }) => receivedAt >= before)
  const old = keptFrom === -1 ? rows : rows.slice(0, keptFrom)
  const last = old.at(-1)
  if (last !== undefined) await dropUntil(db, { keyId, isOwn }, last)
  await db.run(dropErased(db), { keyId, before })
  return old.length
}

/** Drops webhooks of a key that are done with and were planned before: so many at most. Gives how many. */
async function dropDeliveries(db: Database, { keyId, before }: OldLog, limit: number): Promise<number> {
  const ids = (await db.all(doneDeliveries(db), { keyId, before, limit })).map(({ id }) => id)
  if (ids.length === 0) return 0
  await db.kysely.deleteFrom('webhook_deliveries').where('key_id', '=', keyId).where('id', 'in', ids).execute()
  return ids.length
}

/** Drops the log of a key up to a fact. */
async function dropUntil(
  db: Database,
  { keyId, isOwn }: Pick<OldLog, 'keyId' | 'isOwn'>,
  last: LoggedFact,
): Promise<void> {
  const k = db.kysely
  await sql`
    delete from claims where key_id = ${keyId} and (source, fact_id) in (
      select f.source, f.fact_id from facts as f join counters as c on c.key_id = f.key_id
      where f.key_id = ${keyId} and f.seq > c.facts_dropped and f.seq <= ${last.seq})`.execute(k)
  if (isOwn || !db.differences.hasLogDays)
    await k.deleteFrom('facts').where('key_id', '=', keyId).where('seq', '<=', last.seq).execute()
  const changeSeq = await dropChanges(db, keyId, last.changeSeq)
  await k
    .updateTable('counters')
    .set({ facts_dropped: last.seq, changes_dropped: changeSeq })
    .where('key_id', '=', keyId)
    .execute()
}

/** Drops the changes of a key up to this one, but none that a webhook is still to tell of, or by which somebody is still to be found. Gives the last that is dropped. */
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
  const gathered = await k.selectFrom('search_cursors').select('seq').where('key_id', '=', keyId).executeTakeFirst()
  const { dropped } = await k
    .selectFrom('counters')
    .select('changes_dropped as dropped')
    .where('key_id', '=', keyId)
    .executeTakeFirstOrThrow()
  const last = Math.max(dropped, Math.min(until, told?.seq ?? until, gathered?.seq ?? until))
  await k.deleteFrom('changes').where('key_id', '=', keyId).where('seq', '<=', last).execute()
  return last
}
