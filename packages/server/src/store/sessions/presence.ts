import { isPerson } from '@rollcall/protocol'
import type { Presence, TimeInside } from '../../ledger/presence.ts'
import { closeAtOf } from '../../ledger/session.ts'
import type { Session } from '../../ledger/state.ts'
import { toTimelogs } from '../../ledger/timelogs.ts'
import { type MarkColumns, markColumns, type ParticipantColumns, toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

type Person = Pick<ParticipantColumns, 'participantId' | 'closedMs' | 'lastAt'> & {
  kind: Parameters<typeof isPerson>[0]
  joinedAt: number
  openSince: number | null
}
type Params = { keyId: number; sessionId: string }

const everybody = query<Params, Person>((k, p) =>
  k
    .selectFrom('participants')
    .select(['participant_id as participantId', 'kind', 'joined_at as joinedAt', 'open_since as openSince'])
    .select(['closed_ms as closedMs', 'last_at as lastAt'])
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('joined_at', 'is not', null)
    .orderBy('joined_at')
    .orderBy('participant_id')
    .$narrowType<Person>(),
)
const marksOf = query<Params & { people: string }, MarkColumns>((k, p, { differences }) =>
  k
    .selectFrom('marks')
    .select(markColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', 'in', differences.texts(p.people)),
)

/**
 * When each person of a session was inside, whatever its size. Whoever was inside once, as nearly everybody is, is told by
 * their row alone; only of the others are the marks folded.
 */
export async function readPresence(db: Database, keyId: number, session: Session): Promise<Presence> {
  const whose = { keyId, sessionId: session.id }
  const persons = (await db.all(everybody(db), whose)).filter(({ kind }) => isPerson(kind))
  const times = new Map(persons.map((person) => [person.participantId, timeOf(session, person)]))
  const people = JSON.stringify([...times].flatMap(([id, time]) => (time === undefined ? id : [])))
  const marks = people === '[]' ? [] : await db.all(marksOf(db), { ...whose, people })
  const logs = toTimelogs({ session, marks: marks.map(toMark) })
  return new Map([...times].map(([id, time]) => [id, time === undefined ? (logs.get(id) ?? []) : [time]]))
}

/** Of somebody who was inside once: from when to when. Undefined of others. */
export function timeOf(
  session: Session,
  { joinedAt, openSince, closedMs, lastAt }: Omit<Person, 'participantId' | 'kind'>,
): TimeInside | undefined {
  const until = lastAt ?? joinedAt
  if (openSince === null) return joinedAt + closedMs === until ? { joinedAt, leftAt: until } : undefined
  return openSince === joinedAt ? { joinedAt, leftAt: closeAtOf(session, until) } : undefined
}
