import type { AutoCloseConfig } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Session } from '../ledger/state.ts'
import {
  type MarkColumns,
  markColumns,
  type ParticipantColumns,
  participantColumns,
  sessionColumns,
  toMark,
  toParticipant,
} from './columns.ts'
import { compile, type Database, type Query } from './database.ts'
import type { Page, SessionFilter, SessionRecord, SessionToClose } from './store.ts'

type Row = Session & { startAt: number; customRoomId: string | null }

export type SessionReads = {
  list(
    keyId: number,
    filter: SessionFilter,
    page: Page,
    participantsMax: number,
  ): Promise<{ sessions: SessionRecord[]; total: number }>
  get(keyId: number, sessionId: string): Promise<SessionRecord | undefined>
  getParticipant(keyId: number, sessionId: string, participantId: string): Promise<SessionRecord | undefined>
  listParticipants(keyId: number, sessionId: string, page: Page): Promise<SessionRecord | undefined>
  listToClose(now: number, limit: number): Promise<SessionToClose[]>
}

export function createSessionReads(db: Database): SessionReads {
  const k = db.kysely
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

  type ListParams = SessionFilter & { keyId: number; roomIdFound?: string; limit: number; offset: number }
  // The text of a list depends on which filters are given, so each combination is compiled once.
  const lists = new Map<string, Query<ListParams, Row>>()
  const totals = new Map<string, Query<ListParams, { total: number }>>()

  const filtered = (p: ListParams, given: Set<string>) => {
    let query = visible(p.keyId)
    if (given.has('roomIdFound')) query = query.where('s.room_id', '=', p.roomIdFound as string)
    if (given.has('status:ongoing')) query = query.where('s.end_at', 'is', null)
    if (given.has('status:ended')) query = query.where('s.end_at', 'is not', null)
    if (given.has('startFrom')) query = query.where('s.start_at', '>=', p.startFrom as number)
    if (given.has('startTo')) query = query.where('s.start_at', '<=', p.startTo as number)
    if (given.has('participantId')) {
      query = query.where((eb) =>
        eb(
          's.id',
          'in',
          eb
            .selectFrom('participants as p')
            .select('p.session_id')
            .where('p.key_id', '=', p.keyId)
            .where('p.participant_id', '=', p.participantId as string)
            .where('p.joined_at', 'is not', null),
        ),
      )
    }
    return query
  }
  const listOf = (given: Set<string>) =>
    cached(lists, given, () =>
      compile<ListParams, Row>((p) =>
        filtered(p, given)
          .select([...columns, 'r.custom_room_id as customRoomId'])
          .orderBy('s.start_at', 'desc')
          .orderBy('s.id', 'desc')
          .limit(p.limit)
          .offset(p.offset),
      ),
    )
  const totalOf = (given: Set<string>) =>
    cached(totals, given, () =>
      compile<ListParams, { total: number }>((p) =>
        filtered(p, given).select((eb) => eb.fn.countAll<number>().as('total')),
      ),
    )
  const counted = compile<{ keyId: number; roomId: string }, { ended: number; sessions: number }>((p) =>
    k
      .selectFrom('session_counts')
      .select(['ended', 'sessions'])
      .where('key_id', '=', p.keyId)
      .where('room_id', '=', p.roomId),
  )
  const roomByAnyId = compile<{ keyId: number; id: string }, { roomId: string; customRoomId: string | null }>((p) =>
    k
      .selectFrom('rooms')
      .select(['room_id as roomId', 'custom_room_id as customRoomId'])
      .where('key_id', '=', p.keyId)
      .where((eb) => eb.or([eb('room_id', '=', p.id), eb('custom_room_id', '=', p.id)])),
  )

  type OfSessions = { keyId: number; ids: string; max: number }
  const idsIn = (ids: string) => sql<string>`(select value from json_each(${ids}))`
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
  const resolveRoom = async (keyId: number, filter: SessionFilter): Promise<string | undefined | false> => {
    let roomId = filter.roomId
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

  const countTotal = async (given: Set<string>, params: ListParams): Promise<number> => {
    if (['startFrom', 'startTo', 'participantId'].some((name) => given.has(name))) {
      return (await db.all(totalOf(given), params))[0]?.total ?? 0
    }
    const counts = await db.all(counted, { keyId: params.keyId, roomId: params.roomIdFound ?? '' })
    let total = 0
    for (const { ended, sessions } of counts) {
      if (params.status === undefined || (params.status === 'ended') === (ended === 1)) total += sessions
    }
    return total
  }

  /** Adds the people and their marks. */
  const complete = async (keyId: number, rows: Row[], participantsMax: number): Promise<SessionRecord[]> => {
    const people = new Map<string, ParticipantColumns[]>()
    const marks = new Map<string, MarkColumns[]>()
    const take = async (ids: string, large: boolean) => {
      const found = await db.all(peopleOf, { keyId, ids, max: large ? participantsMax : -1 })
      for (const row of found) push(people, row.sessionId, row)
      const params = { keyId, ids, max: -1, people: large ? JSON.stringify(found.map((row) => row.participantId)) : '' }
      for (const row of await db.all(large ? marksOfPeople : marksOf, params)) push(marks, row.sessionId, row)
    }
    const small = rows.filter((row) => row.people <= participantsMax)
    if (small.length > 0) await take(JSON.stringify(small.map((row) => row.id)), false)
    for (const row of rows) if (row.people > participantsMax) await take(JSON.stringify([row.id]), true)
    return rows.map((row) => toRecord(row, people.get(row.id) ?? [], marks.get(row.id) ?? []))
  }

  return {
    async list(keyId, filter, page, participantsMax) {
      const roomIdFound = await resolveRoom(keyId, filter)
      if (roomIdFound === false) return { sessions: [], total: 0 }
      const params: ListParams = {
        ...filter,
        keyId,
        ...(roomIdFound !== undefined && { roomIdFound }),
        limit: page.perPage,
        offset: (page.page - 1) * page.perPage,
      }
      const given = new Set<string>(
        Object.keys(params).filter((name) => params[name as keyof ListParams] !== undefined),
      )
      if (filter.status !== undefined) given.add(`status:${filter.status}`)
      const total = await countTotal(given, params)
      const rows = params.offset >= total ? [] : await db.all(listOf(given), params)
      return { sessions: await complete(keyId, rows, participantsMax), total }
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
        await db.all(marksOfPeople, { keyId, ids: JSON.stringify([sessionId]), people, max: -1 }),
      )
    },
    async listToClose(now, limit) {
      const rows = await db.all(toClose, { now, limit })
      return rows.map(({ autoClose, ...row }) => {
        const { type } = JSON.parse(autoClose) as Partial<AutoCloseConfig>
        return { ...row, deactivates: type === 'session-end-and-deactivate' }
      })
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

const filterNames = ['roomIdFound', 'status:ongoing', 'status:ended', 'startFrom', 'startTo', 'participantId']

function cached<Q>(made: Map<string, Q>, given: Set<string>, make: () => Q): Q {
  const shape = filterNames.filter((name) => given.has(name)).join(' ')
  const known = made.get(shape)
  if (known !== undefined) return known
  const query = make()
  made.set(shape, query)
  return query
}

function push<T>(groups: Map<string, T[]>, id: string, item: T): void {
  const group = groups.get(id)
  if (group === undefined) groups.set(id, [item])
  else group.push(item)
}
