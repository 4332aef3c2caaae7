import { type Expression, expressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import { compile, type Database, type Query } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Cursor, ListPage, SessionFilter } from '../store.ts'
import type { BucketReader, Measure, Scope } from './buckets.ts'
import { levelOf, spanLevels, spanOf } from './span.ts'

// Finds which sessions a page holds, without stepping over those before it. Without a filter, by room, status and range of
// starts the buckets tell the place and the total; the other filters have an index each, and count no further than `countMax`.

/** The total of these filters is exact up to here. */
export const countMax = 10_000

/** `gaps`: null unless it is sealed. */
export type Key = { id: string; roomId: string; startAt: number; gaps: number | null }
export type Found = { keys: Key[]; total: number; totalCapped: boolean; more: boolean }

/** A filter whose room is known. */
export type RoomedFilter = Omit<SessionFilter, 'roomId' | 'customRoomId' | 'query'> & { roomId?: string }

export type SessionFinder = (keyId: number, filter: RoomedFilter, page: ListPage, now: number) => Promise<Found>

type Params = {
  keyId: number
  roomId: string
  startFrom: number
  startTo: number
  participantId: string
  activeAt: number
  minDurationMs: number
  now: number
  afterStartAt: number
  afterId: string
  limit: number
  offset: number
  /** How many a part of a union gives at most. */
  reach: number
}

type Shape = { [name in keyof RoomedFilter | 'cursor']?: unknown }

export function createSessionFinder(
  db: Database,
  buckets: BucketReader,
  /** Of these sessions, those with somebody inside at `at`. */
  withSomebodyInside: (keyId: number, ids: string[], at: number) => Promise<Set<string>>,
): SessionFinder {
  const k = db.kysely
  const queries = new Map<string, Query<Params, Key>>()
  const counts = new Map<string, Query<Params, { total: number }>>()
  const countOfParticipant = compile<Params, { total: number }>((p) =>
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

  return async (keyId, filter, page, now) => {
    const shape: Shape = { ...filter, ...('after' in page && { cursor: true }) }
    const limit = page.perPage + 1
    const offset = 'after' in page ? 0 : (page.page - 1) * page.perPage
    const params: Params = {
      keyId,
      roomId: filter.roomId ?? '',
      startFrom: filter.startFrom ?? 0,
      startTo: filter.startTo ?? 0,
      participantId: filter.participantId ?? '',
      activeAt: filter.activeAt ?? 0,
      minDurationMs: filter.minDurationMs ?? 0,
      now,
      afterStartAt: 'after' in page ? page.after.startAt : 0,
      afterId: 'after' in page ? page.after.id : '',
      limit,
      offset,
      reach: offset + limit,
    }
    if (filter.activeAt !== undefined) return findActive(shape, params, page)
    if (filter.participantId !== undefined) return findOfParticipant(shape, params, page)
    if (filter.minDurationMs !== undefined) return findLong(shape, params, page)
    return findByStart(filter, shape, params, page)
  }

  /** Filters by room, status and range of starts: the buckets tell where a page begins and how many there are. */
  async function findByStart(filter: RoomedFilter, shape: Shape, params: Params, page: ListPage): Promise<Found> {
    const scope: Scope = { keyId: params.keyId, roomId: params.roomId }
    const measure: Measure = filter.status ?? 'all'
    const bucketed = await buckets.hasBuckets(scope)
    const { startFrom, startTo } = filter
    let newer = 0
    let total: number
    if (startFrom === undefined && startTo === undefined) total = await buckets.total(scope, measure)
    else if (bucketed) {
      if (startTo !== undefined) newer = await buckets.countAfter(scope, measure, startTo)
      const upTo =
        startFrom === undefined
          ? await buckets.total(scope, measure)
          : await buckets.countAfter(scope, measure, startFrom - 1)
      total = Math.max(0, upTo - newer)
    } else total = await count(shape, params)

    if ('after' in page || params.offset === 0 || !bucketed) return take(shape, params, total)
    if (params.offset >= total) return nothing(total)
    const place = await buckets.locate(scope, measure, newer + params.offset)
    if (place === undefined) return nothing(total)
    return take({ ...shape, startTo: true }, { ...params, startTo: place.to - 1, offset: place.skip }, total)
  }

  async function findOfParticipant(shape: Shape, params: Params, page: ListPage): Promise<Found> {
    const [sessions] = await db.all(countOfParticipant, params)
    if ((sessions?.total ?? 0) <= countMax) return take(shape, params, await count(shape, params))
    // Somebody who is in so many sessions is found soon by walking over all of them, newest first.
    if (!('after' in page) && params.offset >= countMax) return nothing(countMax, true)
    return take(shape, params, countMax, { walk: true })
  }

  async function findLong(shape: Shape, params: Params, page: ListPage): Promise<Found> {
    const total = await count(shape, params)
    if (total <= countMax) return take(shape, params, total)
    if (!('after' in page) && params.offset >= countMax) return nothing(countMax, true)
    return take(shape, params, countMax)
  }

  async function findActive(shape: Shape, params: Params, page: ListPage): Promise<Found> {
    const { cursor: _, ...all } = shape
    const candidates = await db.all(keysOf(all, params), {
      ...params,
      offset: 0,
      limit: countMax + 1,
      reach: countMax + 1,
    })
    const uncertain = candidates.filter((key) => key.gaps !== 0).map((key) => key.id)
    const certain = await withSomebodyInside(params.keyId, uncertain, params.activeAt)
    const active = candidates.filter((key) => key.gaps === 0 || certain.has(key.id))
    const total = Math.min(active.length, countMax)
    const from = 'after' in page ? active.findIndex((key) => isAfter(key, page.after)) : params.offset
    const keys = from === -1 ? [] : active.slice(from, from + page.perPage)
    return {
      keys,
      total,
      totalCapped: candidates.length > countMax,
      more: from !== -1 && active.length > from + keys.length,
    }
  }

  async function take(shape: Shape, params: Params, total: number, { walk = false } = {}): Promise<Found> {
    const from = fromCursor(shape, params)
    const keys = await db.all(keysOf(shape, from, walk), from)
    const more = keys.length === params.limit
    if (more) keys.pop()
    return { keys, total, totalCapped: total === countMax && (walk || shape.minDurationMs !== undefined), more }
  }

  /** SQLite seeks to one bound of an index: with a range of starts that has to be where the cursor is, not the end of the range. */
  function fromCursor(shape: Shape, params: Params): Params {
    const isBoth = shape.cursor !== undefined && shape.startTo !== undefined
    return isBoth ? { ...params, startTo: Math.min(params.startTo, params.afterStartAt) } : params
  }

  async function count(shape: Shape, params: Params): Promise<number> {
    const { cursor: _, ...all } = shape
    const query = cached(counts, nameOf(all, params, false), () =>
      compile<Params, { total: number }>((p) =>
        k
          .selectFrom(
            candidates(p, all, params)
              .limit(countMax + 1)
              .as('c'),
          )
          .select((eb) => eb.fn.countAll<number>().as('total')),
      ),
    )
    return (await db.all(query, { ...params, reach: countMax + 1 }))[0]?.total ?? 0
  }

  function keysOf(shape: Shape, params: Params, walk = false): Query<Params, Key> {
    return cached(queries, nameOf(shape, params, walk), () =>
      compile<Params, Key>((p) =>
        k
          .selectFrom(candidates(p, shape, params, walk).as('c'))
          .select(['c.id', 'c.roomId', 'c.startAt', 'c.gaps'])
          .orderBy('c.startAt', 'desc')
          .orderBy('c.id', 'desc')
          .limit(p.limit)
          .offset(p.offset),
      ),
    )
  }

  function candidates(p: Params, shape: Shape, params: Params, walk = false): Candidates {
    if (shape.activeAt !== undefined) return asCandidates(active(p, shape))
    if (shape.participantId !== undefined && !walk) return asCandidates(ofParticipant(p, shape))
    if (shape.minDurationMs !== undefined) return asCandidates(long(p, shape, levelOf(params.minDurationMs)))
    return asCandidates(sessions(p, conditions(p, shape)))
  }

  function sessions(p: Params, where: Expression<SqlBool>[]) {
    return k
      .selectFrom('sessions as s')
      .select(['s.id as id', 's.room_id as roomId', 's.start_at as startAt', 's.gaps as gaps'])
      .where('s.key_id', '=', p.keyId)
      .where('s.start_at', 'is not', null)
      .where((eb) => eb.and(where))
      .$narrowType<{ startAt: number }>()
  }

  /** From the person to their sessions: the order of this join is not left to the database. */
  function ofParticipant(p: Params, { participantId: _, ...shape }: Shape) {
    return k
      .selectFrom('participants as p')
      .crossJoin('sessions as s')
      .select(['s.id as id', 's.room_id as roomId', 's.start_at as startAt', 's.gaps as gaps'])
      .where('p.key_id', '=', p.keyId)
      .where('p.participant_id', '=', p.participantId)
      .where('p.joined_at', 'is not', null)
      .where('s.key_id', '=', p.keyId)
      .whereRef('s.id', '=', 'p.session_id')
      .where('s.start_at', 'is not', null)
      .where((eb) => eb.and(conditions(p, shape)))
      .$narrowType<{ startAt: number }>()
  }

  function active(p: Params, shape: Shape) {
    const rest = conditions(p, shape)
    const running = sessions(p, [...rest, of('s.end_at', 'is', null), of('s.start_at', '<=', p.activeAt)])
    const levels = Array.from({ length: spanLevels }, (_, level) => {
      const reaching =
        spanOf(level) === Number.POSITIVE_INFINITY
          ? []
          : [of('s.start_at', '>', sql<number>`cast(${p.activeAt} as bigint) - ${spanOf(level)}`)]
      return sessions(p, [
        ...rest,
        of('s.span_level', '=', level),
        ...reaching,
        of('s.start_at', '<=', p.activeAt),
        of('s.end_at', '>=', p.activeAt),
      ])
    })
    return levels.reduce((union, one) => union.unionAll(one), running)
  }

  /** All that run long enough, and of each level the newest: no more of any can be on the page. */
  function long(p: Params, { minDurationMs: _, ...shape }: Shape, from: number) {
    const rest = conditions(p, shape)
    const newest = (where: Expression<SqlBool>[]) =>
      k
        .selectFrom(
          sessions(p, [...rest, ...where])
            .orderBy('s.start_at', 'desc')
            .orderBy('s.id', 'desc')
            .limit(p.reach)
            .as('n'),
        )
        .select(['n.id', 'n.roomId', 'n.startAt', 'n.gaps'])
    const running = newest([
      of('s.end_at', 'is', null),
      of('s.start_at', '<=', sql<number>`cast(${p.now} as bigint) - cast(${p.minDurationMs} as bigint)`),
    ])
    const levels = Array.from({ length: spanLevels - from }, (_, i) =>
      newest([
        of('s.span_level', '=', from + i),
        ...(i === 0 ? [of(sql<number>`s.end_at - s.start_at`, '>=', p.minDurationMs)] : []),
      ]),
    )
    return levels.reduce((union, one) => union.unionAll(one), running)
  }

  function conditions(p: Params, shape: Shape): Expression<SqlBool>[] {
    const all: Expression<SqlBool>[] = []
    if (shape.roomId !== undefined) all.push(of('s.room_id', '=', p.roomId))
    if (shape.status === 'ongoing') all.push(of('s.end_at', 'is', null))
    if (shape.status === 'ended') all.push(of('s.end_at', 'is not', null))
    if (shape.startFrom !== undefined) all.push(of('s.start_at', '>=', p.startFrom))
    if (shape.startTo !== undefined) all.push(of('s.start_at', '<=', p.startTo))
    if (shape.cursor !== undefined)
      all.push(of(of.refTuple('s.start_at', 's.id'), '<', of.tuple(p.afterStartAt, p.afterId)))
    if (shape.minDurationMs !== undefined) {
      all.push(of(sql<number>`coalesce(s.end_at, cast(${p.now} as bigint)) - s.start_at`, '>=', p.minDurationMs))
    }
    if (shape.participantId !== undefined) {
      all.push(
        of.exists(
          k
            .selectFrom('participants as p')
            .select('p.session_id')
            .where('p.key_id', '=', p.keyId)
            .where('p.participant_id', '=', p.participantId)
            .where('p.joined_at', 'is not', null)
            .whereRef('p.session_id', '=', sql.ref('s.id')),
        ),
      )
    }
    return all
  }
}

/** A query of keys, whatever tables it reads. */
type Candidates = SelectQueryBuilder<Tables, keyof Tables, Key>

function asCandidates<DB, TB extends keyof DB>(query: SelectQueryBuilder<DB, TB, Key>): Candidates {
  return query as unknown as Candidates
}

/** Builds conditions on a session that a query calls `s`. */
const of = expressionBuilder<Tables & { s: Tables['sessions'] }, 's'>()

function nothing(total: number, totalCapped = false): Found {
  return { keys: [], total, totalCapped, more: false }
}

function isAfter({ id, startAt }: Key, cursor: Cursor): boolean {
  return startAt < cursor.startAt || (startAt === cursor.startAt && id < cursor.id)
}

/** The text of a query depends on which filters are given: each combination is compiled once. */
function nameOf(shape: Shape, { minDurationMs }: Params, walk: boolean): string {
  const given = Object.keys(shape).filter((name) => shape[name as keyof Shape] !== undefined)
  const level = shape.minDurationMs === undefined ? '' : levelOf(minDurationMs)
  return [...given.sort(), shape.status ?? '', level, walk].join(' ')
}

function cached<Q>(made: Map<string, Q>, name: string, make: () => Q): Q {
  const known = made.get(name)
  if (known !== undefined) return known
  const query = make()
  made.set(name, query)
  return query
}
