import type { TimeInside } from '../../ledger/presence.ts'
import type { Session } from '../../ledger/state.ts'
import { toTimelogs } from '../../ledger/timelogs.ts'
import { sessionColumns, toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { marksOf } from '../facts/queries.ts'
import { query } from '../noun.ts'
import { timeOf } from '../sessions/presence.ts'

/** When one person was inside one session. */
export type TimesOfSession = {
  session: Session & { startAt: number }
  customRoomId: string | null
  participantId: string
  name: string
  /** In order of time. */
  times: TimeInside[]
}

type Params = { keyId: number; ids: string }
type Row = Session & {
  startAt: number
  customRoomId: string | null
  participantId: string
  name: string
  joinedAt: number
  openSince: number | null
  personClosedMs: number
  personLastAt: number | null
}

// From the people to their sessions: the order of this join is not left to the database.
const sessionsOf = query<Params, Row>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.ids))
    .crossJoin('participants as p')
    .crossJoin('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .select(sessionColumns.map((column) => `s.${column}` as const))
    .select([
      'r.custom_room_id as customRoomId',
      'p.participant_id as participantId',
      'p.name',
      'p.joined_at as joinedAt',
    ])
    .select(['p.open_since as openSince', 'p.closed_ms as personClosedMs', 'p.last_at as personLastAt'])
    .where('p.key_id', '=', p.keyId)
    .whereRef('p.participant_id', '=', 'x.value')
    .where('p.joined_at', 'is not', null)
    .where('s.key_id', '=', p.keyId)
    .whereRef('s.id', '=', 'p.session_id')
    .where('s.start_at', 'is not', null)
    .orderBy('s.start_at')
    .orderBy('s.id')
    // Several ids of one person may be in a session: pages go on where those before ended.
    .orderBy('p.joined_at')
    .orderBy('p.participant_id')
    .$narrowType<{ startAt: number; joinedAt: number }>(),
)
/** All sessions of these participants, in order of time, with when they were inside: where they were inside once, no mark is read. */
export async function readTimes(db: Database, keyId: number, participantIds: string[]): Promise<TimesOfSession[]> {
  const rows = await db.all(sessionsOf(db), { keyId, ids: JSON.stringify(participantIds) })
  const found = rows.map((row) => {
    const { customRoomId, participantId, name, joinedAt, openSince, personClosedMs, personLastAt, ...session } = row
    const person = { joinedAt, openSince, closedMs: personClosedMs, lastAt: personLastAt }
    return { session, customRoomId, participantId, name, time: timeOf(session, person) }
  })
  const often = found.filter(({ time }) => time === undefined)
  const list = JSON.stringify(often.map(({ session, participantId }) => ({ sessionId: session.id, participantId })))
  const marks = often.length === 0 ? [] : await db.all(marksOf(db), { keyId, list })
  const ofSessions = Map.groupBy(marks, ({ sessionId }) => sessionId)
  return found.map(({ time, ...of }) => {
    if (time !== undefined) return { ...of, times: [time] }
    const ofSession = (ofSessions.get(of.session.id) ?? []).map(toMark)
    return { ...of, times: toTimelogs({ session: of.session, marks: ofSession }).get(of.participantId) ?? [] }
  })
}
