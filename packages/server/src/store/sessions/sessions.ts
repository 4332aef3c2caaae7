import type { AutoCloseConfig } from '@rollcall/protocol'
import { sql } from 'kysely'
import { whoWasInside } from '../../ledger/presence.ts'
import type { Session } from '../../ledger/state.ts'
import { sessionColumns } from '../database/columns.ts'
import type { Database } from '../database/database.ts'
import { noun, type Over, query } from '../noun.ts'
import { decodeId } from '../rooms.ts'
import { listDuring, listDuringEach, listReaching } from './during.ts'
import { findInRooms, findRoomsWith } from './in-rooms.ts'
import { type Cursor, findPage, type ListPage, type WithSomebodyInside } from './list.ts'
import type { Key, SessionFilter } from './list-queries.ts'
import { newestMax, type OfRoom, readNewest } from './newest-texts.ts'
import { findOfSource, listOfSource } from './of-source.ts'
import { findParents, findParts } from './parents.ts'
import { readPartsOfPeople } from './parts-of-people.ts'
import { peopleSliceMax, readInside, readPeople } from './people.ts'
import { readPresences } from './presence.ts'
import {
  presenceIn,
  readHeads,
  readParts,
  readRecord,
  readRecordOfOne,
  readRecordOfPage,
  readRecords,
  readSession,
  type SessionRecord,
  visibleSessions,
} from './records.ts'
import { isOfPart, readSealed, readSealedHeads, type SealedText } from './seals.ts'
import { readTimesIn } from './times.ts'

/** One session of a list: as it was sealed, or with what it takes to show it. */
export type ListedSession = { sealed: SealedText & SealedAbout } | { record: SessionRecord }
/** What is not in the text: its parent may be told of, or erased, after it was sealed. */
type SealedAbout = { id: string; roomId: string; parentSessionId?: string | undefined }

export type FoundSessions = {
  sessions: ListedSession[]
  total: number
  /** There are more than `total`: some filters count no further than 10,000. */
  totalCapped: boolean
  /** Where the next page goes on; undefined at the end. */
  next: Cursor | undefined
}

export type SessionToClose = {
  keyId: number
  roomId: string
  sessionId: string
  /** The room is disabled too. */
  deactivates: boolean
}

const columns = sessionColumns.map((column) => `s.${column}` as const)
const keysById = query<{ keyId: number; ids: string }, Key>((k, p, { differences }) =>
  k
    .selectFrom('sessions as s')
    .select(['s.id', 's.room_id as roomId', 's.start_at as startAt', 's.gaps'])
    .where('s.key_id', '=', p.keyId)
    .where(differences.isIn('s.id', p.ids))
    .where('s.start_at', 'is not', null)
    .$narrowType<{ startAt: number }>(),
)
const runningInRoom = query<{ keyId: number; roomId: string; limit: number }, Session>((k, p) =>
  visibleSessions(k, p.keyId)
    .where('s.room_id', '=', p.roomId)
    .where('s.end_at', 'is', null)
    .select(columns)
    .orderBy('s.start_at', 'desc')
    .orderBy('s.id', 'desc')
    .limit(p.limit),
)
const runningCount = query<object, { sessions: number }>((k) =>
  k
    .selectFrom('sessions')
    .select((eb) => eb.fn.countAll<number>().as('sessions'))
    .where('end_at', 'is', null)
    .where('start_at', 'is not', null),
)
const roomByAnyId = query<{ keyId: number; id: string }, { roomId: string; customRoomId: string | null }>((k, p) =>
  k
    .selectFrom('rooms')
    .select(['room_id as roomId', 'custom_room_id as customRoomId'])
    .where('key_id', '=', p.keyId)
    .where((eb) => eb.or([eb('room_id', '=', p.id), eb('custom_room_id', '=', p.id)])),
)
const toClose = query<{ now: number; limit: number }, Omit<SessionToClose, 'deactivates'> & { autoClose: string }>(
  (k, p) =>
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

export const sessions = noun({
  reads: {
    /** Newest start first, then id; at most `participantsMax` people a session. Each page costs the same, the first and the last. */
    async list(
      over: Over,
      keyId: number,
      { roomId, customRoomId, query, search, parentSessionId, roomIds, ...filter }: SessionFilter,
      page: ListPage,
      participantsMax: number,
    ): Promise<FoundSessions> {
      const { db, now } = over
      const named = await resolveRoom(db, keyId, { roomId, customRoomId, query })
      const rooms =
        search === undefined || named === false
          ? undefined
          : await findRoomsWith(db, keyId, search, { roomId: named, roomIds })
      // A part that one room alone has is that room.
      const room = rooms === undefined ? named : rooms.roomIds.length > 1 ? undefined : (rooms.roomIds[0] ?? false)
      const parts = parentSessionId === undefined ? undefined : await findParts(db, keyId, parentSessionId)
      const isElsewhere = typeof room === 'string' && roomIds?.includes(room) === false
      const isOfNone = isElsewhere || (parentSessionId !== undefined && parts === undefined)
      if (room === false || isOfNone) return { sessions: [], total: 0, totalCapped: false, next: undefined }
      if (room !== undefined && parts === undefined && isNewest(filter, page)) {
        return readNewestPage(over, { keyId, roomId: room }, page.perPage, participantsMax)
      }
      const within = room === undefined ? { ...(roomIds && { roomIds }) } : { roomId: room }
      const roomed = { ...filter, ...within, ...(parts !== undefined && { parts }) }
      const inside = (...asked: Parameters<WithSomebodyInside>) => withSomebodyInside(over, ...asked)
      const sought = { keyId, filter: roomed, page, now: now() }
      const found =
        rooms === undefined || room !== undefined
          ? await findPage(db, sought, inside)
          : await findInRooms(db, { ...sought, roomIds: rooms.roomIds }, inside)
      const last = found.keys.at(-1)
      return {
        // What was sealed needs nothing more, unless it is asked who was inside.
        sessions: await withParents(
          db,
          keyId,
          await readListed(over, keyId, found.keys, { sealed: filter.activeAt === undefined, participantsMax }),
        ),
        total: found.total,
        totalCapped: found.totalCapped || rooms?.isCut === true,
        next: found.more && last !== undefined ? { startAt: last.startAt, id: last.id } : undefined,
      }
    },
    /** The newest that run in a room, without their people. */
    async listRunningInRoom({ db }: Over, keyId: number, roomId: string, limit: number): Promise<Session[]> {
      return db.all(runningInRoom(db), { keyId, roomId, limit })
    },
    listOfSource,
    findOfSource,
    find: readSession,
    get: readRecord,
    people: readPeople,
    presences: readPresences,
    listInside: readInside,
    getParticipant: readRecordOfOne,
    listParticipants: readRecordOfPage,
    during: listDuring,
    duringEach: listDuringEach,
    reaching: listReaching,
    /** In the order of their ids, each whole, or of a large one a page of its people after the other. */
    parts: readParts,
    times: readTimesIn,
    heads: readHeads,
    listSealedHeads: readSealedHeads,
    ofPeople: readPartsOfPeople,
    /** Running sessions, of all keys, whose room's `autoCloseConfig` ends them by `now`. */
    async listToClose({ db }: Over, now: number, limit: number): Promise<SessionToClose[]> {
      const rows = await db.all(toClose(db), { now, limit })
      return rows.map(({ autoClose, ...row }) => {
        const { type } = JSON.parse(autoClose) as Partial<AutoCloseConfig>
        return { ...row, deactivates: type === 'session-end-and-deactivate' }
      })
    },
    /** Sessions that run, of all keys. */
    async countRunning({ db }: Over): Promise<number> {
      return (await db.all(runningCount(db), {}))[0]?.sessions ?? 0
    },
  },
  writes: {},
  replicated: [
    'list',
    'listOfSource',
    'listParticipants',
    'during',
    'duringEach',
    'reaching',
    'parts',
    'times',
    'listSealedHeads',
  ],
})

/** Whether the first page of all sessions of a room is asked for, and their texts may lie side by side. */
function isNewest(
  filter: Omit<SessionFilter, 'roomId' | 'customRoomId' | 'query' | 'search'>,
  page: ListPage,
): boolean {
  const isWhole = Object.values(filter).every((value) => value === undefined)
  return isWhole && 'page' in page && page.page === 1 && page.perPage <= newestMax
}

/** The first page of a room: the texts that lie side by side, and whatever else is on it. */
async function readNewestPage(
  over: Over,
  of: OfRoom,
  perPage: number,
  participantsMax: number,
): Promise<FoundSessions> {
  const { total, keys, texts } = await readNewest(over.db, of, perPage + 1)
  const more = keys.length > perPage
  if (more) keys.pop()
  const others = keys.flatMap(({ id }) => (texts.has(id) ? [] : id))
  const listed = new Map<string, ListedSession>()
  if (others.length > 0) {
    const otherKeys = await over.db.all(keysById(over.db), { keyId: of.keyId, ids: JSON.stringify(others) })
    for (const one of await readListed(over, of.keyId, otherKeys, { sealed: true, participantsMax })) {
      listed.set('sealed' in one ? one.sealed.id : one.record.session.id, one)
    }
  }
  const last = keys.at(-1)
  const sessions = keys.flatMap(({ id }): ListedSession | [] => {
    const text = texts.get(id)
    return text === undefined ? (listed.get(id) ?? []) : { sealed: { ...text, roomId: of.roomId } }
  })
  return {
    sessions: await withParents(over.db, of.keyId, sessions),
    total,
    totalCapped: false,
    next: more && last !== undefined ? last : undefined,
  }
}

/** The sessions of a page in its order: the texts of those that are sealed, the records of the others. */
async function readListed(
  over: Over,
  keyId: number,
  keys: Key[],
  { sealed, participantsMax }: { sealed: boolean; participantsMax: number },
): Promise<ListedSession[]> {
  const ids = sealed ? idsOf(keys.filter(({ gaps }) => gaps !== null)) : []
  const texts = await readSealed(over, keyId, ids)
  const textOf = new Map(texts.map((text) => [text.id, text]))
  const open = await readRecords(over, keyId, idsOf(keys.filter((key) => !textOf.has(key.id))), participantsMax)
  const recordOf = new Map(open.map((record) => [record.session.id, record]))
  // One that was erased in between is not there.
  return keys.flatMap(({ id, roomId }): ListedSession | [] => {
    const [text, record] = [textOf.get(id), recordOf.get(id)]
    return text === undefined ? (record === undefined ? [] : { record }) : { sealed: { ...text, roomId } }
  })
}

/** Adds the parents of sealed sessions that are parts of others. */
async function withParents(db: Database, keyId: number, listed: ListedSession[]): Promise<ListedSession[]> {
  const ids = listed.flatMap((one) => ('sealed' in one && isOfPart(one.sealed) ? [one.sealed.id] : []))
  if (ids.length === 0) return listed
  const parents = await findParents(db, keyId, ids)
  return listed.map((one) =>
    'sealed' in one ? { sealed: { ...one.sealed, parentSessionId: parents.get(one.sealed.id) } } : one,
  )
}

function idsOf(keys: Key[]): string[] {
  return keys.map(({ id }) => id)
}

async function withSomebodyInside(over: Over, keyId: number, ids: string[], at: number): Promise<Set<string>> {
  // Of a large one no more than when its people were inside.
  const records = await readRecords(over, keyId, ids, peopleSliceMax)
  return new Set(
    records.filter((record) => whoWasInside(presenceIn(record), at).length > 0).map(({ session }) => session.id),
  )
}

/** As it is, or else by what it encodes. */
async function findByCustomId(db: Database, keyId: number, customRoomId: string): Promise<string | undefined> {
  for (const id of [customRoomId, decodeId(customRoomId)]) {
    const rooms = id === undefined ? [] : await db.all(roomByAnyId(db), { keyId, id })
    const found = rooms.find((room) => room.customRoomId === id)
    if (found !== undefined) return found.roomId
  }
  return undefined
}

/** Which room the filter means; false where it names none that exists, or two. */
async function resolveRoom(
  db: Database,
  keyId: number,
  filter: { [name in 'roomId' | 'customRoomId' | 'query']: string | undefined },
): Promise<string | undefined | false> {
  let { roomId } = filter
  if (filter.customRoomId !== undefined) {
    const found = await findByCustomId(db, keyId, filter.customRoomId)
    if (found === undefined || (roomId !== undefined && roomId !== found)) return false
    roomId = found
  }
  if (filter.query !== undefined) {
    const [found] = await db.all(roomByAnyId(db), { keyId, id: filter.query })
    const meant = found?.roomId ?? (await findByCustomId(db, keyId, filter.query)) ?? filter.query
    if (roomId !== undefined && roomId !== meant) return false
    roomId = meant
  }
  // No room has an empty id: the counts of all rooms together are kept under it.
  return roomId === '' ? false : roomId
}
