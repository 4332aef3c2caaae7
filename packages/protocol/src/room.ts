import { Type } from 'typebox'
import { PageInfo } from './page.ts'

export const RoomWebhook = Type.Object({
  endPoint: Type.String({ description: 'An http or https address.' }),
  events: Type.Array(Type.String(), { description: 'Exact names or globs: `*`, `session*`, `recording-*`.' }),
})
export type RoomWebhook = Type.Static<typeof RoomWebhook>

export const AutoCloseConfig = Type.Object({
  type: Type.Union([Type.Literal('session-ends'), Type.Literal('session-end-and-deactivate')]),
  duration: Type.Optional(Type.Number({ description: 'Minutes from the start of the session.' })),
})
export type AutoCloseConfig = Type.Static<typeof AutoCloseConfig>

export const RoomLinks = Type.Object({ get_room: Type.String(), get_session: Type.String() })

/** A room as the API answers it, in the API's order of keys. */
export const Room = Type.Object({
  roomId: Type.String(),
  customRoomId: Type.Union([Type.String(), Type.Null()]),
  userId: Type.String(),
  disabled: Type.Boolean(),
  createdAt: Type.String(),
  updatedAt: Type.String(),
  id: Type.String(),
  webhook: Type.Optional(RoomWebhook),
  autoCloseConfig: Type.Optional(AutoCloseConfig),
  allowedParticipantIds: Type.Optional(Type.Array(Type.String())),
  links: RoomLinks,
})
export type Room = Type.Static<typeof Room>

export const User = Type.Object({
  id: Type.String(),
  name: Type.Union([Type.String(), Type.Null()]),
  email: Type.Union([Type.String(), Type.Null()]),
})

export type User = Type.Static<typeof User>

/** A room in the list of rooms: its owner in place of the owner's id. */
export const ListedRoom = Type.Intersect([Type.Omit(Room, ['userId']), Type.Object({ user: User })])
export type ListedRoom = Type.Static<typeof ListedRoom>

export const RoomPage = Type.Object({ pageInfo: PageInfo, data: Type.Array(ListedRoom) })
export type RoomPage = Type.Static<typeof RoomPage>

/** What deactivating a room answers: the names of the API's first version, then the two that typed clients read. */
export const DeactivatedRoom = Type.Object({
  webhook: Type.Optional(RoomWebhook),
  disabled: Type.Boolean(),
  meetingId: Type.String(),
  userMeetingId: Type.Union([Type.String(), Type.Null()]),
  userId: Type.String(),
  createdAt: Type.String(),
  updatedAt: Type.String(),
  user: User,
  id: Type.String(),
  roomId: Type.String(),
  customRoomId: Type.Union([Type.String(), Type.Null()]),
})
export type DeactivatedRoom = Type.Static<typeof DeactivatedRoom>
