import type { Expression, Kysely, SqlBool } from 'kysely'
import type { Tables } from '../database/tables.ts'
import { type Over, query } from '../noun.ts'
import type { Cursor } from './list.ts'
import { spanLevels, spanOf } from './span.ts'

/** Sessions whose ids are read at a time. */
const batchMax = 200

/** A time, from `from` inclusive to `to` exclusive, in epoch milliseconds; of one room, or all. */
export type Period = { from: number; to: number; roomId?: string }

type Params = { keyId: number; roomId: string; from: number; to: number; id: string; limit: number }

const ofKey = (k: Kysely<Tables>, p: Params, inRoom: boolean) =>
  k
    .selectFrom('sessions')
    .select(['id', 'start_at as startAt'])
    .where('key_id', '=', p.keyId)
    .$if(inRoom, (query) => query.where('room_id', '=', p.roomId))
    .where('start_at', 'is not', null)
    .$narrowType<{ startAt: number }>()

/** What each query is for all rooms, and for one. */
const inAllAndOne = <T>(make: (inRoom: boolean) => T) => ({ all: make(false), one: make(true) })

const running = inAllAndOne((inRoom) =>
  query<Params, Cursor>((k, p) => ofKey(k, p, inRoom).where('end_at', 'is', null).where('start_at', '<', p.from)),
)
const reaching = Array.from({ length: spanLevels }, (_, level) =>
  inAllAndOne((inRoom) =>
    query<Params & { earliest: number }, Cursor>((k, p) =>
      ofKey(k, p, inRoom)
        .where('span_level', '=', level)
        .where('start_at', '>', p.earliest)
        .where('start_at', '<', p.from)
        .where('end_at', '>=', p.from),
    ),
  ),
)
const started = inAllAndOne((inRoom) =>
  query<Params, Cursor>((k, p) =>
    ofKey(k, p, inRoom)
      .where('start_at', '<', p.to)
      .where((eb): Expression<SqlBool> => eb(eb.refTuple('start_at', 'id'), '>', eb.tuple(p.from, p.id)))
      .orderBy('start_at')
      .orderBy('id')
      .limit(p.limit),
  ),
)

/** The ids of the sessions that ran when a period began, in order of time. */
export async function listReaching({ db }: Over, keyId: number, { roomId, from, to }: Period): Promise<string[]> {
  const rooms = roomId === undefined ? 'all' : 'one'
  const params = { keyId, roomId: roomId ?? '', from, to, id: '', limit: batchMax }
  const before: Cursor[] = [...(await db.all(running[rooms](db), params))]
  for (const [level, queries] of reaching.entries()) {
    const span = spanOf(level)
    const earliest = span === Number.POSITIVE_INFINITY ? Number.MIN_SAFE_INTEGER : from - span
    before.push(...(await db.all(queries[rooms](db), { ...params, earliest })))
  }
  before.sort((a, b) => a.startAt - b.startAt || (a.id < b.id ? -1 : 1))
  return before.map(({ id }) => id)
}

/** The ids of the sessions that were running at some time of a period: first those that ran when it began, then the ones that started in it. */
export async function* listDuring(over: Over, keyId: number, period: Period): AsyncGenerator<string, void> {
  const { db } = over
  const { roomId, from, to } = period
  yield* await listReaching(over, keyId, period)
  const rooms = roomId === undefined ? 'all' : 'one'
  const params = { keyId, roomId: roomId ?? '', from, to, id: '', limit: batchMax }
  for (let last: Cursor = { startAt: from, id: '' }; ; ) {
    const page = await db.all(started[rooms](db), { ...params, from: last.startAt, id: last.id })
    for (const { id } of page) yield id
    const next = page.at(-1)
    if (next === undefined || page.length < batchMax) return
    last = next
  }
}
