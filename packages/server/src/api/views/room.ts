import {
  type Room as ApiRoom,
  type AutoCloseConfig,
  type ListedRoom,
  type Meeting,
  toIso,
  type User,
} from '@rollcall/protocol'
import type { Key } from '../../store/keys/key.ts'
import type { Room } from '../../store/rooms.ts'

export type RoomViewOptions = {
  /** What `links` are built on, without a slash at the end. */
  base: string
  key: Key
}

/** A room as the API shows it, the keys in the documented order. */
export function toRoom(room: Room, { base, key }: RoomViewOptions): ApiRoom {
  const { roomId, customRoomId, ...rest } = describe(room, base)
  return { roomId, customRoomId, userId: key.userId, ...rest }
}

/** The same in the list of rooms: its owner in place of the owner's id. */
export function toListedRoom(room: Room, { base, key }: RoomViewOptions): ListedRoom {
  const { roomId, customRoomId, ...rest } = describe(room, base)
  return { roomId, customRoomId, user: toUser(key), ...rest }
}

/** A room in the names that it had in the API's first version: deactivating it still answers so. */
export function toMeeting(room: Room, key: Key): Meeting {
  const { roomId, customRoomId } = room
  return {
    ...(room.webhook && { webhook: room.webhook }),
    disabled: room.disabled,
    meetingId: roomId,
    userMeetingId: customRoomId,
    userId: key.userId,
    createdAt: toIso(room.createdAt),
    updatedAt: toIso(room.updatedAt),
    user: toUser(key),
    id: room.id,
    roomId,
    customRoomId,
  }
}

function describe(room: Room, base: string): Omit<ApiRoom, 'userId'> {
  const { roomId, customRoomId, disabled, id, webhook, autoClose, allowedParticipantIds, lockedAt, retentionDays } =
    room
  return {
    roomId,
    customRoomId,
    disabled,
    createdAt: toIso(room.createdAt),
    updatedAt: toIso(room.updatedAt),
    id,
    ...(webhook && { webhook: { endPoint: webhook.endPoint, events: webhook.events } }),
    ...(autoClose && { autoCloseConfig: toAutoCloseConfig(autoClose) }),
    ...(allowedParticipantIds && { allowedParticipantIds }),
    ...(lockedAt !== null && { lockedAt: toIso(lockedAt) }),
    ...(retentionDays !== null && { retentionDays }),
    links: { get_room: `${base}/v2/rooms/${roomId}`, get_session: `${base}/v2/sessions/?roomId=${roomId}` },
  }
}

/** Rooms that were made before `duration` had to be whole may have a fraction of a minute. */
function toAutoCloseConfig({ type, duration }: AutoCloseConfig): AutoCloseConfig {
  return { type, ...(duration !== undefined && { duration: Math.ceil(duration) }) }
}

function toUser({ userId, name, email }: Key): User {
  return { id: userId, name, email }
}
