import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Differences } from '../database/database.ts'
import { type Over, query } from '../noun.ts'
import type { Cursor } from './list.ts'
import { spanLevels, spanOf } from './span.ts'

/** Sessions whose ids are read at a time. */
const batchMax = 200
/** Periods that are asked about at once: for each there is a look-up at every level. */
const periodsTogether = 20
/** Of the sessions that started in several periods so many are read at once: where there are more, of one period after the other. */
const startedMax = 2000

/** A time, from `from` inclusive to `to` exclusive, in epoch milliseconds; of one room, or all. */
export type Period = { from: number; to: number; roomId?: string }

type OfRoom = Period & { roomId: string }

type Ran = Cursor & { roomId: string; endAt: number | null }
type Looked = { keyId: number; list: string }

/** What each query is for all rooms, and for one. */
const inAllAndOne = <T>(make: (inRoom: boolean) => T) => ({ all: make(false), one: make(true) })

const numberOf = (name: string): RawBuilder<number> => sql`cast(x.value ->> ${sql.lit(name)} as bigint)`
const ofRoom = (inRoom: boolean) => (inRoom ? sql` and t.room_id = x.value ->> 'roomId'` : sql``)

/** The sessions of a key that a condition finds for each of a list. */
const eachFinds = (isFound: (differences: Differences) => RawBuilder<unknown>) =>
  inAllAndOne((inRoom) =>
    query<Looked, Ran>((k, p, { differences }) =>
      k
        .selectFrom(
          differences
            .found('sessions', p.list, sql`t.key_id = ${p.keyId}${ofRoom(inRoom)} and ${isFound(differences)}`)
            .as('s'),
        )
        .select(['s.id', 's.room_id as roomId', 's.start_at as startAt', 's.end_at as endAt'])
        .$narrowType<{ startAt: number }>(),
    ),
  )
const running = eachFinds(() => sql`t.end_at is null and t.start_at < ${numberOf('from')}`)
const reaching = eachFinds((differences) => {
  const start = { column: 't.start_at', above: numberOf('earliest'), below: numberOf('from') }
  return sql`t.span_level is not null and ${differences.liesBetween('t.span_level', numberOf('level'), start)}
    and t.end_at >= ${numberOf('from')}`
})
const startedInEach = query<Looked & { limit: number }, Ran>((k, p, { differences }) =>
  k
    .selectFrom(
      differences
        .found(
          'sessions',
          p.list,
          sql`t.key_id = ${p.keyId}${ofRoom(true)} and t.start_at >= ${numberOf('from')} and t.start_at < ${numberOf('to')}`,
        )
        .as('s'),
    )
    .select(['s.id', 's.room_id as roomId', 's.start_at as startAt', 's.end_at as endAt'])
    .limit(p.limit)
    .$narrowType<{ startAt: number }>(),
)
type Params = { keyId: number; roomId: string; from: number; to: number; id: string; limit: number }
const started = inAllAndOne((inRoom) =>
  query<Params, Cursor>((k, p) =>
    k
      .selectFrom('sessions')
      .select(['id', 'start_at as startAt'])
      .where('key_id', '=', p.keyId)
      .$if(inRoom, (query) => query.where('room_id', '=', p.roomId))
      .where('start_at', '<', p.to)
      .where((eb): Expression<SqlBool> => eb(eb.refTuple('start_at', 'id'), '>', eb.tuple(p.from, p.id)))
      .orderBy('start_at')
      .orderBy('id')
      .limit(p.limit)
      .$narrowType<{ startAt: number }>(),
  ),
)

/** Those that ran when one of these periods began, in whatever order; either all of the periods are of a room, or none is. */
async function readReaching({ db }: Pick<Over, 'db'>, keyId: number, periods: Period[]): Promise<Ran[]> {
  const rooms = periods[0]?.roomId === undefined ? 'all' : 'one'
  const looked = (list: object[]): Looked => ({ keyId, list: JSON.stringify(list) })
  const levels = Array.from({ length: spanLevels }, (_, level) => ({ level, span: spanOf(level) }))
  const looks = periods.flatMap(({ from, roomId }) =>
    levels.map(({ level, span }) => {
      const earliest = span === Number.POSITIVE_INFINITY ? Number.MIN_SAFE_INTEGER : from - span
      return { roomId, level, from, earliest }
    }),
  )
  const open = await db.all(running[rooms](db), looked(latestOfRooms(periods)))
  return [...open, ...(await db.all(reaching[rooms](db), looked(looks)))]
}

/** Of each room the period that begins last: whatever runs from before another runs from before that. */
function latestOfRooms(periods: Period[]): Period[] {
  const latest = new Map<string | undefined, Period>()
  for (const one of periods)
    if (one.from > (latest.get(one.roomId)?.from ?? Number.NEGATIVE_INFINITY)) latest.set(one.roomId, one)
  return [...latest.values()]
}

/** The ids of the sessions that ran when a period began, in order of time. */
export async function listReaching(over: Pick<Over, 'db'>, keyId: number, period: Period): Promise<string[]> {
  return inOrder(await readReaching(over, keyId, [period]))
}

/** The ids of the sessions that were running at some time of a period: first those that ran when it began, then the ones that started in it. */
export async function* listDuring(over: Pick<Over, 'db'>, keyId: number, period: Period): AsyncGenerator<string, void> {
  yield* await listReaching(over, keyId, period)
  for await (const { id } of readStarted(over, keyId, period)) yield id
}

async function* readStarted({ db }: Pick<Over, 'db'>, keyId: number, { roomId, from, to }: Period) {
  const rooms = roomId === undefined ? 'all' : 'one'
  const params = { keyId, roomId: roomId ?? '', from, to, id: '', limit: batchMax }
  for (let last: Cursor = { startAt: from, id: '' }; ; ) {
    const page = await db.all(started[rooms](db), { ...params, from: last.startAt, id: last.id })
    yield* page
    const next = page.at(-1)
    if (next === undefined || page.length < batchMax) return
    last = next
  }
}

/** The same of each of these periods, each of one room. */
export async function listDuringEach(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  periods: OfRoom[],
): Promise<string[][]> {
  const lists: string[][] = []
  const work = {}
  for (let i = 0; i < periods.length; i += periodsTogether) {
    await over.pause?.(keyId, work)
    const some = periods.slice(i, i + periodsTogether)
    const before = await readReaching(over, keyId, some)
    const began = await readStartedInEach(over, keyId, some)
    for (const [n, period] of some.entries()) {
      const ran = before.filter((one) => one.roomId === period.roomId && isInside(one, period.from))
      lists.push([...inOrder(ran), ...inOrder(began[n] ?? [])])
    }
  }
  return lists
}

async function readStartedInEach(over: Pick<Over, 'db'>, keyId: number, periods: OfRoom[]): Promise<Cursor[][]> {
  const params = { keyId, list: JSON.stringify(periods), limit: startedMax }
  const all = await over.db.all(startedInEach(over.db), params)
  if (all.length < startedMax) {
    return periods.map(({ roomId, from, to }) =>
      all.filter((one) => one.roomId === roomId && one.startAt >= from && one.startAt < to),
    )
  }
  const lists: Cursor[][] = []
  for (const period of periods) {
    const list: Cursor[] = []
    for await (const one of readStarted(over, keyId, period)) list.push(one)
    lists.push(list)
  }
  return lists
}

/** Whether it began before a time, and had not ended. */
function isInside({ startAt, endAt }: Ran, at: number): boolean {
  return startAt < at && (endAt === null || endAt >= at)
}

/** Each once. */
function inOrder(found: Cursor[]): string[] {
  const ordered = found.toSorted((a, b) => a.startAt - b.startAt || (a.id < b.id ? -1 : Number(a.id > b.id)))
  return [...new Set(ordered.map(({ id }) => id))]
}
