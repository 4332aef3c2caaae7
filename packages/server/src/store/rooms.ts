import { type AutoCloseConfig, type RoomWebhook, roomIdPattern } from '@rollcall/protocol'
import { compile, type Database } from './database/database.ts'
import { newObjectId, newRoomId } from './database/ids.ts'
import type { Room } from './rows.ts'
import type { NewRoom, Page, RoomFilter, Writes } from './store.ts'

export type RoomStore = Pick<Writes, 'createRoom' | 'ensureRooms' | 'setRoomDisabled'> & {
  find(keyId: number, anyId: string): Promise<Room | undefined>
  findRoomIds(keyId: number, givenIds: string[]): Promise<Map<string, string>>
  list(keyId: number, filter: RoomFilter, page: Page): Promise<{ rooms: Room[]; total: number }>
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
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const

type Row = {
  keyId: number
  roomId: string
  id: string
  customRoomId: string | null
  webhookJson: string | null
  autoCloseJson: string | null
  allowedParticipantsJson: string | null
  disabled: number
  createdAt: number
  updatedAt: number
}

const minuteMs = 60_000

/** Names of rooms that are remembered. */
const rememberedMax = 20_000

/**
 * The same look-up of what is durable, remembered: a room keeps its names, and is never deleted. Not for use in a transaction,
 * where what is found may be undone.
 * @param versionOf a number that is another one after each write of a key: until then a name that no room has is not looked up again
 */
export function rememberRoomIds(
  find: RoomStore['findRoomIds'],
  versionOf: (keyId: number) => number,
): RoomStore['findRoomIds'] {
  const remembered = new Map<string, string>()
  /** Names that no room had, and at which version. */
  const missed = new Map<string, number>()
  const nameOf = (keyId: number, givenId: string) => `${keyId} ${givenId}`
  return async (keyId, givenIds) => {
    const roomIds = new Map<string, string>()
    const others: string[] = []
    const version = versionOf(keyId)
    for (const givenId of givenIds) {
      const name = nameOf(keyId, givenId)
      const known = remembered.get(name)
      if (known !== undefined) roomIds.set(givenId, known)
      else if (missed.get(name) !== version) others.push(givenId)
    }
    if (others.length === 0) return roomIds
    const found = await find(keyId, others)
    for (const givenId of others) {
      const roomId = found.get(givenId)
      if (remembered.size + missed.size >= rememberedMax) {
        remembered.clear()
        missed.clear()
      }
      if (roomId === undefined) missed.set(nameOf(keyId, givenId), version)
      else {
        missed.delete(nameOf(keyId, givenId))
        remembered.set(nameOf(keyId, givenId), roomId)
        roomIds.set(givenId, roomId)
      }
    }
    return roomIds
  }
}

export function createRoomStore(db: Database, now: () => number): RoomStore {
  const k = db.kysely
  type Given = { keyId: number; id: string }
  const by = (column: 'room_id' | 'custom_room_id' | 'id', p: Given) =>
    k.selectFrom('rooms').select(columns).where('key_id', '=', p.keyId).where(column, '=', p.id)
  // Unions, not alternatives in one `where`: three of those make SQLite look at every room of the key.
  const findGiven = compile<Given, Row>((p) => by('room_id', p).unionAll(by('custom_room_id', p)))
  const findAny = compile<Given, Row>((p) => by('room_id', p).unionAll(by('custom_room_id', p)).unionAll(by('id', p)))

  /** A roomId goes before a customRoomId of the same text, and that before an id. */
  const find = async (keyId: number, id: string): Promise<Room | undefined> => {
    const rows = await db.all(findAny, { keyId, id })
    const row = rows.find((row) => row.roomId === id) ?? rows.find((row) => row.customRoomId === id) ?? rows[0]
    return row && toRoom(row)
  }

  const findRoomId = async (keyId: number, givenId: string): Promise<string | undefined> => {
    const rows = await db.all(findGiven, { keyId, id: givenId })
    return (rows.find(({ roomId }) => roomId === givenId) ?? rows[0])?.roomId
  }

  return {
    find,
    async findRoomIds(keyId, givenIds) {
      const roomIds = new Map<string, string>()
      for (const givenId of givenIds) {
        const roomId = await findRoomId(keyId, givenId)
        if (roomId !== undefined) roomIds.set(givenId, roomId)
      }
      return roomIds
    },
    async list(keyId, { roomId, anyId }, { page, perPage }) {
      let rooms = k.selectFrom('rooms').where('key_id', '=', keyId)
      if (roomId !== undefined) rooms = rooms.where('room_id', '=', roomId)
      if (anyId !== undefined) {
        rooms = rooms.where((eb) => eb.or([eb('room_id', '=', anyId), eb('custom_room_id', '=', anyId)]))
      }
      const { total } = await rooms.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
      const rows = await rooms
        .select(columns)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(perPage)
        .offset((page - 1) * perPage)
        .execute()
      return { rooms: rows.map(toRoom), total: Number(total) }
    },
    async createRoom({ keyId, ...room }) {
      const created = await insert(keyId, newRoomId(), room)
      if (created !== undefined) return created
      // Somebody else made it first: theirs comes back unchanged. (Two random room ids never meet: 62 bits.)
      const existing = room.customRoomId === undefined ? undefined : await byCustomId(keyId, room.customRoomId)
      if (existing === undefined) throw new Error('a new room met one that cannot be found')
      return existing
    },
    async ensureRooms({ keyId, givenIds }) {
      const roomIds = new Map<string, string>()
      for (const givenId of givenIds) roomIds.set(givenId, await ensureRoom(keyId, givenId))
      return roomIds
    },
    async setRoomDisabled({ keyId, roomId, disabled }) {
      await k
        .updateTable('rooms')
        .set({ disabled: Number(disabled), updated_at: now() })
        .where('key_id', '=', keyId)
        .where('room_id', '=', roomId)
        .where('disabled', '=', Number(!disabled))
        .execute()
      return find(keyId, roomId)
    },
  }

  /** Undefined where a room has this roomId or customRoomId already. */
  async function insert(
    keyId: number,
    roomId: string,
    { customRoomId, webhook, autoClose, allowedParticipantIds }: NewRoom,
  ): Promise<Room | undefined> {
    const at = now()
    const created = await k
      .insertInto('rooms')
      .values({
        key_id: keyId,
        room_id: roomId,
        id: newObjectId(at),
        custom_room_id: customRoomId ?? null,
        webhook_json: toJson(webhook),
        auto_close_json: toJson(autoClose),
        auto_close_ms: autoClose?.duration === undefined ? null : Math.round(autoClose.duration * minuteMs),
        allowed_participants_json: toJson(allowedParticipantIds),
        disabled: 0,
        created_at: at,
        updated_at: at,
      })
      .onConflict((on) => on.doNothing())
      .returning(columns)
      .executeTakeFirst()
    return created && toRoom(created)
  }

  async function ensureRoom(keyId: number, givenId: string): Promise<string> {
    const known = await findRoomId(keyId, givenId)
    if (known !== undefined) return known
    if (roomIdPattern.test(givenId)) await insert(keyId, givenId, {})
    else await insert(keyId, newRoomId(), { customRoomId: givenId })
    // It is found also where somebody else made it first.
    const made = await findRoomId(keyId, givenId)
    if (made === undefined) throw new Error('a new room met one that cannot be found')
    return made
  }

  async function byCustomId(keyId: number, customRoomId: string): Promise<Room | undefined> {
    const row = await by('custom_room_id', { keyId, id: customRoomId }).executeTakeFirst()
    return row && toRoom(row)
  }
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
