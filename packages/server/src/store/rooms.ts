import { type AutoCloseConfig, type RoomWebhook, roomIdPattern, toSearched } from '@rollcall/protocol'
import type { Kysely } from 'kysely'
import { newObjectId, newRoomId } from './database/ids.ts'
import { type Page, toLimit } from './database/page.ts'
import type { Tables } from './database/tables.ts'
import { keepErased } from './facts/erased-people.ts'
import { noun, type Over, query } from './noun.ts'
import { addEndpointOfRoom } from './outbox/endpoints.ts'
import { findRooms, noteRooms } from './people/found-rooms.ts'

export type Room = {
  keyId: number
  roomId: string
  /** 24 hex digits. */
  id: string
  customRoomId: string | null
  webhook: RoomWebhook | null
  autoClose: AutoCloseConfig | null
  allowedParticipantIds: string[] | null
  disabled: boolean
  /** Null: it is not locked. */
  lockedAt: number | null
  /** Null: as the key has it. */
  retentionDays: number | null
  createdAt: number
  updatedAt: number
}

export type NewRoom = {
  customRoomId?: string
  webhook?: RoomWebhook
  autoClose?: AutoCloseConfig
  allowedParticipantIds?: string[]
}

export type RoomFilter = {
  /** Of these alone. */
  roomIds?: readonly string[]
  /** Exact roomId or customRoomId, or what encodes one. */
  anyId?: string
  /** A part of either, however it is written. */
  part?: string
}

const columns = [
  'key_id as keyId',
  'room_id as roomId',
  'id',
  'custom_room_id as customRoomId',
  'webhook_json as webhookJson',
  'auto_close_json as autoCloseJson',
  'allowed_participants_json as allowedParticipantsJson',
  'disabled',
  'locked_at as lockedAt',
  'retention_days as retentionDays',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const

type Row = Omit<Room, 'webhook' | 'autoClose' | 'allowedParticipantIds' | 'disabled'> & {
  webhookJson: string | null
  autoCloseJson: string | null
  allowedParticipantsJson: string | null
  disabled: number
}

const minuteMs = 60_000
/** Most rooms that a search finds. */
const roomsFoundMax = 2000

type Given = { keyId: number; id: string }
type IdColumn = 'room_id' | 'custom_room_id' | 'id'
const by = (k: Kysely<Tables>, p: Given, column: IdColumn) =>
  k.selectFrom('rooms').select(columns).where('key_id', '=', p.keyId).where(column, '=', p.id)
const byCustomId = query<Given, Row>((k, p) => by(k, p, 'custom_room_id'))
// Unions, not alternatives in one `where`: three of those make SQLite look at every room of the key.
const byGivenId = query<Given, Row>((k, p) => by(k, p, 'room_id').unionAll(by(k, p, 'custom_room_id')))
type Found = { givenId: string; roomId: string }
const byGivenIds = query<{ keyId: number; list: string }, Found>((k, p, { differences }) => {
  const named = (column: 'room_id' | 'custom_room_id') =>
    k
      .selectFrom(differences.eachText(p.list))
      .crossJoin('rooms as r')
      .select(['x.value as givenId', 'r.room_id as roomId'])
      .where('r.key_id', '=', p.keyId)
      .whereRef(`r.${column}`, '=', 'x.value')
  // A roomId goes before a customRoomId of the same text: the last of a name counts.
  return named('custom_room_id').unionAll(named('room_id'))
})
const byAnyId = query<Given, Row>((k, p) =>
  by(k, p, 'room_id')
    .unionAll(by(k, p, 'custom_room_id'))
    .unionAll(by(k, p, 'id')),
)
type Inserted = Pick<
  Row,
  'keyId' | 'roomId' | 'id' | 'customRoomId' | 'webhookJson' | 'autoCloseJson' | 'allowedParticipantsJson'
> & { autoCloseMs: number | null; at: number }
/** Nothing where a room has this roomId or customRoomId already. */
const insertNew = query<Inserted, Row>((k, p) =>
  k
    .insertInto('rooms')
    .values({
      key_id: p.keyId,
      room_id: p.roomId,
      id: p.id,
      custom_room_id: p.customRoomId,
      webhook_json: p.webhookJson,
      auto_close_json: p.autoCloseJson,
      auto_close_ms: p.autoCloseMs,
      allowed_participants_json: p.allowedParticipantsJson,
      disabled: 0,
      created_at: p.at,
      updated_at: p.at,
    })
    .onConflict((on) => on.doNothing())
    .returning(columns),
)
const setDisabled = query<{ keyId: number; roomId: string; before: number; after: number; at: number }>((k, p) =>
  k
    .updateTable('rooms')
    .set({ disabled: p.after, updated_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('disabled', '=', p.before),
)

type Lock = { keyId: number; roomId: string; at: number }
const lock = query<Lock>((k, p) =>
  k
    .updateTable('rooms')
    .set({ locked_at: p.at, updated_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('locked_at', 'is', null),
)
const unlock = query<Lock>((k, p) =>
  k
    .updateTable('rooms')
    .set({ locked_at: null, updated_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('locked_at', 'is not', null),
)

const setRetention = query<{ keyId: number; roomId: string; days: number | null; at: number }>((k, p) =>
  k
    .updateTable('rooms')
    .set({ retention_days: p.days, updated_at: p.at })
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId),
)

/** By roomId, customRoomId or id: in that order, where one text is two of them; else by what it encodes. */
async function find(over: Over, keyId: number, anyId: string): Promise<Room | undefined> {
  const { db } = over
  const rows = await db.all(byAnyId(db), { keyId, id: anyId })
  const row = rows.find((row) => row.roomId === anyId) ?? rows.find((row) => row.customRoomId === anyId) ?? rows[0]
  if (row !== undefined) return toRoom(row)
  const decoded = decodeId(anyId)
  return decoded === undefined ? undefined : find(over, keyId, decoded)
}

/** Jitsi's rooms are known by their names, and looked for also as they stand in an address. Undefined where it encodes nothing. */
export function decodeId(id: string): string | undefined {
  if (!/%[0-9a-f]{2}/i.test(id)) return undefined
  try {
    return decodeURIComponent(id)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** Newest first. */
async function list(
  over: Over,
  keyId: number,
  { roomIds, anyId, part = '' }: RoomFilter,
  page: Page,
): Promise<{ rooms: Room[]; total: number }> {
  let found = over.db.kysely.selectFrom('rooms').where('key_id', '=', keyId)
  if (roomIds !== undefined) {
    found = found.where(over.db.differences.isIn('room_id', JSON.stringify(roomIds)))
  }
  if (anyId !== undefined) {
    found = found.where((eb) => eb.or([eb('room_id', '=', anyId), eb('custom_room_id', '=', anyId)]))
  }
  const wanted = toSearched(part)
  if (wanted !== '') {
    const ids = await findRooms(over.db, keyId, wanted, roomsFoundMax)
    found = found.where(over.db.differences.isIn('room_id', JSON.stringify(ids)))
  }
  const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const decoded = anyId === undefined ? undefined : decodeId(anyId)
  if (Number(total) === 0 && decoded !== undefined) {
    return list(over, keyId, { ...(roomIds && { roomIds }), anyId: decoded }, page)
  }
  const { limit, offset } = toLimit(page)
  const inOrder = found.select(columns).orderBy('created_at', 'desc').orderBy('id', 'desc')
  const rows = await inOrder.limit(limit).offset(offset).execute()
  return { rooms: rows.map(toRoom), total: Number(total) }
}

/** A roomId goes before a customRoomId of the same text. */
async function findId({ db }: Over, keyId: number, givenId: string): Promise<string | undefined> {
  const rows = await db.all(byGivenId(db), { keyId, id: givenId })
  return (rows.find(({ roomId }) => roomId === givenId) ?? rows[0])?.roomId
}

async function ensureOne(over: Over, keyId: number, givenId: string): Promise<string> {
  const known = await findId(over, keyId, givenId)
  if (known !== undefined) return known
  // A media server's name may look like one of our ids: it is still the name.
  const roomId = roomIdPattern.test(givenId) ? givenId : newRoomId()
  await insert(over, keyId, roomId, { customRoomId: givenId })
  // It is found also where somebody else made it first.
  const made = await findId(over, keyId, givenId)
  if (made === undefined) throw new Error('a new room met one that cannot be found')
  return made
}

export const rooms = noun({
  reads: {
    find,
    /** The roomIds of the rooms that there are, each under the roomId or customRoomId that was given. */
    async findIds({ db }: Over, keyId: number, givenIds: string[]): Promise<Map<string, string>> {
      const rows = await db.all(byGivenIds(db), { keyId, list: JSON.stringify(givenIds) })
      return new Map(rows.map(({ givenId, roomId }) => [givenId, roomId]))
    },
    list,
  },
  writes: {
    /** With a `customRoomId` that exists: that room, unchanged. */
    async create(over: Over, { keyId, ...room }: { keyId: number } & NewRoom): Promise<Room> {
      const created = (await insert(over, keyId, newRoomId(), room)) ?? (await findExisting(over, keyId, room))
      await addEndpointOfRoom(over, created)
      await noteRooms(over.db, keyId, [created.roomId])
      return created
    },
    /**
     * The roomIds of all these rooms, each under the roomId or customRoomId that was given. A room that is not there is
     * made with that customRoomId, and with that roomId too where the given id has the form of one.
     */
    async ensure(over: Over, { keyId, givenIds }: { keyId: number; givenIds: string[] }): Promise<Map<string, string>> {
      const roomIds = new Map<string, string>()
      for (const givenId of givenIds) roomIds.set(givenId, await ensureOne(over, keyId, givenId))
      return roomIds
    },
    /** Undefined where there is no such room. */
    async setDisabled(
      over: Over,
      { keyId, roomId, disabled }: { keyId: number; roomId: string; disabled: boolean },
    ): Promise<Room | undefined> {
      const { db, now } = over
      const states = { before: Number(!disabled), after: Number(disabled) }
      await db.run(setDisabled(db), { keyId, roomId, ...states, at: now() })
      return find(over, keyId, roomId)
    },
    /** A room that is locked goes on being so since it was first. Undefined where there is no such room. */
    async setLocked(
      over: Over,
      { keyId, roomId, locked }: { keyId: number; roomId: string; locked: boolean },
    ): Promise<Room | undefined> {
      const { db, now } = over
      await db.run(locked ? lock(db) : unlock(db), { keyId, roomId, at: now() })
      return find(over, keyId, roomId)
    },
    /** For how many days its sessions are kept; null: as the key has it. Undefined where there is no such room. */
    async setRetention(
      over: Over,
      { keyId, roomId, days }: { keyId: number; roomId: string; days: number | null },
    ): Promise<Room | undefined> {
      const { db, now } = over
      await db.run(setRetention(db), { keyId, roomId, days, at: now() })
      return find(over, keyId, roomId)
    },
  },
  replicated: ['list'],
})

/** Somebody else made it first: theirs comes back unchanged. (Two random room ids never meet: 62 bits.) */
async function findExisting({ db }: Over, keyId: number, { customRoomId }: NewRoom): Promise<Room> {
  const [row] = customRoomId === undefined ? [] : await db.all(byCustomId(db), { keyId, id: customRoomId })
  if (row === undefined) throw new Error('a new room met one that cannot be found')
  return toRoom(row)
}

/** Undefined where a room has this roomId or customRoomId already. */
async function insert(
  { db, now }: Over,
  keyId: number,
  roomId: string,
  { customRoomId, webhook, autoClose, allowedParticipantIds }: NewRoom,
): Promise<Room | undefined> {
  const at = now()
  const [created] = await db.all(insertNew(db), {
    keyId,
    roomId,
    id: newObjectId(at),
    customRoomId: customRoomId ?? null,
    webhookJson: toJson(webhook),
    autoCloseJson: toJson(autoClose),
    autoCloseMs: autoClose?.duration === undefined ? null : Math.round(autoClose.duration * minuteMs),
    allowedParticipantsJson: toJson(allowedParticipantIds),
    at,
  })
  if (created !== undefined && customRoomId !== undefined) await keepErased(db, keyId, customRoomId, roomId)
  return created && toRoom(created)
}

function toRoom({ webhookJson, autoCloseJson, allowedParticipantsJson, disabled, ...row }: Row): Room {
  return {
    ...row,
    webhook: fromJson<RoomWebhook>(webhookJson),
    autoClose: fromJson<AutoCloseConfig>(autoCloseJson),
    allowedParticipantIds: fromJson<string[]>(allowedParticipantsJson),
    disabled: disabled === 1,
  }
}

function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

function fromJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T)
}
