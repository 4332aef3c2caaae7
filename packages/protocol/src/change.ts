import { Type } from 'typebox'
import { Kind } from './kind.ts'
import type { ParticipantKind } from './person.ts'
import { Time } from './time.ts'

/** What a fact altered. Numbered in order, per key, when it is recorded. */
export type Change = {
  type:
    | 'session.started'
    | 'session.ended'
    /** Something about an ended session was learnt later, or its provisional end was withdrawn. */
    | 'session.amended'
    | 'participant.joined'
    | 'participant.left'
    /** What was told of a participant in a running session was corrected or completed. */
    | 'participant.amended'
  sessionId: string
  roomId: string
  /** When it happened, epoch milliseconds, by the fact's clock. */
  at: number
  participantId?: string
  name?: string
  /** Absent: a person. */
  kind?: ParticipantKind
  reason?: string
}

export type NumberedChange = Change & { seq: number }

const Seq = Type.Integer({ format: 'int64', description: 'Its number, in order, per key, from 1 and without gaps.' })

/** A change as `GET /v2/stream` tells it: the `data` of one message. */
export const StreamedChange = Type.Object(
  {
    seq: Seq,
    type: Type.String({
      description:
        'session.started, session.ended, session.amended, participant.joined, participant.left or participant.amended.',
    }),
    sessionId: Type.String({ description: 'The session’s id.' }),
    roomId: Type.String({ description: 'The room’s own id.' }),
    at: Time('When it happened.'),
    participantId: Type.Optional(Type.String({ description: 'Of whom it tells.' })),
    name: Type.Optional(Type.String({ description: 'What they are called.' })),
    kind: Type.Optional(Kind),
    reason: Type.Optional(Type.String({ description: 'Why, where somebody said so.' })),
  },
  { $id: 'StreamedChange', description: 'What a fact altered.' },
)
export type StreamedChange = Omit<Type.Static<typeof StreamedChange>, 'type'> & Pick<Change, 'type'>

/** The `data` of a message of the event `reset`: what was asked for is not in the log, and the stream goes on after `seq`. */
export type StreamReset = {
  /** After which number the stream goes on: the changes that are still there begin with the next. */
  seq: number
  reason: string
}
