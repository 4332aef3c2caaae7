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
import { readPresence } from './presence.ts'

/** A session with some of its people: enough to show these, and nothing to sum up. */
export type SessionPart = {
  session: Session & { startAt: number }
  customRoomId: string | null
  /** In order of first join; `marks` belong to them. */
  participants: Participant[]
  marks: Mark[]
}

/** `total`: how many people it has, of the kinds asked for. */
export type PageOfPeople = SessionPart & { total: number }

/**
 * A session with what it takes to show it. Where more people were in it than `participants` holds, it is `truncated`, and what
 * is summed up comes of `presence`, which has them all.
 */
export type SessionRecord = SessionPart &
  ({ truncated: false; presence?: Presence } | { truncated: true; presence: Presence })

type Row = Session & { startAt: number; customRoomId: string | null }

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
// From the ids to their sessions: the order of this join is not left to the database.
const rowsOf = query<{ keyId: number; ids: string }, Row>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.ids))
    .crossJoin('sessions as s')
    .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
    .select(columns)
    .where('s.key_id', '=', p.keyId)
    .whereRef('s.id', '=', 'x.value')
    .$narrowType<{ startAt: number }>(),
)
type OfSessions = { keyId: number; ids: string; max: number }
const peopleOf = query<OfSessions, ParticipantColumns>((k, p, { differences }) =>
  k
    .selectFrom('participants')
    .select(participantColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', 'in', differences.texts(p.ids))
    .where('joined_at', 'is not', null)
    .orderBy('session_id')
    .orderBy('joined_at')
    .orderBy('participant_id')
    .limit(p.max),
)
const marksOf = query<OfSessions, MarkColumns>((k, p, { differences }) =>
  k
    .selectFrom('marks')
    .select(markColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', 'in', differences.texts(p.ids)),
)
const marksOfPeople = query<OfSessions & { people: string }, MarkColumns>((k, p, { differences }) =>
  k
    .selectFrom('marks')
    .select(markColumns)
    .where('key_id', '=', p.keyId)
    .where('session_id', 'in', differences.texts(p.ids))
    .where('participant_id', 'in', differences.texts(p.people)),
)
type OfKinds = { keyId: number; sessionId: string; kinds: string }
const ofKinds = (k: Kysely<Tables>, p: OfKinds, { differences }: Database) =>
  k
    .selectFrom('participants')
    .where('key_id', '=', p.keyId)
    .where('session_id', '=', p.sessionId)
    .where('joined_at', 'is not', null)
    .where('kind', 'in', differences.texts(p.kinds))
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

export async function readRecord(
  { db }: Pick<Over, 'db'>,
  keyId: number,
  sessionId: string,
): Promise<SessionRecord | undefined> {
  const rows = await db.all(byId(db), { keyId, sessionId })
  return (await complete(db, keyId, rows, Number.MAX_SAFE_INTEGER))[0]
}

/** In whatever order; at most `participantsMax` people of each. */
export async function readRecords(
  { db }: Over,
  keyId: number,
  ids: string[],
  participantsMax = Number.MAX_SAFE_INTEGER,
): Promise<SessionRecord[]> {
  if (ids.length === 0) return []
  return complete(db, keyId, await db.all(rowsOf(db), { keyId, ids: JSON.stringify(ids) }), participantsMax)
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
  const ids = JSON.stringify([sessionId])
  const marks = await db.all(marksOfPeople(db), { keyId, ids, people, max: Number.MAX_SAFE_INTEGER })
  const total = kinds === undefined ? row.people : ((await db.all(countOfKinds(db), of))[0]?.total ?? 0)
  return { ...toPart(row, found, marks), total }
}

/** Adds the people and their marks: of small sessions all together, of each large one by itself. */
async function complete(db: Database, keyId: number, rows: Row[], participantsMax: number): Promise<SessionRecord[]> {
  const people = new Map<string, ParticipantColumns[]>()
  const marks = new Map<string, MarkColumns[]>()
  const take = async (ids: string, large: boolean) => {
    const found = await db.all(peopleOf(db), { keyId, ids, max: large ? participantsMax : Number.MAX_SAFE_INTEGER })
    for (const row of found) push(people, row.sessionId, row)
    const params = {
      keyId,
      ids,
      max: Number.MAX_SAFE_INTEGER,
      people: large ? JSON.stringify(found.map((row) => row.participantId)) : '',
    }
    for (const row of await db.all(large ? marksOfPeople(db) : marksOf(db), params)) push(marks, row.sessionId, row)
  }
  const small = rows.filter((row) => row.people <= participantsMax)
  if (small.length > 0) await take(JSON.stringify(small.map((row) => row.id)), false)
  for (const row of rows) if (row.people > participantsMax) await take(JSON.stringify([row.id]), true)
  const records: SessionRecord[] = []
  for (const row of rows) {
    const part = toPart(row, people.get(row.id) ?? [], marks.get(row.id) ?? [])
    const truncated = row.people > part.participants.length
    records.push({
      ...part,
      ...(truncated ? { truncated, presence: await readPresence(db, keyId, row) } : { truncated }),
    })
  }
  return records
}

/** When each person of a record was inside. */
export function presenceIn(record: SessionRecord): Presence {
  return record.presence ?? presenceOf(record.participants, toTimelogs(record))
}

function toPart({ customRoomId, ...session }: Row, people: ParticipantColumns[], marks: MarkColumns[]): SessionPart {
  return { session, customRoomId, participants: people.map(toParticipant), marks: marks.map(toMark) }
}

function push<T>(groups: Map<string, T[]>, id: string, item: T): void {
  const group = groups.get(id)
  if (group === undefined) groups.set(id, [item])
  else group.push(item)
}
