import { embeddedParticipantsMax } from '@rollcall/protocol'
import type { Insertable } from 'kysely'
import type { Participant } from '../../ledger/state.ts'
import { sealSession } from '../../record/session-view.ts'
import type { Database } from '../../store/database/database.ts'
import type { Tables } from '../../store/database/tables.ts'
import type { WholeSession } from '../../store/facts/memory.ts'
import { toMarkRow, toParticipantRow, toSessionRow } from '../../store/facts/pending-rows.ts'
import { query } from '../../store/noun.ts'
import { encodeSeal, isPlain, type SealedText } from '../../store/sessions/seals.ts'

type Row = { [column: string]: unknown }
type OfSessions = { keyId: number; ids: string }
/** A session's row, and what of its room is kept or sealed with it. */
type SessionRow = Row & {
  id: string
  look_at: number | null
  seal_at: number | null
  customRoomId: string | null
  autoCloseMs: number | null
}
type OfSession = Row & { session_id: string }
type PersonRow = OfSession & { participant_id: string }
type MarkRow = PersonRow & { fact_id: string; kind: string }
type SealRow = OfSession & SealedText
type Key = { apiKey: string; userId: string }

const sessionsOf = query<OfSessions, SessionRow>((k, p, { differences }) =>
  k
    .selectFrom('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .selectAll('s')
    .select(['r.custom_room_id as customRoomId', 'r.auto_close_ms as autoCloseMs'])
    .where('s.key_id', '=', p.keyId)
    .where(differences.isIn('s.id', p.ids))
    .$castTo<SessionRow>(),
)
const rowsOf = <R extends OfSession>(table: 'participants' | 'marks' | 'media' | 'seals') =>
  query<OfSessions, R>((k, p, { differences }) =>
    k
      .selectFrom(table)
      .selectAll()
      .where('key_id', '=', p.keyId)
      .where(differences.isIn('session_id', p.ids))
      .$castTo<R>(),
  )
const peopleOf = rowsOf<PersonRow>('participants')
const marksOf = rowsOf<MarkRow>('marks')
const mediaOf = rowsOf<OfSession>('media')
const sealsOf = rowsOf<SealRow>('seals')
const keyOf = query<{ keyId: number }, Key>((k, p) =>
  k.selectFrom('keys').select(['api_key as apiKey', 'user_id as userId']).where('key_id', '=', p.keyId),
)

/** The kept rows of one key's sessions. */
export type KeptSessions = {
  /** Those of these sessions of which every row is kept as they have it, and none beside. */
  listAlike(sessions: WholeSession[]): Promise<WholeSession[]>
  /** How many rows were found to be so, of each table. */
  rows: { sessions: number; participants: number; marks: number; media: number; seals: number }
}

export async function openKeptSessions(db: Database, keyId: number): Promise<KeptSessions> {
  const [key = { apiKey: '', userId: '' }] = await db.all(keyOf(db), { keyId })
  const counted = { sessions: 0, participants: 0, marks: 0, media: 0, seals: 0 }
  return {
    rows: counted,
    async listAlike(sessions) {
      if (sessions.length === 0) return []
      const params = { keyId, ids: JSON.stringify(sessions.map(({ session }) => session.id)) }
      const [rows, allPeople, allMarks, allMedia, seals] = await Promise.all([
        db.all(sessionsOf(db), params),
        db.all(peopleOf(db), params),
        db.all(marksOf(db), params),
        db.all(mediaOf(db), params),
        db.all(sealsOf(db), params),
      ])
      const kept = {
        rows: new Map(rows.map((row) => [row.id, row])),
        people: Map.groupBy(allPeople, (row) => row.session_id),
        marks: Map.groupBy(allMarks, (row) => row.session_id),
        media: Map.groupBy(allMedia, (row) => row.session_id),
        seals: new Map(seals.map((row) => [row.session_id, row])),
      }
      return sessions.filter((whole) => {
        const { id } = whole.session
        const [row, seal] = [kept.rows.get(id), kept.seals.get(id)]
        const people = kept.people.get(id) ?? []
        const marks = kept.marks.get(id) ?? []
        const media = kept.media.get(id) ?? []
        const isAlike =
          row !== undefined &&
          arePeopleSame(keyId, whole, people) &&
          areMarksSame(keyId, whole, marks) &&
          areMediaSame(whole, media) &&
          isSessionSame(keyId, whole, { row, seal, key })
        if (!isAlike) return false
        counted.sessions += 1
        counted.participants += people.length
        counted.marks += marks.length
        counted.media += media.length
        counted.seals += Number(seal !== undefined)
        return true
      })
    },
  }
}

function arePeopleSame(keyId: number, { session, people }: WholeSession, kept: PersonRow[]): boolean {
  return (
    kept.length === people.size &&
    kept.every((row) => {
      const person = people.get(row.participant_id)
      return person !== undefined && isSame(row, toParticipantRow(keyId, session.id, person))
    })
  )
}

function areMarksSame(keyId: number, { session, marks }: WholeSession, kept: MarkRow[]): boolean {
  let count = 0
  for (const ofPerson of marks.values()) count += ofPerson.length
  return (
    kept.length === count &&
    kept.every((row) => {
      const ofPerson = marks.get(row.participant_id)
      const mark = ofPerson?.find(({ factId, kind }) => factId === row.fact_id && kind === row.kind)
      return mark !== undefined && isSame(row, toMarkRow(keyId, session.id, mark))
    })
  )
}

function areMediaSame({ media }: WholeSession, kept: Row[]): boolean {
  if (kept.length !== media.length) return false
  const nameOf = (row: Row) => JSON.stringify([row.participant_id, row.kind, row.media_id])
  const byName = new Map(kept.map((row) => [nameOf(row), row]))
  return media.every((row) => isSame(byName.get(nameOf(row)), row))
}

/** Whether a session and its text are kept as they have to be: what the log does not tell, as whether it is sealed, is as it is kept. */
function isSessionSame(
  keyId: number,
  whole: WholeSession,
  { row: { customRoomId, autoCloseMs, ...row }, seal, key }: { row: SessionRow; seal: SealRow | undefined; key: Key },
): boolean {
  const { session } = whole
  const { startAt } = session
  const made: Insertable<Tables['sessions']> = toSessionRow(keyId, session)
  made.close_at = startAt === null || autoCloseMs === null ? null : startAt + autoCloseMs
  // Whoever looked, and found that it was too early, put it off.
  if (row.look_at !== null && made.look_at != null && row.look_at > made.look_at) made.look_at = row.look_at
  const isSealed = row.seal_at === null && made.seal_at !== null && startAt !== null
  // A text whose seal was broken counts for nothing, and stays until another takes its place.
  if (!isSealed) return isSame(row, made)
  const record = {
    ...{ session: { ...session, startAt }, customRoomId, truncated: false as const },
    participants: inOrderOfJoin([...whole.people.values()]),
    marks: [...whole.marks.values()].flat(),
  }
  const { gaps, ...text } = sealSession(record, key, embeddedParticipantsMax)
  if (seal === undefined || !isSame(row, { ...made, seal_at: null, gaps })) return false
  const { head, middle, tail } = isPlain(seal) ? text : encodeSeal(text)
  return seal.head === head && seal.middle === middle && seal.tail === tail
}

function inOrderOfJoin(people: Participant[]): Participant[] {
  const joined = people.filter((one): one is Participant & { joinedAt: number } => one.joinedAt !== null)
  return joined.sort((a, b) => a.joinedAt - b.joinedAt || (a.participantId < b.participantId ? -1 : 1))
}

/** Whether a row is kept as it was made: a column that was not made is kept empty. */
export function isSame(kept: Row | undefined, made: Row): boolean {
  if (kept === undefined) return false
  for (const column in kept) if (kept[column] !== (made[column] ?? null)) return false
  return true
}
