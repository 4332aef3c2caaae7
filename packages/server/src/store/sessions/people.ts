import type { ParticipantKind } from '@rollcall/protocol'
import type { Expression, Kysely, SqlBool } from 'kysely'
import type { Mark, Participant } from '../../ledger/state.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  toMark,
  toParticipant,
} from '../database/columns.ts'
import type { Page } from '../database/page.ts'
import type { Tables } from '../database/tables.ts'
import { type Over, query } from '../noun.ts'

/** People of a session in order of first join, with their marks. */
export type People = { participants: Participant[]; marks: Mark[] }

/** People that are read at a time, so that the largest session holds nobody up. */
export const peopleSliceMax = 100
/** The same where nothing is asked of each but whether they are inside. */
const insideSliceMax = 2000

export type Slice = { keyId: number; sessionId: string; limit: number } & Place
type Place = { joinedAt: number; participantId: string }
export const beforeAll: Place = { joinedAt: Number.MIN_SAFE_INTEGER, participantId: '' }

/** Those after one of them. */
export function inOrderAfter(k: Kysely<Tables>, p: Slice) {
  return k
    .selectFrom('participants')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where(
      (eb): Expression<SqlBool> =>
        eb(eb.refTuple('joined_at', 'participant_id'), '>', eb.tuple(p.joinedAt, p.participantId)),
    )
    .orderBy('joined_at')
    .orderBy('participant_id')
    .limit(p.limit)
}

const peopleAfter = query<Slice, ParticipantColumns>((k, p) => inOrderAfter(k, p).select(participantColumns))
const insideAfter = query<Slice, Pick<ParticipantColumns, 'participantId' | 'joinedAt' | 'openSince' | 'kind'>>(
  (k, p) =>
    inOrderAfter(k, p).select([
      'participant_id as participantId',
      'joined_at as joinedAt',
      'open_since as openSince',
      'kind',
    ]),
)
type Named = { keyId: number; sessionId: string; people: string }
const peopleNamed = query<Named, ParticipantColumns>((k, p, { differences }) =>
  k
    .selectFrom('participants')
    .select(participantColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where(differences.isIn('participant_id', p.people))
    .orderBy('joined_at')
    .orderBy('participant_id'),
)
/** Of these people in one session. */
export const marksOfPeople = query<Named, MarkColumns>((k, p, { differences }) =>
  k
    .selectFrom('marks')
    .select(markColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where(differences.isIn('participant_id', p.people)),
)

/**
 * A session's people in order of first join, a slice at a time, each as of when it was read: of a session that changes
 * meanwhile somebody may be missing whose first join turns out to be earlier than was known.
 * @param after those after this person; all where it is left out
 */
export async function* readPeople(
  { db, pause }: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  sessionId: string,
  after?: Pick<Participant, 'participantId' | 'joinedAt'>,
): AsyncGenerator<People> {
  const work = {}
  let last = placeOf(after === undefined ? [] : [after])
  for (;;) {
    const found = await db.all(peopleAfter(db), { keyId, sessionId, ...last, limit: peopleSliceMax })
    const people = JSON.stringify(found.map((one) => one.participantId))
    const marks = await db.all(marksOfPeople(db), { keyId, sessionId, people })
    if (found.length > 0) yield { participants: found.map(toParticipant), marks: marks.map(toMark) }
    if (found.length < peopleSliceMax) return
    last = placeOf(found)
    await pause?.(keyId, work)
  }
}

/**
 * Who of a session is inside now, in order of first join: one page of them, with their marks, and how many there are.
 * @param kinds those of these kinds; all where it is undefined
 */
export async function readInside(
  { db, pause }: Over,
  keyId: number,
  sessionId: string,
  { page, perPage }: Page,
  kinds?: ParticipantKind[],
): Promise<People & { total: number }> {
  const work = {}
  const inside: string[] = []
  for (let last = beforeAll; ; ) {
    const found = await db.all(insideAfter(db), { keyId, sessionId, ...last, limit: insideSliceMax })
    for (const { participantId, openSince, kind } of found) {
      if (openSince !== null && (kinds === undefined || (kinds as string[]).includes(kind))) inside.push(participantId)
    }
    if (found.length < insideSliceMax) break
    last = placeOf(found)
    await pause?.(keyId, work)
  }
  const people = JSON.stringify(inside.slice((page - 1) * perPage, page * perPage))
  const found = await db.all(peopleNamed(db), { keyId, sessionId, people })
  const marks = await db.all(marksOfPeople(db), { keyId, sessionId, people })
  return { participants: found.map(toParticipant), marks: marks.map(toMark), total: inside.length }
}

export function placeOf(found: Pick<ParticipantColumns, 'participantId' | 'joinedAt'>[]): Place {
  const { joinedAt, participantId } = found.at(-1) ?? beforeAll
  return { joinedAt: joinedAt ?? beforeAll.joinedAt, participantId }
}
