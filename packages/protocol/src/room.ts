import { Type } from 'typebox'
import { PageInfo } from './page.ts'
import { Time } from './time.ts'

export const RoomWebhook = Type.Object(
  {
    endPoint: Type.String({ description: 'An http or https address.' }),
    events: Type.Array(Type.String(), { description: 'Exact names or globs: `*`, `session*`, `recording-*`.' }),
  },
  { $id: 'RoomWebhook', description: 'Where what happens in the room is sent, and which of it.' },
)
export type RoomWebhook = Type.Static<typeof RoomWebhook>

export const AutoCloseConfig = Type.Object(
  {
    type: Type.Union([Type.Literal('session-ends'), Type.Literal('session-end-and-deactivate')]),
    duration: Type.Optional(Type.Integer({ description: 'Whole minutes from the start of the session.' })),
  },
  {
    $id: 'AutoCloseConfig',
    description: 'When a session is ended, though people are inside, and whether the room is disabled too.',
  },
)
export type AutoCloseConfig = Type.Static<typeof AutoCloseConfig>

export const RoomLinks = Type.Object(
  {
    get_room: Type.String({ description: 'The address of this room.' }),
    get_session: Type.String({ description: 'The address of its sessions.' }),
  },
  { $id: 'RoomLinks' },
)

const RoomId = Type.String({ description: 'The room’s own id: `xxxx-xxxx-xxxx` of a to z and 0 to 9.' })
const CustomRoomId = Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave it.' })
const UserId = Type.String({ description: 'The owner of its API key.' })
const Disabled = Type.Boolean({ description: 'Nobody can join.' })

/** A room as the API answers it, in the API's order of keys. */
export const Room = Type.Object(
  {
    roomId: RoomId,
    customRoomId: CustomRoomId,
    userId: UserId,
    disabled: Disabled,
    createdAt: Time(),
    updatedAt: Time(),
    id: Type.String({ description: '24 hex digits; the first 8 are the second of its creation.' }),
    webhook: Type.Optional(RoomWebhook),
    autoCloseConfig: Type.Optional(AutoCloseConfig),
    allowedParticipantIds: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Those who may join; where it is missing or empty, everybody with a token.',
      }),
    ),
    lockedAt: Type.Optional(Time('Since when nobody new comes in, where that is so.')),
    retentionDays: Type.Optional(
      Type.Integer({
        description: 'For how many days after their end its sessions are kept, where that is said of the room.',
      }),
    ),
    links: RoomLinks,
  },
  { $id: 'Room', description: 'A named place, which has one session after another.' },
)
export type Room = Type.Static<typeof Room>

export const RoomWithStatus = Type.Object(
  { ...Room.properties, status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')]) },
  { $id: 'RoomWithStatus', description: 'The room, with the status that it was given.' },
)
export type RoomWithStatus = Type.Static<typeof RoomWithStatus>

export const User = Type.Object(
  {
    id: UserId,
    name: Type.Union([Type.String(), Type.Null()]),
    email: Type.Union([Type.String(), Type.Null()]),
  },
  { $id: 'User', description: 'The owner of an API key.' },
)
export type User = Type.Static<typeof User>

const { roomId, customRoomId, userId: _, ...rest } = Room.properties

export const ListedRoom = Type.Object(
  { roomId, customRoomId, user: User, ...rest },
  { $id: 'ListedRoom', description: 'A room in the list of rooms: its owner in place of the owner’s id.' },
)
export type ListedRoom = Type.Static<typeof ListedRoom>

export const RoomPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(ListedRoom) },
  { $id: 'RoomPage', description: 'A page of rooms, newest first.' },
)
export type RoomPage = Type.Static<typeof RoomPage>

/** The names of the API's first version, then the two that typed clients read. */
const meeting = {
  webhook: Type.Optional(RoomWebhook),
  disabled: Disabled,
  meetingId: Type.String({ description: 'Its roomId.' }),
  userMeetingId: Type.Union([Type.String(), Type.Null()], { description: 'Its customRoomId.' }),
  userId: UserId,
  createdAt: Time(),
  updatedAt: Time(),
  user: User,
  id: Type.String(),
  roomId: RoomId,
  customRoomId: CustomRoomId,
}

export const Meeting = Type.Object(meeting, {
  $id: 'Meeting',
  description: 'A room in the names of the API’s first version, then in those of today.',
})
export type Meeting = Type.Static<typeof Meeting>

export const MeetingPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(Meeting) },
  { $id: 'MeetingPage', description: 'A page of rooms in the names of the API’s first version, newest first.' },
)
export type MeetingPage = Type.Static<typeof MeetingPage>

export const DeactivatedRoom = Type.Object(meeting, {
  $id: 'DeactivatedRoom',
  description: 'The room in the names of the API’s first version, then in those of today.',
})
export type DeactivatedRoom = Type.Static<typeof DeactivatedRoom>

export const KeptOutPerson = Type.Object(
  {
    participantId: Type.String({ description: 'Who may not come in.' }),
    name: Type.String({ description: 'What they were called then; empty where nobody said.' }),
    keptOutAt: Time('Since when.'),
    byParticipantId: Type.Union([Type.String(), Type.Null()], {
      description: 'Which host did it; null: a program, or the dashboard.',
    }),
  },
  { $id: 'KeptOutPerson', description: 'Somebody who does not come into a room until that is lifted.' },
)
export type KeptOutPerson = Type.Static<typeof KeptOutPerson>

export const KeptOutList = Type.Object(
  { data: Type.Array(KeptOutPerson) },
  { $id: 'KeptOutList', description: 'Everybody who is kept out of a room, the latest first.' },
)
export type KeptOutList = Type.Static<typeof KeptOutList>
