import { Type } from 'typebox'
import { Kind } from './kind.ts'
import { NameSource } from './name.ts'
import { PageInfo } from './page.ts'
import { Time } from './time.ts'

const SessionId = Type.String({
  description: '24 hex digits; the first 8 are the second of the session’s first evidence.',
})
const RoomId = Type.String({ description: 'The room’s own id.' })
const CustomRoomId = Type.Union([Type.String(), Type.Null()], { description: 'The name that you gave the room.' })

export const TimelogEntry = Type.Object(
  {
    start: Time('The join.'),
    end: Type.Union([Time(), Type.Null()], { description: 'The leave; null while the participant is inside.' }),
    reason: Type.Optional(Type.String({ description: 'Why it ended, where somebody said so.' })),
    inferred: Type.Optional(Type.Literal(true, { description: 'No leave was seen: Rollcall concluded the end.' })),
  },
  { $id: 'TimelogEntry', description: 'One time inside: from a join to a leave. Times that overlap or touch are one.' },
)
export type TimelogEntry = Type.Static<typeof TimelogEntry>

const Span = Type.Object({
  start: Time(),
  end: Type.Union([Time(), Type.Null()], { description: 'Null while it lasts.' }),
})
const Spans = (description: string) => Type.Optional(Type.Array(Span, { description }))

export const Connection = Type.Object(
  {
    id: Type.String({ description: 'As its media server calls it.' }),
    start: Time('The join.'),
    end: Type.Union([Time(), Type.Null()], { description: 'The leave; null while it is inside.' }),
  },
  { $id: 'Connection', description: 'One connection of a participant.' },
)
export type Connection = Type.Static<typeof Connection>

export const Media = Type.Object(
  {
    camera: Spans('A camera.'),
    microphone: Spans('A microphone, muted or not.'),
    screen: Spans('A screen that was shared.'),
    screenAudio: Spans('The sound of that screen.'),
  },
  { $id: 'Media', description: 'When somebody published what: in order of time, and nothing of what they never did.' },
)
export type Media = Type.Static<typeof Media>

export const Participant = Type.Object(
  {
    participantId: Type.String({ description: 'The id that they joined with.' }),
    name: Type.String({ description: 'The latest name that they were known by; empty where nobody told one.' }),
    timelog: Type.Array(TimelogEntry, { description: 'In order of time: a rejoin is one more entry.' }),
    _id: Type.String({ description: '24 hex digits, of this participant in this session.' }),
    totalSeconds: Type.Number({ description: 'Seconds inside, to the millisecond; while inside, up to now.' }),
    kind: Kind,
    nameSource: Type.Optional(NameSource),
    region: Type.Optional(
      Type.String({
        description:
          'The region of the media server that they were connected to, where it has a name. Of one session alone.',
      }),
    ),
    connections: Type.Optional(
      Type.Array(Connection, {
        description: 'Their connections, where the media server names them. Of one session alone.',
      }),
    ),
    media: Type.Optional(Media),
  },
  { $id: 'Participant', description: 'One person, or program, in one session.' },
)
export type Participant = Type.Static<typeof Participant>

export const SessionLinks = Type.Object(
  {
    get_room: Type.String({ description: 'The address of its room.' }),
    get_session: Type.String({ description: 'The address of this session.' }),
  },
  { $id: 'SessionLinks' },
)

/** What the hosted API tells of services that Rollcall has nothing of: clients read it without asking whether it is there. */
export const notOffered = { region: '', chatLink: '', recordingLog: [], livestreamLog: [], hlsLog: [] }
const EmptyText = Type.String({ description: 'Empty: Rollcall has no such thing.' })
const EmptyLog = Type.Array(Type.Unknown(), { description: 'Empty: Rollcall has no such thing.' })

/** A session as the API answers it. The first seven keys are the documented ones, in the documented order. */
export const Session = Type.Object(
  {
    id: SessionId,
    roomId: RoomId,
    start: Time('The earliest evidence of it.'),
    end: Type.Union([Time(), Type.Null()], { description: 'Null while the session runs.' }),
    participants: Type.Array(Participant, {
      description: 'Everybody who was inside, in order of first join: persons and, by their `kind`, programs.',
    }),
    status: Type.Union([Type.Literal('ongoing'), Type.Literal('ended')]),
    links: SessionLinks,
    customRoomId: CustomRoomId,
    apiKey: Type.String({ description: 'The API key that it belongs to.' }),
    userId: Type.String({ description: 'The owner of that key.' }),
    activeDuration: Type.Integer({ description: 'Whole seconds with at least one person inside.' }),
    maxJoinedPeersCount: Type.Integer({ description: 'Most persons inside at one moment.' }),
    webhook: Type.Object(
      {
        totalCount: Type.Integer({ description: 'Webhooks sent about this session.' }),
        successCount: Type.Integer({ description: 'How many of them were taken.' }),
        data: Type.Array(
          Type.Object({
            type: Type.String({ description: 'Such as session-started.' }),
            success: Type.Boolean({ description: 'Whether it was taken.' }),
          }),
        ),
      },
      { description: 'What became of the webhooks about this session.' },
    ),
    region: EmptyText,
    chatLink: EmptyText,
    recordingLog: EmptyLog,
    livestreamLog: EmptyLog,
    hlsLog: EmptyLog,
    parentSessionId: Type.Optional(
      Type.String({ description: 'The session that it is a part of, where that is in the record.' }),
    ),
    parentRoomId: Type.Optional(
      Type.String({ description: 'It is a part of a session of this room: the breakout of a meeting.' }),
    ),
    engine: Type.String({ description: 'Who reported it: hosted, events, or a source’s type, such as livekit.' }),
    revision: Type.Integer({ description: 'How often an ended session was corrected by later evidence.' }),
    updatedAt: Time('When its record last changed.'),
    participantSeconds: Type.Number({ description: 'Sum of the totalSeconds of those participants who are persons.' }),
    uniqueParticipants: Type.Integer({ description: 'How many persons took part, also where the list is cut.' }),
    recordings: Type.Optional(
      Type.Array(
        Type.Object({ id: Type.String({ description: 'As its media server calls it.' }), ...Span.properties }),
        { description: 'Recordings and streams of it that its media server told of. Of one session alone.' },
      ),
    ),
    clockCorrectedMs: Type.Optional(
      Type.Integer({
        format: 'int64',
        description:
          'Its source’s clock was wrong: by so many milliseconds, at most, times here are other than it said them; negative where that clock is ahead.',
      }),
    ),
    activeParticipantIds: Type.Optional(
      Type.Array(Type.String(), {
        description: 'Asked for by `activeAt`: which persons were inside then, in order of first join.',
      }),
    ),
    participantsTruncated: Type.Optional(
      Type.Literal(true, {
        description: 'There are more participants than are listed here: the session by its id has them all.',
      }),
    ),
  },
  {
    $id: 'Session',
    description: 'One life of a room: from its first evidence to its end, with everybody who was inside.',
  },
)
export type Session = Type.Static<typeof Session>

/** Whether whoever runs the session carried a command out. */
const Enforced = Type.Union([Type.Boolean(), Type.Literal('pending')], {
  description:
    'Whether the hosted room or media server obeyed: true, false where it takes no orders, or pending. The record follows at once, whichever it is.',
})

/** The room's names in the API's first version. */
const meetingNames = {
  meetingId: Type.String({ description: 'Its roomId.' }),
  userMeetingId: Type.Union([Type.String(), Type.Null()], { description: 'Its customRoomId.' }),
}

export const EndedSession = Type.Object(
  { ...Session.properties, enforced: Enforced, ...meetingNames },
  { $id: 'EndedSession', description: 'The session after its end.' },
)
export type EndedSession = Type.Static<typeof EndedSession>

export const SessionAfterRemoval = Type.Object(
  {
    ...Session.properties,
    message: Type.String({ description: 'Who was removed, in words.' }),
    enforced: Enforced,
    ...meetingNames,
  },
  { $id: 'SessionAfterRemoval', description: 'The session after somebody was removed from it.' },
)
export type SessionAfterRemoval = Type.Static<typeof SessionAfterRemoval>

export const SessionPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(Session) },
  { $id: 'SessionPage', description: 'A page of sessions, newest start first.' },
)
export type SessionPage = Type.Static<typeof SessionPage>

export const MeetingSession = Type.Object(
  { ...Session.properties, ...meetingNames },
  { $id: 'MeetingSession', description: 'A session, with its room in the names of the API’s first version too.' },
)
export type MeetingSession = Type.Static<typeof MeetingSession>

export const MeetingSessionPage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(MeetingSession) },
  { $id: 'MeetingSessionPage', description: 'A page of sessions, newest start first.' },
)
export type MeetingSessionPage = Type.Static<typeof MeetingSessionPage>

export const ParticipantPage = Type.Object(
  {
    pageInfo: PageInfo,
    data: Type.Object({
      id: SessionId,
      roomId: RoomId,
      customRoomId: CustomRoomId,
      participants: Type.Array(Participant),
      links: SessionLinks,
    }),
  },
  { $id: 'ParticipantPage', description: 'A page of a session’s participants: `pageInfo` counts participants.' },
)
export type ParticipantPage = Type.Static<typeof ParticipantPage>

/** Most participants that a list embeds in one session; `GET /v2/sessions/:id` has them all. */
export const embeddedParticipantsMax = 1000
