import { Type } from 'typebox'
import { ownFactIdPrefix } from './fact.ts'
import {
  customRoomIdMaxLength,
  isCleanId,
  nameMaxLength,
  participantIdMaxLength,
  reportedFactsMax,
  reportedIdMaxLength,
} from './ids.ts'
import { ReportedKind } from './kind.ts'
import { Metadata } from './metadata.ts'
import { QualityReport } from './quality.ts'

// `POST /v2/events`: how anybody's own media server tells what happened in it. Each description says what a field takes, as errors do;
// what it is for is told by `about`.

/** Most participants in one snapshot. */
export const snapshotParticipantsMax = 50_000
/** Longest `reason`, in characters. */
export const reasonMaxLength = 256

/** What a time that a caller names takes. */
export const timeTakes =
  'epoch milliseconds or an ISO 8601 time, such as 2022-02-22T07:57:11.505Z, of the years 1 to 9999'

const Time = (about: string) =>
  Type.Union([Type.Integer({ format: 'int64' }), Type.String()], { description: timeTakes, about })
const Name = Type.Optional(
  Type.String({
    maxLength: nameMaxLength,
    description: `a text of at most ${nameMaxLength} characters`,
    about: 'What they are called now.',
  }),
)
const Reason = Type.Optional(
  Type.String({
    maxLength: reasonMaxLength,
    description: `a text of at most ${reasonMaxLength} characters`,
    about: 'Why it ended, in your words.',
  }),
)
const FactId = Type.Refine(
  Id(
    reportedIdMaxLength,
    'What the event is known by: the same id again is the same event.',
    `, which does not begin with ${ownFactIdPrefix}`,
  ),
  (id) => !id.startsWith(ownFactIdPrefix),
)
const ParticipantId = Id(participantIdMaxLength, 'Who it is: the same id is the same participant.')
const ConnectionId = Type.Optional(
  Id(reportedIdMaxLength, 'Your id for this one connection of theirs, where you know connections.'),
)

const ofAny = { id: FactId, at: Time('When it happened, by your clock.') }
const ofRoom = {
  ...ofAny,
  roomId: Id(customRoomIdMaxLength, 'The room: its roomId, or a name of your own. One that is not there yet is made.'),
  sessionKey: Type.Optional(Id(reportedIdMaxLength, 'Your id for this life of the room, where it has one.')),
}
const ofParticipant = {
  ...ofRoom,
  participantId: ParticipantId,
  connectionId: ConnectionId,
  name: Name,
  kind: Type.Optional(ReportedKind),
}

/** What each type of event says, by its type. */
export const Events = {
  'session-started': Type.Object({
    type: Type.Literal('session-started'),
    ...ofRoom,
    parent: Type.Optional(
      Type.Object(
        { roomId: ofRoom.roomId, sessionKey: ofRoom.sessionKey },
        {
          description: 'an object such as {"roomId":"algebra","sessionKey":"8c1f"}',
          about: 'The session that this one is a part of, as a breakout room is.',
        },
      ),
    ),
  }),
  'session-ended': Type.Object({ type: Type.Literal('session-ended'), ...ofRoom, reason: Reason }),
  'participant-joined': Type.Object({
    type: Type.Literal('participant-joined'),
    ...ofParticipant,
    metadata: Type.Optional(Metadata),
  }),
  /** With `joinedAt` it tells the whole stay: the join need not have been reported. */
  'participant-left': Type.Object({
    type: Type.Literal('participant-left'),
    ...ofParticipant,
    joinedAt: Type.Optional(Time('When they had joined: the leave tells the whole stay.')),
    reason: Reason,
  }),
  /** Everybody who is inside at `at`. */
  snapshot: Type.Object({
    type: Type.Literal('snapshot'),
    ...ofRoom,
    participants: Type.Array(
      Type.Object({
        participantId: ParticipantId,
        connectionId: ConnectionId,
        name: Name,
        kind: Type.Optional(ReportedKind),
        joinedAt: Type.Optional(Time('When they joined.')),
      }),
      {
        maxItems: snapshotParticipantsMax,
        description: `a list of at most ${snapshotParticipantsMax} participants such as {"participantId":"anna"}`,
        about: 'Everybody who is inside at that time.',
      },
    ),
  }),
  /** The media server started: nobody is inside any more whom it had before. It concerns all its rooms. */
  'source-started': Type.Object({ type: Type.Literal('source-started'), ...ofAny }),
  /** What somebody's media were like since the quality before: it tells nothing of who is inside. */
  quality: Type.Object({
    type: Type.Literal('quality'),
    ...ofRoom,
    participantId: ParticipantId,
    connectionId: ConnectionId,
    ...QualityReport.properties,
  }),
}
export type EventType = keyof typeof Events

/** What an event of each type is called where shapes have names. */
const eventNames: { [type in EventType]: string } = {
  'session-started': 'SessionStartedEvent',
  'session-ended': 'SessionEndedEvent',
  'participant-joined': 'ParticipantJoinedEvent',
  'participant-left': 'ParticipantLeftEvent',
  snapshot: 'SnapshotEvent',
  'source-started': 'SourceStartedEvent',
  quality: 'QualityEvent',
}
const ReportedEvent = Type.Union(named(Events), {
  $id: 'ReportedEvent',
  discriminator: {
    propertyName: 'type',
    mapping: Object.fromEntries(
      Object.entries(eventNames).map(([type, name]) => [type, `#/components/schemas/${name}`]),
    ),
  },
})

/** One event, as it is reported. */
export type ReportedEvent = { [type in EventType]: Type.Static<(typeof Events)[type]> }[EventType]

/** The body of `POST /v2/events`. Each event is looked into by itself: a broken one does not stop the others. */
export const EventBatch = Type.Object({
  source: Type.Optional(
    Type.Refine(
      Type.String({
        pattern: '^[a-z0-9._-]{1,64}$',
        description: 'a name of 1 to 64 of a-z, 0-9, dot, dash and underscore, other than hosted and rollcall',
        about: 'Your name for what reports: the ids of its events are its own.',
      }),
      (name) => name !== 'hosted' && name !== 'rollcall',
    ),
  ),
  events: Type.Array(Type.Unknown({ shownAs: ReportedEvent }), {
    minItems: 1,
    maxItems: reportedFactsMax,
    description: `a list of 1 to ${reportedFactsMax} events`,
  }),
})
export type EventBatch = Type.Static<typeof EventBatch>

export const EventResult = Type.Object(
  {
    id: Type.Union([Type.String(), Type.Null()], {
      description: 'The event’s id; null where it has none that can be read.',
    }),
    index: Type.Optional(Type.Integer({ description: 'Its place in the list, from 0; only where its id is null.' })),
    outcome: Type.Union([
      Type.Literal('recorded'),
      Type.Literal('duplicate'),
      Type.Literal('waiting'),
      Type.Literal('ignored'),
      Type.Literal('refused'),
    ]),
    reason: Type.Optional(Type.String({ description: 'Why it was ignored or refused.' })),
  },
  { $id: 'EventResult', description: 'What became of one event.' },
)
export type EventResult = Type.Static<typeof EventResult>

/** What `POST /v2/events` answers. */
export const EventResults = Type.Object(
  { results: Type.Array(EventResult) },
  { $id: 'EventResults', description: 'What became of the events, in their order.' },
)
export type EventResults = Type.Static<typeof EventResults>

function named(events: typeof Events) {
  return Object.entries(events).map(([type, event]) => ({ ...event, $id: eventNames[type as EventType] }))
}

function Id(maxLength: number, about: string, besides = '') {
  return Type.Refine(
    Type.String({
      minLength: 1,
      maxLength,
      description: `a text of 1 to ${maxLength} characters, none of them a control character${besides}`,
      about,
    }),
    isCleanId,
  )
}
