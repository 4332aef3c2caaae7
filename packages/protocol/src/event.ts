import { Type } from 'typebox'
import { ownFactIdPrefix, reportedFactsMax } from './fact.ts'
import { customRoomIdMaxLength, isCleanId, nameMaxLength, participantIdMaxLength, reportedIdMaxLength } from './ids.ts'
import type { Json } from './json.ts'

// `POST /v2/events`: how anybody's own media server tells what happened in it. Each description says what a field takes.

/** Most participants in one snapshot. */
export const snapshotParticipantsMax = 50_000
/** Longest `metadata`, as JSON, in UTF-16 units. */
export const metadataMaxLength = 8192
/** Deepest nesting of `metadata`. */
export const metadataMaxDepth = 32
/** Longest `reason`, in characters. */
export const reasonMaxLength = 256

/** What a time that a caller names takes. */
export const timeTakes = 'epoch milliseconds or an ISO 8601 time, such as 2022-02-22T07:57:11.505Z'

const Time = Type.Union([Type.Integer(), Type.String()], { description: timeTakes })
const Name = Type.Optional(
  Type.String({ maxLength: nameMaxLength, description: `a text of at most ${nameMaxLength} characters` }),
)
const Reason = Type.Optional(
  Type.String({ maxLength: reasonMaxLength, description: `a text of at most ${reasonMaxLength} characters` }),
)
const Kind = Type.Optional(
  Type.Union([Type.Literal('person'), Type.Literal('recorder'), Type.Literal('agent'), Type.Literal('sip')], {
    description: 'person, recorder, agent or sip',
  }),
)
const Metadata = Type.Optional(
  Type.Refine(
    Type.Unsafe<Json>({
      description: `any JSON of at most ${metadataMaxLength} characters, nested at most ${metadataMaxDepth} deep`,
    }),
    isMetadata,
  ),
)
const FactId = Type.Refine(
  Id(reportedIdMaxLength, `, which does not begin with ${ownFactIdPrefix}`),
  (id) => !id.startsWith(ownFactIdPrefix),
)
const ParticipantId = Id(participantIdMaxLength)
const ConnectionId = Type.Optional(Id(reportedIdMaxLength))

const ofAny = { id: FactId, at: Time }
const ofRoom = { ...ofAny, roomId: Id(customRoomIdMaxLength), sessionKey: Type.Optional(Id(reportedIdMaxLength)) }
const ofParticipant = { ...ofRoom, participantId: ParticipantId, connectionId: ConnectionId, name: Name, kind: Kind }

/** What each type of event says, by its type. */
export const Events = {
  'session-started': Type.Object({ type: Type.Literal('session-started'), ...ofRoom }),
  'session-ended': Type.Object({ type: Type.Literal('session-ended'), ...ofRoom, reason: Reason }),
  'participant-joined': Type.Object({
    type: Type.Literal('participant-joined'),
    ...ofParticipant,
    metadata: Metadata,
  }),
  /** With `joinedAt` it tells the whole stay: the join need not have been reported. */
  'participant-left': Type.Object({
    type: Type.Literal('participant-left'),
    ...ofParticipant,
    joinedAt: Type.Optional(Time),
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
        kind: Kind,
        joinedAt: Type.Optional(Time),
      }),
      {
        maxItems: snapshotParticipantsMax,
        description: `a list of at most ${snapshotParticipantsMax} participants such as {"participantId":"anna"}`,
      },
    ),
  }),
  /** The media server started: nobody is inside any more whom it had before. It concerns all its rooms. */
  'source-started': Type.Object({ type: Type.Literal('source-started'), ...ofAny }),
}
export type EventType = keyof typeof Events

/** One event, as it is reported. */
export type ReportedEvent = { [type in EventType]: Type.Static<(typeof Events)[type]> }[EventType]

/** The body of `POST /v2/events`. Each event is looked into by itself: a broken one does not stop the others. */
export const EventBatch = Type.Object({
  source: Type.Optional(
    Type.Refine(
      Type.String({
        pattern: '^[a-z0-9._-]{1,64}$',
        description: 'a name of 1 to 64 of a-z, 0-9, dot, dash and underscore, other than hosted and rollcall',
      }),
      (name) => name !== 'hosted' && name !== 'rollcall',
    ),
  ),
  events: Type.Array(Type.Unknown(), {
    minItems: 1,
    maxItems: reportedFactsMax,
    description: `a list of 1 to ${reportedFactsMax} events`,
  }),
})
export type EventBatch = Type.Static<typeof EventBatch>

/** What became of one event. */
export const EventResult = Type.Object({
  /** Null where the event has none that can be read. */
  id: Type.Union([Type.String(), Type.Null()]),
  /** Its place in the list; only where its id is null. */
  index: Type.Optional(Type.Integer()),
  outcome: Type.Union([
    Type.Literal('recorded'),
    Type.Literal('duplicate'),
    Type.Literal('waiting'),
    Type.Literal('ignored'),
    Type.Literal('refused'),
  ]),
  /** Why it was ignored or refused. */
  reason: Type.Optional(Type.String()),
})
export type EventResult = Type.Static<typeof EventResult>

/** What `POST /v2/events` answers, in the order of the events. */
export const EventResults = Type.Object({ results: Type.Array(EventResult) })
export type EventResults = Type.Static<typeof EventResults>

function Id(maxLength: number, besides = '') {
  return Type.Refine(
    Type.String({
      minLength: 1,
      maxLength,
      description: `a text of 1 to ${maxLength} characters, none of them a control character${besides}`,
    }),
    isCleanId,
  )
}

function isMetadata(value: unknown): boolean {
  return isNestedAtMost(value, metadataMaxDepth) && JSON.stringify(value).length <= metadataMaxLength
}

function isNestedAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.values(value).every((inner) => isNestedAtMost(inner, depth - 1))
}
