import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'

// How many sessions started in each month, day and hour, of a key and of each large room, so that any page of a list, and its
// total, is found by adding up a few numbers instead of stepping over the sessions before it.

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

type Level = {
  /** The start of the bucket that holds a moment. */
  startOf(at: number): number
  /** The end of the bucket that starts then. */
  endOf(startAt: number): number
}

/** Months, days, hours: coarse to fine, in UTC. */
const levels: Level[] = [
  { startOf: (at) => monthOf(at, 0), endOf: (startAt) => monthOf(startAt, 1) },
  { startOf: (at) => floor(at, dayMs), endOf: (startAt) => startAt + dayMs },
  { startOf: startOfHour, endOf: (startAt) => startAt + hourMs },
]
/** A room of more sessions than this has buckets of its own; of fewer, there would be more buckets than sessions. */
export const roomBucketsFrom = 1000

/** A session, as far as it counts. */
export type Counted = { roomId: string; source: string; startAt: number; ended: boolean }
/** Which sessions are meant: all, or those that ended, or those that run. */
export type Measure = 'all' | 'ended' | 'ongoing'
export type Scope = {
  keyId: number /** Empty: all rooms. A `sourceScope`: what that source reported. */
  roomId: string
}

const sourcePrefix = 'source '

/** What stands in place of a room for all that a source reported: no room has an id with a space. */
export function sourceScope(source: string): string {
  return `${sourcePrefix}${source}`
}

/** Whether what a source reported is listed by itself, and so is counted: see `api/livekit/`. */
export function isListedAlone(source: string): boolean {
  return source.startsWith('livekit-')
}

function sourceIn(roomId: string): string | undefined {
  return roomId.startsWith(sourcePrefix) ? roomId.slice(sourcePrefix.length) : undefined
}

export type BucketWriter = {
  /** Notes that a session counts otherwise than before; undefined: not at all. */
  count(keyId: number, before: Counted | undefined, after: Counted | undefined): void
  /** Writes what was noted. */
  flush(): Promise<void>
}

/** An hour, and how many of its sessions are newer than the one that was looked for. */
export type Place = { from: number; to: number; skip: number }

export type Delta = { sessions: number; ended: number }
export type Bucket = Delta & { level: number; startAt: number }
type Row = { startAt: number; sessions: number; ended: number }

const addCount = query<Scope & Delta, { sessions: number; bucketed: number }>((k, p) =>
  k
    .insertInto('session_counts')
    .values({ key_id: p.keyId, room_id: p.roomId, sessions: p.sessions, ended: p.ended, bucketed: 0 })
    .onConflict((on) =>
      on.columns(['key_id', 'room_id']).doUpdateSet({
        sessions: sql`session_counts.sessions + excluded.sessions`,
        ended: sql`session_counts.ended + excluded.ended`,
      }),
    )
    .returning(['sessions', 'bucketed']),
)
const addBucket = query<Scope & Delta & { level: number; startAt: number }, unknown>((k, p) =>
  k
    .insertInto('session_buckets')
    .values({
      key_id: p.keyId,
      room_id: p.roomId,
      level: p.level,
      start_at: p.startAt,
      sessions: p.sessions,
      ended: p.ended,
    })
    .onConflict((on) =>
      on.columns(['key_id', 'room_id', 'level', 'start_at']).doUpdateSet({
        sessions: sql`session_buckets.sessions + excluded.sessions`,
        ended: sql`session_buckets.ended + excluded.ended`,
      }),
    ),
)
const markBucketed = query<Scope>((k, p) =>
  k.updateTable('session_counts').set({ bucketed: 1 }).where('key_id', '=', p.keyId).where('room_id', '=', p.roomId),
)
type Started = { startAt: number; ended: number }
type Width = 'key' | 'room' | 'source'

const byWidth = <T>(make: (width: Width) => T) => ({ key: make('key'), room: make('room'), source: make('source') })

function widthOf({ roomId }: Scope): Width {
  if (roomId === '') return 'key'
  return sourceIn(roomId) === undefined ? 'room' : 'source'
}

/** The sessions of a scope. */
function sessionsIn(k: Kysely<Tables>, p: Scope, width: Width) {
  const ofKey = k.selectFrom('sessions').where('key_id', '=', p.keyId).where('start_at', 'is not', null)
  if (width === 'key') return ofKey
  if (width === 'room') return ofKey.where('room_id', '=', p.roomId)
  return ofKey.where('source', '=', sql<string>`substr(${p.roomId}, ${sql.lit(sourcePrefix.length + 1)})`)
}

const startsIn = byWidth((width) =>
  query<Scope, Started>((k, p) =>
    sessionsIn(k, p, width)
      .select(['start_at as startAt', sql<number>`case when end_at is null then 0 else 1 end`.as('ended')])
      .$narrowType<{ startAt: number }>(),
  ),
)

/** For the length of one transaction. */
export function openBuckets(db: Database): BucketWriter {
  /** By key and room, then by start of the hour. */
  const noted = new Map<string, { scope: Scope; byHour: Map<number, Delta> }>()

  const note = (scope: Scope, { startAt, ended }: Counted, by: 1 | -1) => {
    const name = `${scope.keyId} ${scope.roomId}`
    const of = noted.get(name) ?? { scope, byHour: new Map<number, Delta>() }
    noted.set(name, of)
    const hour = startOfHour(startAt)
    const delta = of.byHour.get(hour) ?? { sessions: 0, ended: 0 }
    delta.sessions += by
    delta.ended += ended ? by : 0
    of.byHour.set(hour, delta)
  }

  return {
    count(keyId, before, after) {
      // Most facts alter nothing that is counted: then the counts, which all writers of a key share, are left alone.
      if (before !== undefined && after !== undefined && countSame(before, after)) return
      for (const [counted, by] of [[before, -1] as const, [after, 1] as const]) {
        if (counted === undefined) continue
        note({ keyId, roomId: '' }, counted, by)
        note({ keyId, roomId: counted.roomId }, counted, by)
        if (isListedAlone(counted.source)) note({ keyId, roomId: sourceScope(counted.source) }, counted, by)
      }
    },
    async flush() {
      const all = [...noted.values()]
      noted.clear()
      // The counts of all are asked for before the first answer comes.
      await Promise.all(all.map(({ scope, byHour }) => writeScope(db, scope, byHour)))
    },
  }
}

async function writeScope(db: Database, scope: Scope, byHour: Map<number, Delta>): Promise<void> {
  const delta = { sessions: 0, ended: 0 }
  for (const one of byHour.values()) {
    delta.sessions += one.sessions
    delta.ended += one.ended
  }
  const counted = db.all(addCount(db), { ...scope, ...delta })
  if (scope.roomId === '') return Promise.all([counted, writeBuckets(db, scope, byHour)]).then(() => {})
  const [count] = await counted
  if (count?.bucketed === 1) return writeBuckets(db, scope, byHour)
  if (count === undefined || count.sessions <= roomBucketsFrom) return
  // It has grown large: its sessions, those of this transaction among them, are counted once, and kept up from here.
  await db.run(markBucketed(db), scope)
  const all = new Map<number, Delta>()
  for (const { startAt, ended } of await db.all(startsIn[widthOf(scope)](db), scope)) {
    add(all, startOfHour(startAt), { sessions: 1, ended })
  }
  await writeBuckets(db, scope, all)
}

async function writeBuckets(db: Database, scope: Scope, byHour: Map<number, Delta>): Promise<void> {
  const rows = [...bucketsOf(byHour)].filter(({ sessions, ended }) => sessions !== 0 || ended !== 0)
  await Promise.all(rows.map((bucket) => db.run(addBucket(db), { ...scope, ...bucket })))
}

const countsOf = query<Scope, { sessions: number; ended: number; bucketed: number }>((k, p) =>
  k
    .selectFrom('session_counts')
    .select(['sessions', 'ended', 'bucketed'])
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId),
)
const bucketsBetween = query<Scope & { level: number; from: number; to: number }, Row>((k, p) =>
  k
    .selectFrom('session_buckets')
    .select(['start_at as startAt', 'sessions', 'ended'])
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('level', '=', p.level)
    .where('start_at', '>=', p.from)
    .where('start_at', '<', p.to)
    .orderBy('start_at', 'desc'),
)
const restIn = byWidth((width) =>
  query<Scope & { after: number; to: number }, { sessions: number; ended: number }>((k, p) =>
    sessionsIn(k, p, width)
      .select((eb) => [eb.fn.countAll<number>().as('sessions'), eb.fn.count<number>('end_at').as('ended')])
      .where('start_at', '>', p.after)
      .where('start_at', '<', p.to),
  ),
)

async function readCounts(db: Database, scope: Scope) {
  return (await db.all(countsOf(db), scope))[0]
}

export async function totalOf(db: Database, scope: Scope, measure: Measure): Promise<number> {
  return measured(await readCounts(db, scope), measure)
}

/** False for a room, or a source, that has too few sessions to have buckets. */
export async function hasBuckets(db: Database, scope: Scope): Promise<boolean> {
  return scope.roomId === '' || (await readCounts(db, scope))?.bucketed === 1
}

/** How many sessions started after `at`. */
export async function countAfter(db: Database, scope: Scope, measure: Measure, at: number): Promise<number> {
  let count = 0
  // The months after this one, the days after this one in its month, the hours after this one in its day; then what is left of the hour.
  let to = Number.MAX_SAFE_INTEGER
  for (const [level, { startOf, endOf }] of levels.entries()) {
    const from = endOf(startOf(at))
    for (const row of await db.all(bucketsBetween(db), { ...scope, level, from, to })) count += measured(row, measure)
    to = from
  }
  const [left] = await db.all(restIn[widthOf(scope)](db), { ...scope, after: at, to })
  return count + measured(left, measure)
}

/**
 * Where the session stands that `offset` others are newer than: in the hour from `from` up to `to`, with `skip` newer ones
 * in that hour. Undefined where there are not so many.
 */
export async function locate(db: Database, scope: Scope, measure: Measure, offset: number): Promise<Place | undefined> {
  let skip = offset
  let place: Place = { from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER, skip }
  for (const [level, { endOf }] of levels.entries()) {
    const rows = await db.all(bucketsBetween(db), { ...scope, level, from: place.from, to: place.to })
    const found = rows.find((row) => {
      const here = measured(row, measure)
      if (skip < here) return true
      skip -= here
      return false
    })
    if (found === undefined) return undefined
    place = { from: found.startAt, to: endOf(found.startAt), skip }
  }
  return place
}

/** The buckets of each level that hours, by their starts, add up to. */
export function* bucketsOf(byHour: Map<number, Delta>): Generator<Bucket> {
  for (const [level, { startOf }] of levels.entries()) {
    const byStart = new Map<number, Delta>()
    for (const [hour, delta] of byHour) add(byStart, startOf(hour), delta)
    for (const [startAt, delta] of byStart) yield { ...delta, level, startAt }
  }
}

function measured(row: { sessions: number; ended: number } | undefined, measure: Measure): number {
  if (row === undefined) return 0
  return measure === 'all' ? row.sessions : measure === 'ended' ? row.ended : row.sessions - row.ended
}

function add(byStart: Map<number, Delta>, startAt: number, { sessions, ended }: Delta): void {
  const delta = byStart.get(startAt) ?? { sessions: 0, ended: 0 }
  byStart.set(startAt, { sessions: delta.sessions + sessions, ended: delta.ended + ended })
}

function countSame(one: Counted, other: Counted): boolean {
  const isSameHour = startOfHour(one.startAt) === startOfHour(other.startAt)
  return isSameHour && one.roomId === other.roomId && one.ended === other.ended
}

function monthOf(at: number, later: number): number {
  const date = new Date(at)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + later)
}

function startOfHour(at: number): number {
  return floor(at, hourMs)
}

function floor(at: number, size: number): number {
  return Math.floor(at / size) * size
}
