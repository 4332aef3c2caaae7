import type {
  AutoCloseConfig,
  DeactivatedRoom,
  Invite,
  Permission,
  Room,
  RoomPage,
  RoomWebhook,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { createListing, type Listing } from './listing.ts'
import { requireText } from './text.ts'

/** What a room may be made with. */
export type NewRoom = {
  /** Your own name for the room. A room that has it already comes back as it is. */
  customRoomId?: string
  /** Where to tell what happens in the room, and which events: exact names or globs such as `participant-*`. */
  webhook?: RoomWebhook
  /** When to end a session by itself: `duration` is in minutes from its start. */
  autoCloseConfig?: AutoCloseConfig
  /** Who may join; where it is not given, everybody with a token. */
  allowedParticipantIds?: string[]
}

/** What a link for a guest allows. */
export type NewInvite = {
  /** The guest's name. */
  name?: string
  /** What the guest may do; without it, join. */
  permissions?: Permission[]
  /** How long the link is good; without it, a day. */
  expiresInSeconds?: number
}

/** A room as a list shows it: with its owner in place of the owner's id. */
export type ListedRoom = RoomPage['data'][number]

/** The rooms of a key. */
export type Rooms = {
  /**
   * Makes a room, or gives the one that has this `customRoomId`. Tried once: where the network failed (`UNREACHABLE`), the
   * room may have been made.
   *
   * @throws RollcallError with code `BAD_REQUEST`, whose message names the field that was wrong and what it takes
   * @example
   * const { roomId } = await rollcall.rooms.create({ customRoomId: 'standup' })
   */
  create(room?: NewRoom): Promise<Room>
  /**
   * Gives one room, by its `roomId`, its `customRoomId` or its `id`.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND` where there is none
   * @example
   * const { disabled } = await rollcall.rooms.get('standup')
   */
  get(anyId: string): Promise<Room>
  /**
   * Lists rooms, newest first; a walk gives each once, also when rooms are made meanwhile.
   *
   * @param options `query`: one exact roomId or customRoomId; `search`: a part of either; `perPage`: rooms a page, at most 1000, by default 20
   * @throws RollcallError while it is walked
   * @example
   * for await (const { roomId, customRoomId } of rollcall.rooms.list()) console.log(roomId, customRoomId)
   */
  list(options?: { query?: string; search?: string; perPage?: number }): Listing<ListedRoom>
  /**
   * Makes a link to the room's page for a guest. The token has to name the role `crawler`, as those do that the client signs.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `CONFLICT` where the room is disabled
   * @example
   * const { url } = await rollcall.rooms.invite('standup', { name: 'Ann', expiresInSeconds: 3600 })
   */
  invite(anyId: string, invite?: NewInvite): Promise<Invite>
  /**
   * Closes a room to joins, and ends what runs in it. It takes the room's own id.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `ROOM_ID_NEEDED` for a `customRoomId`
   * @example
   * const { disabled } = await rollcall.rooms.deactivate(roomId)
   */
  deactivate(roomId: string): Promise<DeactivatedRoom>
}

export function createRooms(api: Api): Rooms {
  return {
    create: (room = {}) => api.post<Room>('/v2/rooms', room),
    get: async (anyId) => api.get<Room>(pathOf(anyId)),
    list: (options = {}) =>
      createListing(
        (page) => api.get<RoomPage>('/v2/rooms', { ...options, page }),
        (room) => room.id,
      ),
    invite: async (anyId, invite = {}) => api.post<Invite>(`${pathOf(anyId)}/invites`, invite),
    deactivate: async (roomId) =>
      api.post<DeactivatedRoom>('/v2/rooms/deactivate', { roomId: requireText('roomId', roomId) }),
  }
}

function pathOf(anyId: string): string {
  return `/v2/rooms/${encodeURIComponent(requireText('room id', anyId))}`
}
