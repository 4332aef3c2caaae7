import { type ParticipantColumns, participantColumns, toMark, toParticipant } from '../database/columns.ts'
import { marksOf } from '../facts/queries.ts'
import { type Over, query } from '../noun.ts'
import { peopleSliceMax } from './people.ts'
import { readRows, type SessionPart } from './records.ts'

/** One person in one session. */
export type OfPerson = { sessionId: string; participantId: string }

const peopleOf = query<{ keyId: number; list: string }, ParticipantColumns>((k, p, { differences }) => {
  const fields = { session_id: 'sessionId', participant_id: 'participantId' }
  return k
    .selectFrom(differences.named('participants', p.list, { keyId: p.keyId, fields }).as('p'))
    .select(participantColumns)
    .where('joined_at', 'is not', null)
})

/** Sessions with one of their people each, in the order in which these are asked for, whatever the size of each; without those that are gone. */
export async function readPartsOfPeople(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  wanted: OfPerson[],
): Promise<SessionPart[]> {
  const parts: SessionPart[] = []
  const work = {}
  for (let i = 0; i < wanted.length; i += peopleSliceMax) {
    await over.pause?.(keyId, work)
    parts.push(...(await readSome(over, keyId, wanted.slice(i, i + peopleSliceMax))))
  }
  return parts
}

async function readSome({ db }: Pick<Over, 'db'>, keyId: number, wanted: OfPerson[]): Promise<SessionPart[]> {
  const list = JSON.stringify(wanted.map(({ sessionId, participantId }) => ({ sessionId, participantId })))
  const rows = await readRows({ db }, keyId, [...new Set(wanted.map(({ sessionId }) => sessionId))])
  const sessions = new Map(rows.map((row) => [row.id, row]))
  const people = Map.groupBy(await db.all(peopleOf(db), { keyId, list }), keyOf)
  const marks = Map.groupBy(await db.all(marksOf(db), { keyId, list }), keyOf)
  return wanted.flatMap((one) => {
    const [row, [person] = []] = [sessions.get(one.sessionId), people.get(keyOf(one))]
    if (row === undefined || person === undefined) return []
    const { customRoomId, ...session } = row
    return {
      ...{ session, customRoomId, participants: [toParticipant(person)] },
      marks: (marks.get(keyOf(one)) ?? []).map(toMark),
    }
  })
}

function keyOf({ sessionId, participantId }: OfPerson): string {
  return `${sessionId} ${participantId}`
}
