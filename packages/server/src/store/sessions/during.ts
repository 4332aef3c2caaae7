import type { Expression, SqlBool } from 'kysely'
import { compile, type Database } from '../database/database.ts'
import type { Cursor, Period } from '../store.ts'
import { spanLevels, spanOf } from './span.ts'

/** Sessions whose ids are read at a time. */
const batchMax = 200

export type AttendanceReads = {
  sessionsDuring(keyId: number, period: Period): AsyncGenerator<string>
}

/** Which sessions were running at some time of a period: first those that ran when it began, then the ones that started in it. */
export function createAttendanceReads(db: Database): AttendanceReads {
  const k = db.kysely
  type Params = { keyId: number; roomId: string; from: number; to: number; id: string; limit: number }
  const ofKey = (p: Params, inRoom: boolean) =>
    k
      .selectFrom('sessions')
      .select(['id', 'start_at as startAt'])
      .where('key_id', '=', p.keyId)
      .$if(inRoom, (query) => query.where('room_id', '=', p.roomId))
      .where('start_at', 'is not', null)
      .$narrowType<{ startAt: number }>()

  const [running, runningInRoom] = [false, true].map((inRoom) =>
    compile<Params, Cursor>((p) => ofKey(p, inRoom).where('end_at', 'is', null).where('start_at', '<', p.from)),
  )
  const reaching = Array.from({ length: spanLevels }, (_, level) =>
    [false, true].map((inRoom) =>
      compile<Params & { earliest: number }, Cursor>((p) =>
        ofKey(p, inRoom)
          .where('span_level', '=', level)
          .where('start_at', '>', p.earliest)
          .where('start_at', '<', p.from)
          .where('end_at', '>=', p.from),
      ),
    ),
  )
  const [started, startedInRoom] = [false, true].map((inRoom) =>
    compile<Params, Cursor>((p) =>
      ofKey(p, inRoom)
        .where('start_at', '<', p.to)
        .where((eb): Expression<SqlBool> => eb(eb.refTuple('start_at', 'id'), '>', eb.tuple(p.from, p.id)))
        .orderBy('start_at')
        .orderBy('id')
        .limit(p.limit),
    ),
  )

  return {
    async *sessionsDuring(keyId, { roomId, from, to }) {
      const inRoom = roomId === undefined ? 0 : 1
      const params = { keyId, roomId: roomId ?? '', from, to, id: '', limit: batchMax }
      const before: Cursor[] = []
      const runs = inRoom === 0 ? running : runningInRoom
      if (runs !== undefined) before.push(...(await db.all(runs, params)))
      for (const [level, queries] of reaching.entries()) {
        const span = spanOf(level)
        const earliest = span === Number.POSITIVE_INFINITY ? Number.MIN_SAFE_INTEGER : from - span
        const query = queries[inRoom]
        if (query !== undefined) before.push(...(await db.all(query, { ...params, earliest })))
      }
      before.sort((a, b) => a.startAt - b.startAt || (a.id < b.id ? -1 : 1))
      for (const { id } of before) yield id

      const starts = inRoom === 0 ? started : startedInRoom
      if (starts === undefined) return
      for (let last: Cursor = { startAt: from, id: '' }; ; ) {
        const page = await db.all(starts, { ...params, from: last.startAt, id: last.id })
        for (const { id } of page) yield id
        const next = page.at(-1)
        if (next === undefined || page.length < batchMax) return
        last = next
      }
    },
  }
}
