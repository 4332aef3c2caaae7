import { type Expression, expressionBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely'
import { compile, type Database, type Query } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { perDatabase } from '../noun.ts'
import type { PartsOf } from './parents.ts'
import { levelOf, spanLevels, spanOf } from './span.ts'

// The queries of a list: one for each combination of filters, compiled when it is first asked for.

/** What `GET /v2/sessions` may ask for. Times are epoch milliseconds, both ends included. */
export type SessionFilter = {
  roomId?: string
  customRoomId?: string
  /** Exact roomId or customRoomId. */
  query?: string
  /** A part of either, however it is written. */
  search?: string
  status?: 'ongoing' | 'ended'
  startFrom?: number
  startTo?: number
  participantId?: string
  /** Somebody was inside then. */
  activeAt?: number
  /** Milliseconds from start to end; of a session that runs, to `now`. */
  minDurationMs?: number
  /** Parts of this session. */
  parentSessionId?: string
  /** Of these rooms, by their roomIds. */
  roomIds?: readonly string[]
}

/** A filter whose room is known. */
export type RoomedFilter = Omit<SessionFilter, 'roomId' | 'customRoomId' | 'query' | 'search' | 'parentSessionId'> & {
  roomId?: string
  /** What one source reported: of all its rooms, so never together with a room. */
  source?: string
  parts?: PartsOf
}

/** `gaps`: null unless it is sealed. */
export type Key = { id: string; roomId: string; startAt: number; gaps: number | null }

export type Params = {
  keyId: number
  roomId: string
  /** As a JSON array. */
  roomIds: string
  source: string
  startFrom: number
  startTo: number
  participantId: string
  activeAt: number
  minDurationMs: number
  parentRoomId: string
  parentSource: string
  parentKey: string
  partsFrom: number
  partsTo: number
  now: number
  cursorStartAt: number
  cursorId: string
  limit: number
  offset: number
  /** How many a part of a union gives at most. */
  reach: number
}

/** Which filters are given: the text of a query depends on that, its parameters on their values. */
export type Shape = { [name in keyof RoomedFilter]?: unknown } & {
  /** Which side of the cursor is meant: what comes after it in the list, or before. */
  cursor?: 'after' | 'before'
}

type Compiled = { keys: Map<string, Query<Params, Key>>; counts: Map<string, Query<Params, { total: number }>> }

const compiled = perDatabase((): Compiled => ({ keys: new Map(), counts: new Map() }))

/**
 * The sessions of a page, newest start first, then id; those before a cursor the other way round, the nearest first.
 * @param walk all sessions are walked over, rather than those of a person
 */
export function keysOf(db: Database, shape: Shape, params: Params, walk = false): Query<Params, Key> {
  return cached(compiled(db).keys, nameOf(shape, params, walk), () =>
    compile<Params, Key>((p) =>
      db.kysely
        .selectFrom(candidates(db, p, shape, params, walk).as('c'))
        .select(['c.id', 'c.roomId', 'c.startAt', 'c.gaps'])
        .$if(isOfRoom(shape), (q) => q.orderBy('c.roomId', orderOf(shape)))
        .orderBy('c.startAt', orderOf(shape))
        .orderBy('c.id', orderOf(shape))
        .limit(p.limit)
        .offset(p.offset),
    ),
  )
}

/** How many there are, up to `max` and one more. */
export function countOf(db: Database, shape: Shape, params: Params, max: number): Query<Params, { total: number }> {
  return cached(compiled(db).counts, nameOf(shape, params, false), () =>
    compile<Params, { total: number }>((p) =>
      db.kysely
        .selectFrom(
          candidates(db, p, shape, params)
            .limit(max + 1)
            .as('c'),
        )
        .select((eb) => eb.fn.countAll<number>().as('total')),
    ),
  )
}

function candidates(db: Database, p: Params, shape: Shape, params: Params, walk = false): Candidates {
  if (shape.activeAt !== undefined) return asCandidates(active(db, p, shape))
  if (shape.participantId !== undefined && !walk) return asCandidates(ofParticipant(db, p, shape))
  if (shape.minDurationMs !== undefined) return asCandidates(long(db, p, shape, levelOf(params.minDurationMs)))
  return asCandidates(sessions(db, p, conditions(db, p, shape)))
}

function sessions(db: Database, p: Params, where: Expression<SqlBool>[]) {
  return db.kysely
    .selectFrom('sessions as s')
    .select(['s.id as id', 's.room_id as roomId', 's.start_at as startAt', 's.gaps as gaps'])
    .where('s.key_id', '=', p.keyId)
    .where('s.start_at', 'is not', null)
    .where((eb) => eb.and(where))
    .$narrowType<{ startAt: number }>()
}

/** From the person to their sessions: the order of this join is not left to the database. */
function ofParticipant(db: Database, p: Params, { participantId: _, ...shape }: Shape) {
  return db.kysely
    .selectFrom('participants as p')
    .crossJoin('sessions as s')
    .select(['s.id as id', 's.room_id as roomId', 's.start_at as startAt', 's.gaps as gaps'])
    .where('p.key_id', '=', p.keyId)
    .where('p.participant_id', '=', p.participantId)
    .where('p.joined_at', 'is not', null)
    .where('s.key_id', '=', p.keyId)
    .whereRef('s.id', '=', 'p.session_id')
    .where('s.start_at', 'is not', null)
    .where((eb) => eb.and(conditions(db, p, shape)))
    .$narrowType<{ startAt: number }>()
}

function active(db: Database, p: Params, shape: Shape) {
  const rest = conditions(db, p, shape)
  const running = sessions(db, p, [...rest, of('s.end_at', 'is', null), of('s.start_at', '<=', p.activeAt)])
  const levels = Array.from({ length: spanLevels }, (_, level) => {
    const reaching =
      spanOf(level) === Number.POSITIVE_INFINITY
        ? []
        : [of('s.start_at', '>', sql<number>`cast(${p.activeAt} as bigint) - ${spanOf(level)}`)]
    return sessions(db, p, [
      ...rest,
      of('s.span_level', '=', level),
      ...reaching,
      of('s.start_at', '<=', p.activeAt),
      of('s.end_at', '>=', p.activeAt),
    ])
  })
  return levels.reduce((union, one) => union.unionAll(one), running)
}

/** All that run long enough, and of each level the first: no more of any can be on the page. */
function long(db: Database, p: Params, { minDurationMs: _, ...shape }: Shape, from: number) {
  const rest = conditions(db, p, shape)
  const first = (where: Expression<SqlBool>[]) =>
    db.kysely
      .selectFrom(
        sessions(db, p, [...rest, ...where])
          .orderBy('s.start_at', orderOf(shape))
          .orderBy('s.id', orderOf(shape))
          .limit(p.reach)
          .as('n'),
      )
      .select(['n.id', 'n.roomId', 'n.startAt', 'n.gaps'])
  const running = first([
    of('s.end_at', 'is', null),
    of('s.start_at', '<=', sql<number>`cast(${p.now} as bigint) - cast(${p.minDurationMs} as bigint)`),
  ])
  const levels = Array.from({ length: spanLevels - from }, (_, i) =>
    first([
      of('s.span_level', '=', from + i),
      ...(i === 0 ? [of(sql<number>`s.end_at - s.start_at`, '>=', p.minDurationMs)] : []),
    ]),
  )
  return levels.reduce((union, one) => union.unionAll(one), running)
}

function conditions(db: Database, p: Params, shape: Shape): Expression<SqlBool>[] {
  const all: Expression<SqlBool>[] = []
  if (shape.roomId !== undefined && !isOfRoom(shape)) all.push(of('s.room_id', '=', p.roomId))
  if (shape.roomIds !== undefined) all.push(db.differences.isIn('s.room_id', p.roomIds))
  if (shape.source !== undefined) all.push(of('s.source', '=', p.source))
  if (shape.status === 'ongoing') all.push(of('s.end_at', 'is', null))
  if (shape.status === 'ended') all.push(of('s.end_at', 'is not', null))
  // Of a room its own index is to be taken, not that of starts alone.
  const start = isOfRoom(shape) ? db.differences.unindexed('s.start_at') : sql.ref<number>('s.start_at')
  if (shape.startFrom !== undefined) all.push(of(start, '>=', p.startFrom))
  if (shape.startTo !== undefined) all.push(of(start, '<=', p.startTo))
  if (isOfRoom(shape)) all.push(...placesInRoom(p, shape))
  else if (shape.cursor !== undefined) {
    const side = shape.cursor === 'after' ? '<' : '>'
    all.push(of(of.refTuple('s.start_at', 's.id'), side, of.tuple(p.cursorStartAt, p.cursorId)))
  }
  if (shape.parts !== undefined) {
    all.push(of('s.parent_room_id', '=', p.parentRoomId), of('s.source', '=', p.parentSource))
    const isOfTime = [of('s.start_at', '>=', p.partsFrom), of('s.start_at', '<', p.partsTo)]
    all.push(of.or([of('s.parent_key', '=', p.parentKey), of.and([of('s.parent_key', 'is', null), ...isOfTime])]))
  }
  if (shape.minDurationMs !== undefined) {
    all.push(of(sql<number>`coalesce(s.end_at, cast(${p.now} as bigint)) - s.start_at`, '>=', p.minDurationMs))
  }
  if (shape.participantId !== undefined) {
    all.push(
      of.exists(
        db.kysely
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

/** A query of keys, whatever tables it reads. */
type Candidates = SelectQueryBuilder<Tables, keyof Tables, Key>

function asCandidates<DB, TB extends keyof DB>(query: SelectQueryBuilder<DB, TB, Key>): Candidates {
  return query as unknown as Candidates
}

/**
 * A part of one room is told by its places among all rooms, and the order so too: no index but the room's fits that. Of a room that is
 * named alone SQLite walks over all sessions of that time. What runs, and what is found by its level, has an index of the room.
 */
function isOfRoom({ roomId, cursor, startFrom, startTo, status, activeAt, minDurationMs }: Shape): boolean {
  if (roomId === undefined || status === 'ongoing' || activeAt !== undefined || minDurationMs !== undefined)
    return false
  return [cursor, startFrom, startTo].some((one) => one !== undefined)
}

/** From where to where in the room: what is not bounded by a time is by the room. */
function placesInRoom(p: Params, { cursor, startFrom, startTo }: Shape): Expression<SqlBool>[] {
  const start = of.refTuple('s.room_id', 's.start_at')
  const place = of.refTuple('s.room_id', 's.start_at', 's.id')
  const there = of.tuple(p.roomId, p.cursorStartAt, p.cursorId)
  const first =
    cursor === 'before'
      ? of(place, '>', there)
      : startFrom === undefined
        ? of('s.room_id', '>=', p.roomId)
        : of(start, '>=', of.tuple(p.roomId, p.startFrom))
  const last =
    cursor === 'after'
      ? of(place, '<', there)
      : startTo === undefined
        ? of('s.room_id', '<=', p.roomId)
        : of(start, '<=', of.tuple(p.roomId, p.startTo))
  return [first, last]
}

function orderOf({ cursor }: Shape): 'asc' | 'desc' {
  return cursor === 'before' ? 'asc' : 'desc'
}

/** Builds conditions on a session that a query calls `s`. */
const of = expressionBuilder<Tables & { s: Tables['sessions'] }, 's'>()

/** The text of a query depends on which filters are given: each combination is compiled once. */
function nameOf(shape: Shape, { minDurationMs }: Params, walk: boolean): string {
  const given = Object.keys(shape).filter((name) => shape[name as keyof Shape] !== undefined)
  const level = shape.minDurationMs === undefined ? '' : levelOf(minDurationMs)
  return [...given.sort(), shape.status ?? '', shape.cursor ?? '', level, walk].join(' ')
}

function cached<Q>(made: Map<string, Q>, name: string, make: () => Q): Q {
  const known = made.get(name)
  if (known !== undefined) return known
  const query = make()
  made.set(name, query)
  return query
}
