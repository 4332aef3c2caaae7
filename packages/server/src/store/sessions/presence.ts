import { isPerson } from '@rollcall/protocol'
import type { Presence, TimeInside } from '../../ledger/presence.ts'
import { closeAtOf } from '../../ledger/session.ts'
import type { Session } from '../../ledger/state.ts'
import { toTimelogs } from '../../ledger/timelogs.ts'
import { type ParticipantColumns, toMark } from '../database/columns.ts'
import { type Over, query } from '../noun.ts'
import { beforeAll, inOrderAfter, marksOfPeople, peopleSliceMax, placeOf, type Slice } from './people.ts'

type Person = Pick<ParticipantColumns, 'participantId' | 'closedMs' | 'lastAt'> & {
  kind: Parameters<typeof isPerson>[0]
  joinedAt: number
  openSince: number | null
}

/** People that are read at a time: of most of them the row alone. */
const rowsMax = 1000

const everybody = query<Slice, Person>((k, p) =>
  inOrderAfter(k, p)
    .select(['participant_id as participantId', 'kind', 'joined_at as joinedAt', 'open_since as openSince'])
    .select(['closed_ms as closedMs', 'last_at as lastAt'])
    .$narrowType<Person>(),
)

/**
 * When each person of a session was inside, whatever its size, a slice of them at a time. Whoever was inside once, as nearly
 * everybody is, is told by their row alone; only of the others are the marks folded.
 */
export async function* readPresences(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  session: Session,
): AsyncGenerator<Presence> {
  const work = {}
  let last = beforeAll
  for (;;) {
    const rows = await over.db.all(everybody(over.db), { keyId, sessionId: session.id, ...last, limit: rowsMax })
    const persons = rows.filter(({ kind }) => isPerson(kind))
    const times = new Map(persons.map((person) => [person.participantId, timeOf(session, person)]))
    const logs = await foldOthers(over, keyId, session, times)
    yield new Map([...times].map(([id, time]) => [id, time === undefined ? (logs.get(id) ?? []) : [time]]))
    if (rows.length < rowsMax) return
    last = placeOf(rows)
    await over.pause?.(keyId, work)
  }
}

/** The same of everybody. */
export async function readPresence(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  session: Session,
): Promise<Presence> {
  const all: Presence = new Map()
  for await (const some of readPresences(over, keyId, session)) for (const [id, times] of some) all.set(id, times)
  return all
}

/** The timelogs of those whose rows do not tell. */
async function foldOthers(
  { db, pause }: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  session: Session,
  times: Map<string, TimeInside | undefined>,
): Promise<Presence> {
  const others = [...times].flatMap(([id, time]) => (time === undefined ? id : []))
  const all: Presence = new Map()
  for (let from = 0; from < others.length; from += peopleSliceMax) {
    if (from > 0) await pause?.(keyId, times)
    const people = JSON.stringify(others.slice(from, from + peopleSliceMax))
    const marks = await db.all(marksOfPeople(db), { keyId, sessionId: session.id, people })
    for (const [id, log] of toTimelogs({ session, marks: marks.map(toMark) })) all.set(id, log)
  }
  return all
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
