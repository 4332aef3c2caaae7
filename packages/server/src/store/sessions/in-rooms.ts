import { toSearched } from '@rollcall/protocol'
import type { Database } from '../database/database.ts'
import { findRooms, hasPart } from '../people/found-rooms.ts'
import {
  type Cursor,
  countMax,
  type Found,
  findPage,
  isAfter,
  type ListPage,
  placeIn,
  type WithSomebodyInside,
} from './list.ts'
import type { Key, RoomedFilter } from './list-queries.ts'

/** Most rooms whose sessions are listed by a part that they share. */
const roomsMax = 200
/** Most rooms that are looked through for those that somebody may see. */
const foundMax = 20_000
/** Sessions of one room that are read at a time. */
const laneKeys = 20

/**
 * The rooms that have a part of their ids, the newest where too many do (`isCut`); undefined where nothing is left of the part.
 * @param part as it is written
 * @param within of one room alone, or of several
 */
export async function findRoomsWith(
  db: Database,
  keyId: number,
  part: string,
  { roomId, roomIds }: { roomId: string | undefined; roomIds: readonly string[] | undefined },
): Promise<{ roomIds: string[]; isCut: boolean } | undefined> {
  const wanted = toSearched(part)
  if (wanted === '') return undefined
  if (roomId !== undefined) return { roomIds: (await hasPart(db, keyId, roomId, wanted)) ? [roomId] : [], isCut: false }
  const found = await findRooms(db, keyId, wanted, roomIds === undefined ? roomsMax + 1 : foundMax)
  const seen = roomIds === undefined ? found : found.filter((one) => roomIds.includes(one))
  return { roomIds: seen.slice(0, roomsMax), isCut: seen.length > roomsMax }
}

type Sought = { keyId: number; filter: RoomedFilter; roomIds: string[]; page: ListPage; now: number }

/** A page of the sessions of several rooms: what each has, put in order, as far as the page reaches. */
export async function findInRooms(db: Database, sought: Sought, inside: WithSomebodyInside): Promise<Found> {
  const { participantId, activeAt, minDurationMs, parts } = sought.filter
  const hasIndex = [participantId, activeAt, minDurationMs, parts].some((one) => one !== undefined)
  return hasIndex ? findAmong(db, sought, inside) : mergeRooms(db, sought, inside)
}

/** By filters that count no further than `countMax`: of what they find, what is in these rooms. */
async function findAmong(
  db: Database,
  { keyId, filter, roomIds, page, now }: Sought,
  inside: WithSomebodyInside,
): Promise<Found> {
  const whole = await findPage(db, { keyId, filter, page: { page: 1, perPage: countMax }, now }, inside)
  const keys = whole.keys.filter(({ roomId }) => roomIds.includes(roomId))
  const [from, to] = placeIn(keys, page)
  return { keys: keys.slice(from, to), total: keys.length, totalCapped: whole.more, more: keys.length > to }
}

/** The sessions of one room that were read and are not on a page yet. */
type Lane = { roomId: string; keys: Key[]; more: boolean }

async function mergeRooms(
  db: Database,
  { keyId, filter, roomIds, page, now }: Sought,
  inside: WithSomebodyInside,
): Promise<Found> {
  const read = (roomId: string, from: ListPage) =>
    findPage(db, { keyId, filter: { ...filter, roomId }, page: from, now }, inside)
  const lanes: Lane[] = []
  let total = 0
  for (const roomId of roomIds) {
    const found = await read(roomId, firstOf(page))
    total += found.total
    if (found.keys.length > 0) lanes.push({ roomId, keys: found.keys, more: found.more })
  }
  if ('before' in page) {
    const keys = lanes.flatMap((lane) => lane.keys).sort((a, b) => (isAfter(a, b) ? 1 : -1))
    return { keys: keys.slice(-page.perPage), total, totalCapped: false, more: keys.length > 0 }
  }
  const skipped = 'page' in page ? (page.page - 1) * page.perPage : 0
  if (skipped >= countMax) return { keys: [], total, totalCapped: false, more: false }
  const next = async (): Promise<Key | undefined> => {
    const lane = lanes.reduce((first, one) => (isEarlier(one, first) ? one : first), lanes[0] as Lane)
    const key = lane?.keys.shift()
    if (key === undefined || lane.keys.length > 0) return key
    const more = lane.more ? await read(lane.roomId, { after: key, perPage: laneKeys }) : undefined
    if (more === undefined || more.keys.length === 0) lanes.splice(lanes.indexOf(lane), 1)
    else Object.assign(lane, { keys: more.keys, more: more.more })
    return key
  }
  for (let n = 0; n < skipped; n++) if ((await next()) === undefined) break
  const keys: Key[] = []
  for (let n = 0; n < page.perPage; n++) {
    const key = await next()
    if (key === undefined) break
    keys.push(key)
  }
  return { keys, total, totalCapped: false, more: lanes.length > 0 }
}

/** What of each room is read first: of the page that stands just before a session, all that it may have. */
function firstOf(page: ListPage): ListPage {
  if ('before' in page) return page
  return 'after' in page ? { after: page.after, perPage: laneKeys } : { page: 1, perPage: laneKeys }
}

/** Whether the next of a room comes before that of another. */
function isEarlier(one: Lane, other: Lane): boolean {
  return isAfter(other.keys[0] as Cursor, one.keys[0] as Cursor)
}
