import type {
  AutoCloseConfig,
  DeactivatedRoom,
  ErasedRoom,
  Invite,
  InvitePage,
  KeptOutList,
  KeptOutPerson,
  ListedInvite,
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
  /** The guest's name: the link is theirs alone. Without it and `participantId`, whoever comes is asked for one. */
  name?: string
  /** Who the guest is, where you know them already: without it, one with a name gets an id of its own. */
  participantId?: string
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
   * Makes a link to the room's page for one guest, or for many. It is shown this once. The token has to name the role `crawler`, as those do that the client signs.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `CONFLICT` where the room is disabled
   * @example
   * const { url } = await rollcall.rooms.invite('standup', { name: 'Ann', expiresInSeconds: 3600 })
   */
  invite(anyId: string, invite?: NewInvite): Promise<Invite>
  /**
   * Lists the invites to a room, newest first, without their links.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND` where there is no such room, while it is walked
   * @example
   * for await (const { id, name, expiresAt } of rollcall.rooms.invites('standup')) console.log(id, name, expiresAt)
   */
  invites(anyId: string, options?: { perPage?: number }): Listing<ListedInvite>
  /**
   * Revokes an invite: nobody comes in by it any more. Whoever is inside stays.
   *
   * @throws RollcallError with code `INVITE_NOT_FOUND`
   * @example
   * const { revokedAt } = await rollcall.rooms.revokeInvite('standup', id)
   */
  revokeInvite(anyId: string, inviteId: string): Promise<ListedInvite>
  /**
   * Closes a room to joins, and ends what runs in it. It takes the room's own id.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `ROOM_ID_NEEDED` for a `customRoomId`
   * @example
   * const { disabled } = await rollcall.rooms.deactivate(roomId)
   */
  deactivate(roomId: string): Promise<DeactivatedRoom>
  /**
   * Opens a room again that was closed: people can join it.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`
   * @example
   * const { disabled } = await rollcall.rooms.activate('standup')
   */
  activate(anyId: string): Promise<Room>
  /**
   * Locks a room: nobody comes in who was not in its session before, but for hosts. Or unlocks it.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`
   * @example
   * const { lockedAt } = await rollcall.rooms.lock('standup', true)
   */
  lock(anyId: string, locked: boolean): Promise<Room>
  /**
   * Sets for how many days after their end the room's sessions are kept. What is older is erased soon, for good.
   *
   * @param days null: as it is said of the key
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `BAD_REQUEST` where the server keeps sessions for fewer days
   * @example
   * await rollcall.rooms.keepFor('standup', 30)
   */
  keepFor(anyId: string, days: number | null): Promise<Room>
  /**
   * Erases a room, with all its sessions and whatever else is kept of it, for good.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `CONFLICT` while a session runs in it
   * @example
   * const { sessions } = await rollcall.rooms.erase('standup')
   */
  erase(anyId: string): Promise<ErasedRoom>
  /**
   * Says who is kept out of a room, the latest first.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`
   * @example
   * for (const { participantId, name } of await rollcall.rooms.keptOut('standup')) console.log(participantId, name)
   */
  keptOut(anyId: string): Promise<KeptOutPerson[]>
  /**
   * Removes somebody from a room, where they are inside, and keeps them out until `letBack`.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `CONFLICT` where 200 are kept out already
   * @example
   * await rollcall.rooms.keepOut('standup', 'but3ihic')
   */
  keepOut(anyId: string, participantId: string): Promise<KeptOutPerson>
  /**
   * Ends that somebody is kept out of a room.
   *
   * @throws RollcallError with code `ROOM_NOT_FOUND`, or `PARTICIPANT_NOT_FOUND` where they are not kept out
   * @example
   * await rollcall.rooms.letBack('standup', 'but3ihic')
   */
  letBack(anyId: string, participantId: string): Promise<void>
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
    invites: (anyId, options = {}) =>
      createListing(
        (page) => api.get<InvitePage>(`${pathOf(anyId)}/invites`, { ...options, page }),
        (invite) => invite.id,
      ),
    revokeInvite: async (anyId, inviteId) =>
      api.delete<ListedInvite>(`${pathOf(anyId)}/invites/${encodeURIComponent(requireText('invite id', inviteId))}`),
    deactivate: async (roomId) =>
      api.post<DeactivatedRoom>('/v2/rooms/deactivate', { roomId: requireText('roomId', roomId) }),
    activate: async (anyId) => api.post<Room>(pathOf(anyId), { status: 'enabled' }),
    lock: async (anyId, locked) => {
      const path = `${pathOf(anyId)}/lock`
      return locked ? api.put<Room>(path, {}) : api.delete<Room>(path)
    },
    keepFor: async (anyId, retentionDays) => api.patch<Room>(pathOf(anyId), { retentionDays }),
    erase: async (anyId) => api.delete<ErasedRoom>(pathOf(anyId)),
    keptOut: async (anyId) => (await api.get<KeptOutList>(`${pathOf(anyId)}/kept-out`)).data,
    keepOut: async (anyId, participantId) => api.put<KeptOutPerson>(keptOutPathOf(anyId, participantId), {}),
    letBack: async (anyId, participantId) => {
      await api.delete<object>(keptOutPathOf(anyId, participantId))
    },
  }
}

function keptOutPathOf(anyId: string, participantId: string): string {
  return `${pathOf(anyId)}/kept-out/${encodeURIComponent(requireText('participantId', participantId))}`
}

function pathOf(anyId: string): string {
  return `/v2/rooms/${encodeURIComponent(requireText('room id', anyId))}`
}
