import { Type } from 'typebox'
import { PageInfo } from './page.ts'

const Time = Type.String({ description: 'ISO 8601, UTC, milliseconds.' })

/** One time inside: from a join to a leave. `end` is null while the participant is inside. */
export const TimelogEntry = Type.Object({
  start: Time,
  end: Type.Union([Time, Type.Null()]),
  reason: Type.Optional(Type.String({ description: 'Why it ended, where somebody said so.' })),
  inferred: Type.Optional(Type.Literal(true, { description: 'No leave was seen: Rollcall concluded the end.' })),
})
export type TimelogEntry = Type.Static<typeof TimelogEntry>

export const Participant = Type.Object({
  participantId: Type.String(),
  name: Type.String(),
  timelog: Type.Array(TimelogEntry),
  _id: Type.String(),
  totalSeconds: Type.Number({ description: 'Seconds inside, to the millisecond; while inside, up to now.' }),
  kind: Type.String({ description: 'person, recorder, agent or sip.' }),
})
export type Participant = Type.Static<typeof Participant>

export const SessionLinks = Type.Object({ get_room: Type.String(), get_session: Type.String() })

/** A session as the API answers it. The first seven keys are the documented ones, in the documented order. */
export const Session = Type.Object({
  id: Type.String(),
  roomId: Type.String(),
  start: Time,
  end: Type.Union([Time, Type.Null()]),
  participants: Type.Array(Participant),
  status: Type.Union([Type.Literal('ongoing'), Type.Literal('ended')]),
  links: SessionLinks,
  customRoomId: Type.Union([Type.String(), Type.Null()]),
  apiKey: Type.String(),
  userId: Type.String(),
  activeDuration: Type.Number({ description: 'Seconds with at least one participant inside.' }),
  maxJoinedPeersCount: Type.Integer({ description: 'Most participants inside at one moment.' }),
  webhook: Type.Object({
    totalCount: Type.Integer(),
    successCount: Type.Integer(),
    data: Type.Array(Type.Object({ type: Type.String(), success: Type.Boolean() })),
  }),
  engine: Type.String(),
  revision: Type.Integer({ description: 'How often an ended session was corrected by later evidence.' }),
  updatedAt: Time,
  participantSeconds: Type.Number({ description: 'Sum of the participants’ totalSeconds.' }),
  uniqueParticipants: Type.Integer(),
  participantsTruncated: Type.Optional(Type.Literal(true)),
})
export type Session = Type.Static<typeof Session>

export const SessionPage = Type.Object({ pageInfo: PageInfo, data: Type.Array(Session) })
export type SessionPage = Type.Static<typeof SessionPage>

/** `GET /v2/sessions/:id/participants`: `pageInfo` counts participants. */
export const ParticipantPage = Type.Object({
  pageInfo: PageInfo,
  data: Type.Object({
    id: Type.String(),
    roomId: Type.String(),
    customRoomId: Type.Union([Type.String(), Type.Null()]),
    participants: Type.Array(Participant),
    links: SessionLinks,
  }),
})
export type ParticipantPage = Type.Static<typeof ParticipantPage>

/** Most participants that a list embeds in one session; `GET /v2/sessions/:id` has them all. */
export const embeddedParticipantsMax = 1000
