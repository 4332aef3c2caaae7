import { type ParticipantKind, participantKinds } from '@rollcall/protocol'
import type { Kysely } from 'kysely'
import { type Presence, presenceOf } from '../../ledger/presence.ts'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import { toTimelogs } from '../../ledger/timelogs.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  sessionColumns,
  toMark,
  toParticipant,
} from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { type Page, toLimit } from '../database/page.ts'
import type { Tables } from '../database/tables.ts'
import { type Over, query } from '../noun.ts'
import { findParents } from './parents.ts'
import { marksOfPeople, type People, peopleSliceMax, readPeople } from './people.ts'
import { readPresence } from './presence.ts'

/** A session with some of its people: enough to show these, and nothing to sum up. */
export type SessionPart = {
  session: Session & { startAt: number }
  customRoomId: string | null
  /** In order of first join; `marks` belong to them. */
  participants: Participant[]
  marks: Mark[]
  /** The session that it is a part of, where that is in the record. */
  parentSessionId?: string | undefined
}

/** `total`: how many people it has, of the kinds asked for. */
export type PageOfPeople = SessionPart & { total: number }

/**
 * A session with what it takes to show it. Where more people were in it than `participants` holds, it is `truncated`, and what
 * is summed up comes of `presence`, which has them all.
 */
export type SessionRecord = SessionPart &
  ({ truncated: false; presence?: Presence } | { truncated: true; presence: Presence })

export type Row = Session & { startAt: number; customRoomId: string | null }

const columns = [...sessionColumns.map((column) => `s.${column}` as const), 'r.custom_room_id as customRoomId'] as const

/** Sessions that somebody began, and the names of their rooms. */
export function visibleSessions(k: Kysely<Tables>, keyId: number) {
  return k
    .selectFrom('sessions as s')
    .where('s.key_id', '=', keyId)
    .where('s.start_at', 'is not', null)
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
}

const byId = query<{ keyId: number; sessionId: string }, Row>((k, p) =>
  visibleSessions(k, p.keyId).where('s.id', '=', p.sessionId).select(columns),
)
export const rowsOf = query<{ keyId: number; ids: string }, Row>((k, p, { differences }) =>
  k
    .selectFrom('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .select(columns)
    .where('s.key_id', '=', p.keyId)
    .where(differences.isIn('s.id', p.ids))
    .$narrowType<{ startAt: number }>(),
)
type OfSessions = { keyId: number; ids: string }
const peopleOf = query<OfSessions, ParticipantColumns>((k, p, { differences }) =>
  k
    .selectFrom('participants')
    .select(participantColumns)
    .where('key_id', '=', p.keyId)
    .where(differences.isIn('session_id', p.ids))
    .where('joined_at', 'is not', null)
    .orderBy('session_id')
    .orderBy('joined_at')
    .orderBy('participant_id'),
)
const marksOf = query<OfSessions, MarkColumns>((k, p, { differences }) =>
  k.selectFrom('marks').select(markColumns).where('key_id', '=', p.keyId).where(differences.isIn('session_id', p.ids)),
)
type OfKinds = { keyId: number; sessionId: string; kinds: string }
const ofKinds = (k: Kysely<Tables>, p: OfKinds, { differences }: Database) =>
  k
    .selectFrom('participants')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('joined_at', 'is not', null)
    .where(differences.isIn('kind', p.kinds))
const peoplePage = query<OfKinds & { limit: number; offset: number }, ParticipantColumns>((k, p, db) =>
  ofKinds(k, p, db)
    .select(participantColumns)
    .orderBy('joined_at')
    .orderBy('participant_id')
    .limit(p.limit)
    .offset(p.offset),
)
const countOfKinds = query<OfKinds, { total: number }>((k, p, db) =>
  ofKinds(k, p, db).select((eb) => eb.fn.countAll<number>().as('total')),
)
type OfPerson = { keyId: number; sessionId: string; participantId: string }
const personOf = query<OfPerson, ParticipantColumns>((k, p) =>
  k
    .selectFrom('participants')
    .select(participantColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '=', p.participantId)
    .where('joined_at', 'is not', null),
)
const marksOfPerson = query<OfPerson, MarkColumns>((k, p) =>
  k
    .selectFrom('marks')
    .select(markColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('participant_id', '=', p.participantId),
)

/** A session without its people, who are read beside it. */
export async function readSession(
  { db }: Pick<Over, 'db'>,
  keyId: number,
  sessionId: string,
): Promise<SessionPart | undefined> {
  const rows = await db.all(byId(db), { keyId, sessionId })
  const parts = rows.map((row) => toPart(row, [], []))
  return (await withParents(db, keyId, parts))[0]
}

export async function readRecord(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  sessionId: string,
): Promise<SessionRecord | undefined> {
  const rows = await over.db.all(byId(over.db), { keyId, sessionId })
  return (await complete(over, keyId, rows, Number.MAX_SAFE_INTEGER))[0]
}

/** In whatever order; at most `participantsMax` people of each. */
export async function readRecords(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  ids: string[],
  participantsMax = Number.MAX_SAFE_INTEGER,
): Promise<SessionRecord[]> {
  const rows = await readRows(over, keyId, ids)
  return complete(over, keyId, rows, participantsMax)
}

/** Sessions in the order of their ids, with their people: some together, of a large one a page at a time. */
export async function* readParts(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  ids: string[],
): AsyncGenerator<SessionPart, void> {
  const rows = new Map((await readRows(over, keyId, ids)).map((row) => [row.id, row]))
  const inOrder = ids.flatMap((id) => rows.get(id) ?? [])
  const work = {}
  for (const some of inSlices(inOrder, peopleSliceMax)) {
    await over.pause?.(keyId, work)
    const [one] = some
    if (one === undefined || one.people <= peopleSliceMax) yield* await completeSmall(over.db, keyId, some)
    else for await (const people of readPeople(over, keyId, one.id)) yield { ...toPart(one, [], []), ...people }
  }
}

/** Sessions in the order of their ids, without their people. */
export async function readHeads({ db }: Pick<Over, 'db'>, keyId: number, ids: string[]): Promise<SessionPart[]> {
  const rows = new Map((await readRows({ db }, keyId, ids)).map((row) => [row.id, row]))
  const heads = ids.flatMap((id) => rows.get(id) ?? []).map((row) => toPart(row, [], []))
  return withParents(db, keyId, heads)
}

/** Sessions without their people. */
export async function readRows({ db }: Pick<Over, 'db'>, keyId: number, ids: string[]): Promise<Row[]> {
  return ids.length === 0 ? [] : db.all(rowsOf(db), { keyId, ids: JSON.stringify(ids) })
}

/** A session with one of its people alone, whatever its size; undefined where they were never inside. */
export async function readRecordOfOne(
  { db }: Over,
  keyId: number,
  sessionId: string,
  participantId: string,
): Promise<SessionPart | undefined> {
  const whose = { keyId, sessionId, participantId }
  const [row] = await db.all(byId(db), whose)
  const [person] = row === undefined ? [] : await db.all(personOf(db), whose)
  if (row === undefined || person === undefined) return undefined
  return toPart(row, [person], await db.all(marksOfPerson(db), whose))
}

/**
 * A session with one page of its people, and how many there are; undefined where there is no such session.
 * @param kinds those of these kinds; all where it is undefined
 */
export async function readRecordOfPage(
  { db }: Over,
  keyId: number,
  sessionId: string,
  page: Page,
  kinds?: ParticipantKind[],
): Promise<PageOfPeople | undefined> {
  const [row] = await db.all(byId(db), { keyId, sessionId })
  if (row === undefined) return undefined
  const of = { keyId, sessionId, kinds: JSON.stringify(kinds ?? participantKinds) }
  const found = await db.all(peoplePage(db), { ...of, ...toLimit(page) })
  const people = JSON.stringify(found.map((one) => one.participantId))
  const marks = await db.all(marksOfPeople(db), { keyId, sessionId, people })
  const total = kinds === undefined ? row.people : ((await db.all(countOfKinds(db), of))[0]?.total ?? 0)
  return { ...toPart(row, found, marks), total }
}

/** Adds the people and their marks: of small sessions some together, of each large one by itself. */
async function complete(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  rows: Row[],
  participantsMax: number,
): Promise<SessionRecord[]> {
  const work = {}
  const records: SessionRecord[] = []
  const sliceMax = Math.min(peopleSliceMax, participantsMax)
  for (const some of inSlices(rows, sliceMax)) {
    if (records.length > 0) await over.pause?.(keyId, work)
    const [one] = some
    if (one === undefined || one.people <= sliceMax) records.push(...(await completeSmall(over.db, keyId, some)))
    else records.push(await completeLarge(over, keyId, one, participantsMax))
  }
  return withParents(over.db, keyId, records)
}

/** Adds the parents of sessions that are parts of others. */
async function withParents<T extends SessionPart>(db: Database, keyId: number, records: T[]): Promise<T[]> {
  const parts = records.filter(({ session }) => session.parentRoomId !== null)
  if (parts.length === 0) return records
  const parents = await findParents(
    db,
    keyId,
    parts.map(({ session }) => session.id),
  )
  return records.map((record) => ({ ...record, parentSessionId: parents.get(record.session.id) }))
}

/** So many together that their people are about a slice; a session of more people is one of its own. */
export function inSlices(rows: Row[], sliceMax: number): Row[][] {
  const slices: Row[][] = []
  let people = Number.POSITIVE_INFINITY
  for (const row of rows) {
    people += row.people
    if (people > sliceMax) {
      slices.push([])
      people = row.people
    }
    slices.at(-1)?.push(row)
  }
  return slices
}

async function completeSmall(db: Database, keyId: number, rows: Row[]): Promise<SessionRecord[]> {
  const params = { keyId, ids: JSON.stringify(rows.map((row) => row.id)) }
  const people = Map.groupBy(await db.all(peopleOf(db), params), ({ sessionId }) => sessionId)
  const marks = Map.groupBy(await db.all(marksOf(db), params), ({ sessionId }) => sessionId)
  return rows.map((row) => ({
    ...toPart(row, people.get(row.id) ?? [], marks.get(row.id) ?? []),
    truncated: false,
  }))
}

async function completeLarge(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  row: Row,
  participantsMax: number,
): Promise<SessionRecord> {
  const { participants, marks }: People = { participants: [], marks: [] }
  for await (const slice of readPeople(over, keyId, row.id)) {
    const wanted = slice.participants.slice(0, participantsMax - participants.length)
    participants.push(...wanted)
    const ids = new Set(wanted.map(({ participantId }) => participantId))
    marks.push(...slice.marks.filter(({ participantId }) => ids.has(participantId)))
    if (participants.length >= participantsMax) break
  }
  const part = { ...toPart(row, [], []), participants, marks }
  if (row.people <= participants.length) return { ...part, truncated: false }
  return { ...part, truncated: true, presence: await readPresence(over, keyId, row) }
}

/** When each person of a record was inside. */
export function presenceIn(record: SessionRecord): Presence {
  return record.presence ?? presenceOf(record.participants, toTimelogs(record))
}

function toPart({ customRoomId, ...session }: Row, people: ParticipantColumns[], marks: MarkColumns[]): SessionPart {
  return { session, customRoomId, participants: people.map(toParticipant), marks: marks.map(toMark) }
}
