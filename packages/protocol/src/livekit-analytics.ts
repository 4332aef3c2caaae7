import { Type } from 'typebox'

// LiveKit Cloud's Analytics API, as its documentation and its public clients have it. What is not known is absent, never null or
// empty; what 64 bits count is a text of digits, as protobuf's JSON writes it.

const Time = (description: string) => Type.String({ format: 'date-time', description })
const Bytes = (description: string) =>
  Type.String({ pattern: '^\\d+$', description: `${description} LiveKit’s webhooks do not tell: always "0".` })
const numParticipants = Type.Integer({ description: 'How many identities took part so far.' })

export const LivekitSession = Type.Object(
  {
    sessionId: Type.String({ description: 'LiveKit’s sid of the room: RM_….' }),
    roomName: Type.String(),
    createdAt: Time('When it started.'),
    endedAt: Type.Optional(Time('When it ended; absent while it runs.')),
    lastActive: Time('The last sign of it: now, while somebody is inside.'),
    bandwidthIn: Bytes('Bytes from clients.'),
    bandwidthOut: Bytes('Bytes to clients.'),
    egress: Type.Integer({ description: '0: there was no egress; 1: there is one; 2: it ended.' }),
    numParticipants,
    numActiveParticipants: Type.Integer({ description: 'How many are inside now.' }),
  },
  { $id: 'LivekitSession', description: 'A session in a list of LiveKit’s Analytics API.' },
)
export type LivekitSession = Type.Static<typeof LivekitSession>

export const LivekitSessionPage = Type.Object(
  { sessions: Type.Array(LivekitSession) },
  { $id: 'LivekitSessionPage', description: 'Newest start first; past the end there are none.' },
)
export type LivekitSessionPage = Type.Static<typeof LivekitSessionPage>

const Published = Type.Optional(Type.Literal(true, { description: 'They published one at some time; else absent.' }))

export const LivekitParticipant = Type.Object(
  {
    participantIdentity: Type.String(),
    participantName: Type.String(),
    roomId: Type.String({ description: 'The sessionId.' }),
    joinedAt: Time('The first join.'),
    leftAt: Type.Optional(Time('The last leave; absent while they are inside.')),
    region: Type.Optional(Type.String({ description: 'Where LiveKit sent one.' })),
    publishedSources: Type.Object({
      cameraTrack: Published,
      microphoneTrack: Published,
      screenShareTrack: Published,
      screenShareAudio: Published,
    }),
    sessions: Type.Array(
      Type.Object({
        participantId: Type.String({ description: 'LiveKit’s sid of the connection: PA_….' }),
        joinedAt: Time('The join.'),
        leftAt: Type.Optional(Time('The leave; absent while it is inside.')),
      }),
      { description: 'Their connections, in order of their joins.' },
    ),
  },
  { $id: 'LivekitParticipant', description: 'One identity in a session, as LiveKit’s Analytics API has it.' },
)
export type LivekitParticipant = Type.Static<typeof LivekitParticipant>

export const LivekitSessionDetail = Type.Object(
  {
    roomId: Type.String({ description: 'LiveKit’s sid of the room: RM_….' }),
    roomName: Type.String(),
    startTime: Time('When it started.'),
    endTime: Type.Optional(Time('When it ended; absent while it runs.')),
    numParticipants,
    bandwidth: Bytes('Bytes to bill.'),
    connectionMinutes: Type.Union([Type.Integer(), Type.String({ pattern: '^\\d+$' })], {
      description: 'Minutes of people and agents, by the rule of ROLLCALL_LIVEKIT_MINUTES. With v=2 a text of digits.',
    }),
    participants: Type.Array(LivekitParticipant, { description: 'In order of first join.' }),
  },
  { $id: 'LivekitSessionDetail', description: 'One session of LiveKit’s Analytics API.' },
)
export type LivekitSessionDetail = Type.Static<typeof LivekitSessionDetail>
