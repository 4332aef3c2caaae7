import type { Database } from '../database/database.ts'
import type { Page } from '../database/page.ts'
import { query } from '../noun.ts'
import { countAfter, hasBuckets, locate, type Measure, type Scope, sourceScope, totalOf } from './buckets.ts'
import { countOf, type Key, keysOf, type Params, type RoomedFilter, type Shape } from './list-queries.ts'
import type { PartsOf } from './parents.ts'

// Finds which sessions a page holds, without stepping over those before it. Without a filter, by room, status and range of
// starts the buckets tell the place and the total; the other filters have an index each, and count no further than `countMax`.

/** The total of these filters is exact up to here. */
export const countMax = 10_000

/** A place in a list, newest start first, then id: that of this session. */
export type Cursor = { startAt: number; id: string }

/** A page by its number, what follows a session, or what stands just before it. */
export type ListPage = Page | { after: Cursor; perPage: number } | { before: Cursor; perPage: number }

export type Found = { keys: Key[]; total: number; totalCapped: boolean; more: boolean }

/** Of these sessions, those with somebody inside at `at`. */
export type WithSomebodyInside = (keyId: number, ids: string[], at: number) => Promise<Set<string>>

const countOfParticipant = query<Params, { total: number }>((k, p) =>
  k
    .selectFrom(
      k
        .selectFrom('participants')
        .select('session_id')
        .where('key_id', '=', p.keyId)
        .where('participant_id', '=', p.participantId)
        .where('joined_at', 'is not', null)
        .limit(countMax + 1)
        .as('c'),
    )
    .select((eb) => eb.fn.countAll<number>().as('total')),
)

/** @param now of sessions that run, when they end at the earliest: epoch milliseconds */
export async function findPage(
  db: Database,
  { keyId, filter, page, now }: { keyId: number; filter: RoomedFilter; page: ListPage; now: number },
  withSomebodyInside: WithSomebodyInside,
): Promise<Found> {
  const side = 'after' in page ? 'after' : 'before'
  const shape: Shape = { ...filter, ...(!('page' in page) && { cursor: side }) }
  const params = toParams(keyId, filter, page, now)
  if (filter.activeAt !== undefined) return findActive(db, shape, params, page, withSomebodyInside)
  if (filter.participantId !== undefined) return findOfParticipant(db, shape, params, page)
  if (isCounted(filter)) return findCounted(db, shape, params, page)
  return findByStart(db, filter, shape, params, page)
}

/** Neither buckets nor a person tell how many there are: they are counted. */
function isCounted({ minDurationMs, parts, roomIds }: Shape): boolean {
  return minDurationMs !== undefined || parts !== undefined || roomIds !== undefined
}

function toParams(keyId: number, filter: RoomedFilter, page: ListPage, now: number): Params {
  const limit = page.perPage + 1
  const offset = 'page' in page ? (page.page - 1) * page.perPage : 0
  const cursor = cursorOf(page)
  return {
    keyId,
    roomId: filter.roomId ?? '',
    roomIds: JSON.stringify(filter.roomIds ?? []),
    source: filter.source ?? '',
    startFrom: filter.startFrom ?? 0,
    startTo: filter.startTo ?? 0,
    participantId: filter.participantId ?? '',
    activeAt: filter.activeAt ?? 0,
    minDurationMs: filter.minDurationMs ?? 0,
    ...toPartsParams(filter.parts),
    now,
    cursorStartAt: cursor?.startAt ?? 0,
    cursorId: cursor?.id ?? '',
    limit,
    offset,
    reach: offset + limit,
  }
}

function cursorOf(page: ListPage): Cursor | undefined {
  if ('after' in page) return page.after
  return 'before' in page ? page.before : undefined
}

function toPartsParams(parts: PartsOf = { roomId: '', source: '', sessionKey: '', from: 0, to: 0 }) {
  const { roomId: parentRoomId, source: parentSource, sessionKey: parentKey, from: partsFrom, to: partsTo } = parts
  return { parentRoomId, parentSource, parentKey, partsFrom, partsTo }
}

/** Filters by room, status and range of starts: the buckets tell where a page begins and how many there are. */
async function findByStart(
  db: Database,
  filter: RoomedFilter,
  shape: Shape,
  params: Params,
  page: ListPage,
): Promise<Found> {
  const scope = scopeOf(params.keyId, filter)
  const measure: Measure = filter.status ?? 'all'
  const bucketed = await hasBuckets(db, scope)
  const { startFrom, startTo } = filter
  let newer = 0
  let total: number
  if (startFrom === undefined && startTo === undefined) total = await totalOf(db, scope, measure)
  else if (bucketed) {
    if (startTo !== undefined) newer = await countAfter(db, scope, measure, startTo)
    const upTo =
      startFrom === undefined ? await totalOf(db, scope, measure) : await countAfter(db, scope, measure, startFrom - 1)
    total = Math.max(0, upTo - newer)
  } else total = await count(db, shape, params)

  if (!('page' in page) || params.offset === 0 || !bucketed) return take(db, shape, params, total)
  if (params.offset >= total) return nothing(total)
  const place = await locate(db, scope, measure, newer + params.offset)
  if (place === undefined) return nothing(total)
  return take(db, { ...shape, startTo: true }, { ...params, startTo: place.to - 1, offset: place.skip }, total)
}

/** Whose counts tell of a filter's sessions. */
function scopeOf(keyId: number, { roomId, source }: RoomedFilter): Scope {
  return { keyId, roomId: roomId ?? (source === undefined ? '' : sourceScope(source)) }
}

async function findOfParticipant(db: Database, shape: Shape, params: Params, page: ListPage): Promise<Found> {
  const [sessions] = await db.all(countOfParticipant(db), params)
  if ((sessions?.total ?? 0) <= countMax) return take(db, shape, params, await count(db, shape, params))
  // Somebody who is in so many sessions is found soon by walking over all of them, newest first.
  if ('page' in page && params.offset >= countMax) return nothing(countMax, true)
  return take(db, shape, params, countMax, { walk: true })
}

async function findCounted(db: Database, shape: Shape, params: Params, page: ListPage): Promise<Found> {
  const total = await count(db, shape, params)
  if (total <= countMax) return take(db, shape, params, total)
  if ('page' in page && params.offset >= countMax) return nothing(countMax, true)
  return take(db, shape, params, countMax)
}

async function findActive(
  db: Database,
  shape: Shape,
  params: Params,
  page: ListPage,
  withSomebodyInside: WithSomebodyInside,
): Promise<Found> {
  const { cursor: _, ...all } = shape
  const whole = { ...params, offset: 0, limit: countMax + 1, reach: countMax + 1 }
  const candidates = await db.all(keysOf(db, all, params), whole)
  const uncertain = candidates.filter((key) => key.gaps !== 0).map((key) => key.id)
  const certain = await withSomebodyInside(params.keyId, uncertain, params.activeAt)
  const active = candidates.filter((key) => key.gaps === 0 || certain.has(key.id))
  const total = Math.min(active.length, countMax)
  const [from, to] = placeIn(active, page)
  const keys = active.slice(from, to)
  return { keys, total, totalCapped: candidates.length > countMax, more: active.length > from + keys.length }
}

/** Where a page of these sessions begins and ends. */
export function placeIn(keys: Key[], page: ListPage): [from: number, to: number] {
  const { perPage } = page
  if ('before' in page) {
    const to = keys.filter((key) => isAfter(page.before, key)).length
    return [Math.max(0, to - perPage), to]
  }
  const from = 'after' in page ? keys.filter((key) => !isAfter(key, page.after)).length : (page.page - 1) * perPage
  return [from, from + perPage]
}

async function take(db: Database, shape: Shape, params: Params, total: number, { walk = false } = {}): Promise<Found> {
  const from = fromCursor(shape, params)
  const keys = await db.all(keysOf(db, shape, from, walk), from)
  const isFull = keys.length === params.limit
  if (isFull) keys.pop()
  const isBackwards = shape.cursor === 'before'
  return {
    keys: isBackwards ? keys.reverse() : keys,
    total,
    totalCapped: total === countMax && (walk || isCounted(shape)),
    // What a page stands before comes after it.
    more: isBackwards ? keys.length > 0 : isFull,
  }
}

/** SQLite seeks to one bound of an index: with a range of starts that has to be where the cursor is, not the end of the range. */
function fromCursor({ cursor, startFrom, startTo }: Shape, params: Params): Params {
  if (cursor === 'after' && startTo !== undefined) {
    return { ...params, startTo: Math.min(params.startTo, params.cursorStartAt) }
  }
  if (cursor === 'before' && startFrom !== undefined) {
    return { ...params, startFrom: Math.max(params.startFrom, params.cursorStartAt) }
  }
  return params
}

async function count(db: Database, shape: Shape, params: Params): Promise<number> {
  const { cursor: _, ...all } = shape
  return (await db.all(countOf(db, all, params, countMax), { ...params, reach: countMax + 1 }))[0]?.total ?? 0
}

function nothing(total: number, totalCapped = false): Found {
  return { keys: [], total, totalCapped, more: false }
}

export function isAfter({ id, startAt }: Cursor, other: Cursor): boolean {
  return startAt < other.startAt || (startAt === other.startAt && id < other.id)
}
