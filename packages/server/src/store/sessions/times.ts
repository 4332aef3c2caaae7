import type { ParticipantKind } from '@rollcall/protocol'
import { toTimelogs } from '../../ledger/timelogs.ts'
import { type ParticipantColumns, toMark } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { marksOf } from '../facts/queries.ts'
import { type Over, query } from '../noun.ts'
import { beforeAll, inOrderAfter, peopleSliceMax, placeOf, type Slice } from './people.ts'
import { timeOf } from './presence.ts'
import { inSlices, type Row, readRows } from './records.ts'

/** When a session ran, and when each of some people was inside. Times are epoch milliseconds; null: goes on. */
export type SessionTimes = {
  id: string
  roomId: string
  customRoomId: string | null
  startAt: number
  endAt: number | null
  people: { participantId: string; name: string; kind: ParticipantKind; times: { from: number; to: number | null }[] }[]
}

type Person = Pick<ParticipantColumns, 'sessionId' | 'participantId' | 'name' | 'closedMs' | 'lastAt'> & {
  kind: ParticipantKind
  joinedAt: number
  openSince: number | null
}

/** People that are read at a time: of most of them the row alone. */
const rowsMax = 300

const columns = [
  ...(['session_id as sessionId', 'participant_id as participantId', 'name', 'kind'] as const),
  ...(['joined_at as joinedAt', 'open_since as openSince', 'closed_ms as closedMs', 'last_at as lastAt'] as const),
]
const peopleOf = query<{ keyId: number; ids: string }, Person>((k, p, { differences }) =>
  k
    .selectFrom('participants')
    .select(columns)
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('session_id', p.ids))
    .where('joined_at', 'is not', null)
    .orderBy('session_id')
    .orderBy('joined_at')
    .orderBy('participant_id')
    .$narrowType<Person>(),
)
const peopleAfter = query<Slice, Person>((k, p) => inOrderAfter(k, p).select(columns).$narrowType<Person>())

/**
 * Sessions in the order of their ids, with when everybody was inside: some together, a large one in parts, each with some of its
 * people. Whoever was inside once, as nearly everybody is, is told by their row alone; only of the others are the marks folded.
 */
export async function* readTimesIn(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  ids: string[],
): AsyncGenerator<SessionTimes, void> {
  const rows = new Map((await readRows(over, keyId, ids)).map((row) => [row.id, row]))
  const inOrder = ids.flatMap((id) => rows.get(id) ?? [])
  const work = {}
  const slices = inSlices(inOrder, rowsMax)
  let next = readAhead(over.db, keyId, slices[0])
  for (const [i, some] of slices.entries()) {
    await over.pause?.(keyId, work)
    const people = await next
    next = readAhead(over.db, keyId, slices[i + 1])
    const [one] = some
    if (people !== undefined) yield* await toTimes(over, keyId, some, people)
    else if (one !== undefined) yield* readLarge(over, keyId, one, work)
  }
}

/** The people of the next sessions, which a service reads while those before are made use of; undefined where it is a large one. */
function readAhead(db: Database, keyId: number, some: Row[] = []): Promise<Person[] | undefined> {
  if (some.every(({ people }) => people > rowsMax)) return Promise.resolve(undefined)
  const ids = JSON.stringify(some.map(({ id }) => id))
  const people = (async () => db.all(peopleOf(db), { keyId, ids }))()
  // Whoever awaits it hears of it; nobody does where enough was read before.
  people.catch(() => {})
  return people
}

async function* readLarge(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  session: Row,
  work: object,
): AsyncGenerator<SessionTimes> {
  for (let last = beforeAll; ; ) {
    const people = await over.db.all(peopleAfter(over.db), { keyId, sessionId: session.id, ...last, limit: rowsMax })
    yield* await toTimes(over, keyId, [session], people)
    if (people.length < rowsMax) return
    last = placeOf(people)
    await over.pause?.(keyId, work)
  }
}

async function toTimes(over: Pick<Over, 'db' | 'pause'>, keyId: number, sessions: Row[], people: Person[]) {
  const ofSessions = Map.groupBy(people, ({ sessionId }) => sessionId)
  const byRow = sessions.map((session) => ({
    session,
    people: (ofSessions.get(session.id) ?? []).map((person) => ({ person, time: timeOf(session, person) })),
  }))
  const others = byRow.flatMap(({ people }) => people.flatMap(({ person, time }) => (time === undefined ? person : [])))
  const marks = Map.groupBy(await readMarks(over, keyId, others), ({ sessionId }) => sessionId)
  return byRow.map(({ session, people }): SessionTimes => {
    const { id, roomId, customRoomId, startAt, endAt } = session
    const logs = toTimelogs({ session, marks: (marks.get(id) ?? []).map(toMark) })
    return {
      ...{ id, roomId, customRoomId, startAt, endAt },
      people: people.map(({ person: { participantId, name, kind }, time }) => ({
        ...{ participantId, name, kind },
        times: (time === undefined ? (logs.get(participantId) ?? []) : [time]).map(({ joinedAt, leftAt }) => ({
          from: joinedAt,
          to: leftAt,
        })),
      })),
    }
  })
}

/** Of each of these people in their session. */
async function readMarks({ db, pause }: Pick<Over, 'db' | 'pause'>, keyId: number, people: Person[]) {
  const all = []
  for (let i = 0; i < people.length; i += peopleSliceMax) {
    if (i > 0) await pause?.(keyId, people)
    const some = people.slice(i, i + peopleSliceMax)
    const list = JSON.stringify(some.map(({ sessionId, participantId }) => ({ sessionId, participantId })))
    all.push(...(await db.all(marksOf(db), { keyId, list })))
  }
  return all
}
