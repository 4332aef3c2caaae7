import type { AutoCloseConfig } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Session } from '../../ledger/state.ts'
import { whoWasInside } from '../../ledger/timelogs.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  sessionColumns,
  toMark,
  toParticipant,
} from '../database/columns.ts'
import { compile, type Database } from '../database/database.ts'
import type {
  FoundSessions,
  ListedSession,
  ListPage,
  Page,
  SealedText,
  SessionFilter,
  SessionRecord,
  SessionToClose,
} from '../store.ts'
import { createBucketReader } from './buckets.ts'
import { createSessionFinder, type Key } from './list.ts'

type Row = Session & { startAt: number; customRoomId: string | null }

type SealedRow = SealedText & { id: string }

export type SessionReads = {
  list(keyId: number, filter: SessionFilter, page: ListPage, participantsMax: number): Promise<FoundSessions>
  listRunningInRoom(keyId: number, roomId: string, limit: number): Promise<Session[]>
  get(keyId: number, sessionId: string): Promise<SessionRecord | undefined>
  getParticipant(keyId: number, sessionId: string, participantId: string): Promise<SessionRecord | undefined>
  listParticipants(keyId: number, sessionId: string, page: Page): Promise<SessionRecord | undefined>
  listToClose(now: number, limit: number): Promise<SessionToClose[]>
  countRunning(): Promise<number>
}

export function createSessionReads(db: Database, now: () => number): SessionReads {
  const k = db.kysely
  const { texts: idsIn } = db.differences
  const columns = sessionColumns.map((column) => `s.${column}` as const)
  const visible = (keyId: number) =>
    k
      .selectFrom('sessions as s')
      .where('s.key_id', '=', keyId)
      .where('s.start_at', 'is not', null)
      .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))

  const getSession = compile<{ keyId: number; sessionId: string }, Row>((p) =>
    visible(p.keyId)
      .where('s.id', '=', p.sessionId)
      .select([...columns, 'r.custom_room_id as customRoomId']),
  )

  const countRunning = compile<object, { sessions: number }>(() =>
    k
      .selectFrom('sessions')
      .select((eb) => eb.fn.countAll<number>().as('sessions'))
      .where('end_at', 'is', null)
      .where('start_at', 'is not', null),
  )

  const finder = createSessionFinder(db, createBucketReader(db), async (keyId, ids, at) => {
    const records = await byIds(keyId, ids, Number.MAX_SAFE_INTEGER)
    return new Set(records.filter((record) => whoWasInside(record, at).length > 0).map(({ session }) => session.id))
  })
  // From the ids to their sessions: the order of these joins is not left to the database.
  const sealsOf = compile<{ keyId: number; ids: string }, SealedRow>((p) =>
    k
      .selectFrom(db.differences.eachText(p.ids))
      .crossJoin('seals as z')
      .select(['z.session_id as id', 'z.head', 'z.middle', 'z.tail'])
      .where('z.key_id', '=', p.keyId)
      .whereRef('z.session_id', '=', 'x.value'),
  )
  const rowsOf = compile<{ keyId: number; ids: string }, Row>((p) =>
    k
      .selectFrom(db.differences.eachText(p.ids))
      .crossJoin('sessions as s')
      .leftJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
      .select([...columns, 'r.custom_room_id as customRoomId'])
      .where('s.key_id', '=', p.keyId)
      .whereRef('s.id', '=', 'x.value')
      .$narrowType<{ startAt: number }>(),
  )
  const running = compile<{ keyId: number; roomId: string; limit: number }, Session>((p) =>
    visible(p.keyId)
      .where('s.room_id', '=', p.roomId)
      .where('s.end_at', 'is', null)
      .select(columns)
      .orderBy('s.start_at', 'desc')
      .orderBy('s.id', 'desc')
      .limit(p.limit),
  )
  const roomByAnyId = compile<{ keyId: number; id: string }, { roomId: string; customRoomId: string | null }>((p) =>
    k
      .selectFrom('rooms')
      .select(['room_id as roomId', 'custom_room_id as customRoomId'])
      .where('key_id', '=', p.keyId)
      .where((eb) => eb.or([eb('room_id', '=', p.id), eb('custom_room_id', '=', p.id)])),
  )

  type OfSessions = { keyId: number; ids: string; max: number }
  const peopleOf = compile<OfSessions, ParticipantColumns>((p) =>
    k
      .selectFrom('participants')
      .select(participantColumns)
      .where('key_id', '=', p.keyId)
      .where('session_id', 'in', idsIn(p.ids))
      .where('joined_at', 'is not', null)
      .orderBy('session_id')
      .orderBy('joined_at')
      .orderBy('participant_id')
      .limit(p.max),
  )
  const marksOf = compile<OfSessions, MarkColumns>((p) =>
    k.selectFrom('marks').select(markColumns).where('key_id', '=', p.keyId).where('session_id', 'in', idsIn(p.ids)),
  )
  const peoplePage = compile<{ keyId: number; sessionId: string; limit: number; offset: number }, ParticipantColumns>(
    (p) =>
      k
        .selectFrom('participants')
        .select(participantColumns)
        .where('key_id', '=', p.keyId)
        .where('session_id', '=', p.sessionId)
        .where('joined_at', 'is not', null)
        .orderBy('joined_at')
        .orderBy('participant_id')
        .limit(p.limit)
        .offset(p.offset),
  )
  type OfPerson = { keyId: number; sessionId: string; participantId: string }
  const person = compile<OfPerson, ParticipantColumns>((p) =>
    k
      .selectFrom('participants')
      .select(participantColumns)
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('participant_id', '=', p.participantId)
      .where('joined_at', 'is not', null),
  )
  const marksOfPerson = compile<OfPerson, MarkColumns>((p) =>
    k
      .selectFrom('marks')
      .select(markColumns)
      .where('key_id', '=', p.keyId)
      .where('session_id', '=', p.sessionId)
      .where('participant_id', '=', p.participantId),
  )
  const toClose = compile<{ now: number; limit: number }, Omit<SessionToClose, 'deactivates'> & { autoClose: string }>(
    (p) =>
      k
        .selectFrom('sessions as s')
        .innerJoin('rooms as r', (join) => join.onRef('r.key_id', '=', 's.key_id').onRef('r.room_id', '=', 's.room_id'))
        .select(['s.key_id as keyId', 's.room_id as roomId', 's.id as sessionId'])
        .select((eb) => eb.fn.coalesce('r.auto_close_json', sql<string>`'{}'`).as('autoClose'))
        .where('s.close_at', '<=', p.now)
        .where('s.close_at', 'is not', null)
        .where('s.end_at', 'is', null)
        .orderBy('s.close_at')
        .limit(p.limit),
  )
  const marksOfPeople = compile<OfSessions & { people: string }, MarkColumns>((p) =>
    k
      .selectFrom('marks')
      .select(markColumns)
      .where('key_id', '=', p.keyId)
      .where('session_id', 'in', idsIn(p.ids))
      .where('participant_id', 'in', idsIn(p.people)),
  )

  /** Which room the filter means; false where it names none that exists, or two. */
  const resolveRoom = async (
    keyId: number,
    filter: { [name in 'roomId' | 'customRoomId' | 'query']: string | undefined },
  ): Promise<string | undefined | false> => {
    let { roomId } = filter
    if (filter.customRoomId !== undefined) {
      const rooms = await db.all(roomByAnyId, { keyId, id: filter.customRoomId })
      const found = rooms.find((room) => room.customRoomId === filter.customRoomId)?.roomId
      if (found === undefined || (roomId !== undefined && roomId !== found)) return false
      roomId = found
    }
    if (filter.query !== undefined) {
      const [found] = await db.all(roomByAnyId, { keyId, id: filter.query })
      const meant = found?.roomId ?? filter.query
      if (roomId !== undefined && roomId !== meant) return false
      roomId = meant
    }
    // No room has an empty id: the counts of all rooms together are kept under it.
    return roomId === '' ? false : roomId
  }

  const byIds = async (keyId: number, ids: string[], participantsMax: number): Promise<SessionRecord[]> =>
    ids.length === 0 ? [] : complete(keyId, await db.all(rowsOf, { keyId, ids: JSON.stringify(ids) }), participantsMax)

  /** Adds the people and their marks. */
  const complete = async (keyId: number, rows: Row[], participantsMax: number): Promise<SessionRecord[]> => {
    const people = new Map<string, ParticipantColumns[]>()
    const marks = new Map<string, MarkColumns[]>()
    const take = async (ids: string, large: boolean) => {
      const found = await db.all(peopleOf, { keyId, ids, max: large ? participantsMax : Number.MAX_SAFE_INTEGER })
      for (const row of found) push(people, row.sessionId, row)
      const params = {
        keyId,
        ids,
        max: Number.MAX_SAFE_INTEGER,
        people: large ? JSON.stringify(found.map((row) => row.participantId)) : '',
      }
      for (const row of await db.all(large ? marksOfPeople : marksOf, params)) push(marks, row.sessionId, row)
    }
    const small = rows.filter((row) => row.people <= participantsMax)
    if (small.length > 0) await take(JSON.stringify(small.map((row) => row.id)), false)
    for (const row of rows) if (row.people > participantsMax) await take(JSON.stringify([row.id]), true)
    return rows.map((row) => toRecord(row, people.get(row.id) ?? [], marks.get(row.id) ?? []))
  }

  return {
    async list(keyId, { roomId, customRoomId, query, ...filter }, page, participantsMax) {
      const found = await resolveRoom(keyId, { roomId, customRoomId, query })
      if (found === false) return { sessions: [], total: 0, totalCapped: false, next: undefined }
      const roomed = { ...filter, ...(found !== undefined && { roomId: found }) }
      const { keys, total, totalCapped, more } = await finder(keyId, roomed, page, now())
      // What was sealed needs nothing more, unless it is asked who was inside.
      const isSealed = ({ gaps }: Key) => gaps !== null && filter.activeAt === undefined
      const idsOf = (some: Key[]) => some.map(({ id }) => id)
      const sealed = idsOf(keys.filter(isSealed))
      const texts = sealed.length === 0 ? [] : await db.all(sealsOf, { keyId, ids: JSON.stringify(sealed) })
      const textOf = new Map(texts.map((text) => [text.id, text]))
      const open = await byIds(keyId, idsOf(keys.filter((key) => !textOf.has(key.id))), participantsMax)
      const recordOf = new Map(open.map((record) => [record.session.id, record]))
      const last = keys.at(-1)
      return {
        // One that was erased in between is not there.
        sessions: keys.flatMap(({ id, roomId }): ListedSession | [] => {
          const [text, record] = [textOf.get(id), recordOf.get(id)]
          return text === undefined ? (record === undefined ? [] : { record }) : { sealed: { ...text, roomId } }
        }),
        total,
        totalCapped,
        next: more && last !== undefined ? { startAt: last.startAt, id: last.id } : undefined,
      }
    },
    async listRunningInRoom(keyId, roomId, limit) {
      return db.all(running, { keyId, roomId, limit })
    },
    async getParticipant(keyId, sessionId, participantId) {
      const [row] = await db.all(getSession, { keyId, sessionId })
      const [found] = row === undefined ? [] : await db.all(person, { keyId, sessionId, participantId })
      if (row === undefined || found === undefined) return undefined
      return toRecord(row, [found], await db.all(marksOfPerson, { keyId, sessionId, participantId }))
    },
    async listParticipants(keyId, sessionId, { page, perPage }) {
      const [row] = await db.all(getSession, { keyId, sessionId })
      if (row === undefined) return undefined
      const found = await db.all(peoplePage, { keyId, sessionId, limit: perPage, offset: (page - 1) * perPage })
      const people = JSON.stringify(found.map((one) => one.participantId))
      return toRecord(
        row,
        found,
        await db.all(marksOfPeople, { keyId, ids: JSON.stringify([sessionId]), people, max: Number.MAX_SAFE_INTEGER }),
      )
    },
    async listToClose(now, limit) {
      const rows = await db.all(toClose, { now, limit })
      return rows.map(({ autoClose, ...row }) => {
        const { type } = JSON.parse(autoClose) as Partial<AutoCloseConfig>
        return { ...row, deactivates: type === 'session-end-and-deactivate' }
      })
    },
    async countRunning() {
      return (await db.all(countRunning, {}))[0]?.sessions ?? 0
    },
    async get(keyId, sessionId) {
      const rows = await db.all(getSession, { keyId, sessionId })
      return (await complete(keyId, rows, Number.MAX_SAFE_INTEGER))[0]
    },
  }
}

function toRecord(
  { customRoomId, ...session }: Row,
  people: ParticipantColumns[],
  marks: MarkColumns[],
): SessionRecord {
  return {
    session,
    customRoomId,
    participants: people.map(toParticipant),
    marks: marks.map(toMark),
    truncated: session.people > people.length,
  }
}

function push<T>(groups: Map<string, T[]>, id: string, item: T): void {
  const group = groups.get(id)
  if (group === undefined) groups.set(id, [item])
  else group.push(item)
}
