import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from './database/database.ts'
import { noun, type Over, query } from './noun.ts'
import { dayMs } from './sessions/buckets.ts'

// What sums up sessions reads those of a day, in UTC, from one text: the sealed ones that started in it, as the record has packed
// them. Such a text may be missing, and counts for nothing where it is not what the record says: as many sessions as started in the
// day have to be in it, or have no seal; and whatever alters what was sealed, or erases it, notes that the day is broken. So nothing
// is done as sessions come, end and are sealed, and the days are packed in the background.

/** Days that are looked at together for whether they are to be packed. */
const daysLookedAt = 400

/** A day's sessions. `version`: of its text, where that may be used. `size`: letters of that. */
export type UsageDay = { startAt: number; unsealed: string[] } & ({ version: string; size: number } | { version: null })
/** `rooms`: of its sessions, where these were asked for and are packed. */
export type PackedText = { startAt: number; version: string; packed: string; rooms: string | null }

type OfKey = { keyId: number; from: number; to: number }
type OfDay = { keyId: number; startAt: number }
type PlanRow = {
  startAt: number
  /** Null: this row is of a session without a seal. */
  sessions: number | null
  packed: number | null
  version: string | null
  size: number | null
  breaks: number | null
  id: string | null
}

// All at once, so that all is of one moment: what is sealed or breaks in between would count twice, or not at all.
const plan = query<OfKey, PlanRow>((k, p) =>
  k
    .selectFrom('session_buckets as b')
    .leftJoin('usage_days as d', (join) =>
      join.onRef('d.key_id', '=', 'b.key_id').onRef('d.start_at', '=', 'b.start_at'),
    )
    .select(['b.start_at as startAt', 'b.sessions', 'd.sessions as packed', 'd.version'])
    // Of bytes: letters are counted by reading all of the text.
    .select(sql<number | null>`octet_length(d.packed)`.as('size'))
    .select((eb) =>
      eb
        .selectFrom('usage_breaks as x')
        .select((of) => of.fn.countAll<number>().as('n'))
        .where('x.key_id', '=', p.keyId)
        .whereRef('x.start_at', '=', 'b.start_at')
        .as('breaks'),
    )
    .select(sql<string | null>`cast(null as text)`.as('id'))
    .where('b.key_id', '=', p.keyId)
    .where('b.room_id', '=', '')
    .where('b.level', '=', sql.lit(1))
    .where('b.start_at', '>=', p.from)
    .where('b.start_at', '<', p.to)
    .$castTo<PlanRow>()
    .unionAll(
      k
        .selectFrom('sessions')
        .select(['start_at as startAt', sql<null>`null`.as('sessions'), sql<null>`null`.as('packed')])
        .select([sql<null>`null`.as('version'), sql<null>`null`.as('size'), sql<null>`null`.as('breaks'), 'id'])
        .where('key_id', '=', p.keyId)
        .where('gaps', 'is', null)
        .where('start_at', '>=', p.from)
        .where('start_at', '<', p.to)
        .$castTo<PlanRow>(),
    ),
)
const textsOf = (withRooms: boolean) =>
  query<{ keyId: number; days: string }, PackedText>((k, p, { differences }) =>
    k
      .selectFrom(differences.eachText(p.days))
      .crossJoin('usage_days as d')
      .select(['d.start_at as startAt', 'd.version', 'd.packed'])
      .select(withRooms ? 'd.rooms' : sql<string | null>`cast(null as text)`.as('rooms'))
      .where('d.key_id', '=', p.keyId)
      .where('d.start_at', '=', sql<number>`cast(x.value as bigint)`),
  )
const texts = { withRooms: textsOf(true), alone: textsOf(false) }
const roomNames = query<{ keyId: number; ids: string }, { roomId: string; customRoomId: string | null }>(
  (k, p, { differences }) =>
    k
      .selectFrom('rooms')
      .select(['room_id as roomId', 'custom_room_id as customRoomId'])
      .where('key_id', '=', p.keyId)
      .where(differences.isIn('room_id', p.ids)),
)
const startedIn = query<OfKey, { id: string; startAt: number; isSealed: number; isOver: number }>((k, p) =>
  k
    .selectFrom('sessions')
    .select(['id', 'start_at as startAt'])
    .select(sql<number>`case when gaps is null then 0 else 1 end`.as('isSealed'))
    .select(sql<number>`case when end_at is null then 0 else 1 end`.as('isOver'))
    .where('key_id', '=', p.keyId)
    .where('start_at', '>=', p.from)
    .where('start_at', '<', p.to)
    .orderBy('start_at')
    .orderBy('id')
    .$narrowType<{ startAt: number }>(),
)
const toPack = query<OfKey & { limit: number }, { startAt: number; isDue: number }>((k, p) =>
  k
    .selectFrom('session_buckets as b')
    .leftJoin('usage_days as d', (join) =>
      join.onRef('d.key_id', '=', 'b.key_id').onRef('d.start_at', '=', 'b.start_at'),
    )
    .select('b.start_at as startAt')
    .select((eb) =>
      eb
        .case()
        .when(
          eb.or([
            eb('b.ended', '!=', eb.fn.coalesce('d.sessions', sql.lit(0))),
            eb.and([eb('d.version', 'is not', null), eb('d.rooms', 'is', null)]),
            eb.exists(
              eb
                .selectFrom('usage_breaks as x')
                .select('x.id')
                .where('x.key_id', '=', p.keyId)
                .whereRef('x.start_at', '=', 'b.start_at'),
            ),
          ]),
        )
        .then(1)
        .else(0)
        .end()
        .as('isDue'),
    )
    .where('b.key_id', '=', p.keyId)
    .where('b.room_id', '=', '')
    .where('b.level', '=', sql.lit(1))
    .where('b.start_at', '>', p.from)
    .where('b.start_at', '<', p.to)
    .orderBy('b.start_at')
    .limit(p.limit),
)
const keysOf = query<object, { keyId: number; sessions: number; ended: number; breaks: number }>((k) =>
  k
    .selectFrom('session_counts as c')
    .select(['c.key_id as keyId', 'c.sessions', 'c.ended'])
    .select((eb) =>
      eb
        .selectFrom('usage_breaks as x')
        .select((of) => of.fn.countAll<number>().as('n'))
        .whereRef('x.key_id', '=', 'c.key_id')
        .as('breaks'),
    )
    .where('c.room_id', '=', '')
    .orderBy('c.key_id')
    .$narrowType<{ breaks: number }>(),
)
const breaksOf = query<OfDay, { id: string }>((k, p) =>
  k.selectFrom('usage_breaks').select('id').where('key_id', '=', p.keyId).where('start_at', '=', p.startAt),
)
const dayOf = sql<number>`start_at - ((start_at % ${sql.lit(dayMs)}) + ${sql.lit(dayMs)}) % ${sql.lit(dayMs)}`
const breakDays = query<{ keyId: number; ids: string; breakId: string }>((k, p, { differences }) =>
  k.insertInto('usage_breaks').expression(
    k
      .selectFrom('sessions')
      .select(['key_id', dayOf.as('start_at'), sql<string>`cast(${p.breakId} as text)`.as('id')])
      .distinct()
      .where('key_id', '=', p.keyId)
      .where(differences.isIn('id', p.ids))
      .where('gaps', 'is not', null)
      .$narrowType<{ start_at: number }>(),
  ),
)
const dropDays = query<{ keyId: number; days: string }>((k, p, { differences }) =>
  k
    .deleteFrom('usage_days')
    .where('key_id', '=', p.keyId)
    .where('start_at', 'in', sql<number>`(select cast(x.value as bigint) from ${differences.eachText(p.days)})`),
)

/** The sessions that started in a day, and what had broken it before these were read. */
export type DayToPack = { breaks: string[]; sealed: string[]; isWhole: boolean }

export const usage = noun({
  reads: {
    /** The days that have sessions which started from `from` on and before `to`, in their order. `unsealed`: those of these sessions. */
    async days({ db, pause }: Over, keyId: number, { from, to }: { from: number; to: number }): Promise<UsageDay[]> {
      await pause?.(keyId, {})
      const rows = await db.all(plan(db), { keyId, from: startOfDay(from), to: startOfDay(to - 1) + dayMs })
      const unsealed = Map.groupBy(
        rows.filter(({ id }) => id !== null),
        ({ startAt }) => startOfDay(startAt),
      )
      const days = rows.filter(({ id, sessions }) => id === null && sessions !== 0)
      return days
        .sort((a, b) => a.startAt - b.startAt)
        .map(({ startAt, sessions, packed, version, size, breaks }) => {
          const others = unsealed.get(startAt) ?? []
          const ids = others.flatMap((one) => (one.startAt >= from && one.startAt < to ? (one.id ?? []) : []))
          const isWhole = Number(breaks) === 0 && (packed ?? 0) + others.length === Number(sessions)
          if (!isWhole || version === null) return { startAt, unsealed: ids, version: null }
          return { startAt, unsealed: ids, version, size: Number(size) }
        })
    },
    /** The texts of these days, of one that is not there any more none. */
    async texts(
      { db, pause }: Over,
      keyId: number,
      days: number[],
      { withRooms = false }: { withRooms?: boolean } = {},
    ): Promise<PackedText[]> {
      await pause?.(keyId, {})
      const asked = texts[withRooms ? 'withRooms' : 'alone']
      return db.all(asked(db), { keyId, days: JSON.stringify(days.map(String)) })
    },
    /** The custom ids of those of these rooms that have one, by their ids. */
    async roomNames({ db, pause }: Over, keyId: number, ids: string[]): Promise<Map<string, string | null>> {
      await pause?.(keyId, {})
      const rows = await db.all(roomNames(db), { keyId, ids: JSON.stringify(ids) })
      return new Map(rows.map(({ roomId, customRoomId }) => [roomId, customRoomId]))
    },
    /** The ids of the sessions that started from `from` on and before `to`, in order of time. */
    async startedIn({ db, pause }: Over, keyId: number, span: { from: number; to: number }): Promise<string[]> {
      await pause?.(keyId, {})
      return (await db.all(startedIn(db), { keyId, ...span })).map(({ id }) => id)
    },
    /** The keys that have sessions. `state`: while it is the same, the same days of a key are packed. */
    async keys({ db }: Over): Promise<{ keyId: number; state: string }[]> {
      const rows = await db.all(keysOf(db), {})
      return rows.map(({ keyId, sessions, ended, breaks }) => ({ keyId, state: `${sessions} ${ended} ${breaks}` }))
    },
    /** Days after `after`, and before `to`, that are to be packed; `next`: where to go on, undefined at the end. */
    async toPack(
      { db, pause }: Over,
      keyId: number,
      { after, to }: { after: number; to: number },
    ): Promise<{ days: number[]; next: number | undefined }> {
      await pause?.(keyId, {})
      const rows = await db.all(toPack(db), { keyId, from: after, to, limit: daysLookedAt })
      const days = rows.filter(({ isDue }) => Number(isDue) === 1).map(({ startAt }) => startAt)
      return { days, next: rows.length < daysLookedAt ? undefined : rows.at(-1)?.startAt }
    },
    /** What a day is packed of. `isWhole`: every session that is over is sealed. */
    async dayToPack({ db, pause }: Over, keyId: number, startAt: number): Promise<DayToPack> {
      await pause?.(keyId, {})
      // First: what breaks from here on stays noted.
      const breaks = (await db.all(breaksOf(db), { keyId, startAt })).map(({ id }) => id)
      const rows = await db.all(startedIn(db), { keyId, from: startAt, to: startAt + dayMs })
      const sealed = rows.filter(({ isSealed }) => Number(isSealed) === 1).map(({ id }) => id)
      return { breaks, sealed, isWhole: rows.every((row) => Number(row.isSealed) === Number(row.isOver)) }
    },
  },
  writes: {
    /** Keeps what a day was packed to. `breaks`: those that were noted before it was read. */
    async keep(
      { db }: Over,
      {
        keyId,
        startAt,
        breaks,
        ...packed
      }: OfDay & {
        breaks: string[]
        sessions: number
        packed: string
        rooms: string
      },
    ): Promise<void> {
      const row = { key_id: keyId, start_at: startAt, version: newId(), ...packed }
      await db.insertRows('usage_days', [row], ['key_id', 'start_at'])
      if (breaks.length === 0) return
      await db.kysely
        .deleteFrom('usage_breaks')
        .where('key_id', '=', keyId)
        .where('start_at', '=', startAt)
        .where('id', 'in', breaks)
        .execute()
    },
  },
  replicated: ['days', 'texts', 'roomNames', 'startedIn'],
  unseen: ['keep'],
})

/** To be called before these sessions are written, or erased: the days of those that are sealed are to be packed again. */
export async function breakUsage(db: Database, keyId: number, sessionIds: string[]): Promise<void> {
  await db.run(breakDays(db), { keyId, ids: JSON.stringify(sessionIds), breakId: newId() })
}

/** Drops the texts of the days in which sessions started that are erased in this transaction, and were broken by it. */
export async function eraseUsage(db: Database, keyId: number, startedAt: (number | null)[]): Promise<void> {
  const days = new Set(startedAt.flatMap((at) => (at === null ? [] : String(startOfDay(at)))))
  if (days.size > 0) await db.run(dropDays(db), { keyId, days: JSON.stringify([...days]) })
}

export function startOfDay(at: number): number {
  return Math.floor(at / dayMs) * dayMs
}

function newId(): string {
  return randomBytes(9).toString('base64url')
}
