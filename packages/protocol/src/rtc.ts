import { Type } from 'typebox'
import { nameMaxLength, participantIdMaxLength } from './ids.ts'
import { Metadata, SignalData } from './metadata.ts'
import type { NameSource } from './name.ts'

const ParticipantId = Type.String({ minLength: 1, maxLength: participantIdMaxLength })

/** The first message on the socket: who joins which room. */
export const JoinMessage = Type.Object({
  type: Type.Literal('join'),
  token: Type.String(),
  roomId: Type.String(),
  participantId: Type.Optional(ParticipantId),
  name: Type.Optional(Type.String({ maxLength: nameMaxLength })),
  metadata: Type.Optional(Type.Unsafe<unknown>(Metadata)),
})
export const LeaveMessage = Type.Object({ type: Type.Literal('leave') })
/** Carried unread to the connection `to`, with `from` added. */
export const SignalMessage = Type.Object({
  type: Type.Literal('signal'),
  to: Type.String(),
  data: SignalData,
})
export const AdmitMessage = Type.Object({ type: Type.Literal('admit'), participantId: ParticipantId })
export const DenyMessage = Type.Object({ type: Type.Literal('deny'), participantId: ParticipantId })
/** `keepOut`: they do not come in again before `let-back`. */
export const RemoveMessage = Type.Object({
  type: Type.Literal('remove'),
  participantId: ParticipantId,
  keepOut: Type.Optional(Type.Boolean()),
})
export const LetBackMessage = Type.Object({ type: Type.Literal('let-back'), participantId: ParticipantId })
/** Whoever was not in the session before, and is no host, does not come in while the room is locked. */
export const LockMessage = Type.Object({ type: Type.Literal('lock'), locked: Type.Boolean() })
/** Ends the session, for everybody. */
export const EndMessage = Type.Object({ type: Type.Literal('end') })
const MutedKind = Type.Optional(Type.Union([Type.Literal('audio'), Type.Literal('video')]))
/** The same as a `mute` of everybody else. */
export const MuteAllMessage = Type.Object({ type: Type.Literal('mute-all'), kind: MutedKind })
/** The same as an `admit` of everybody who waits. */
export const AdmitAllMessage = Type.Object({ type: Type.Literal('admit-all') })
/** A request to mute, carried to the participant: their client obeys. */
export const MuteMessage = Type.Object({
  type: Type.Literal('mute'),
  participantId: ParticipantId,
  kind: MutedKind,
})

/** A browser cannot see the room's own pings, so a client asks in a message: `pong` answers it. */
export const PingMessage = Type.Object({ type: Type.Literal('ping') })

/**
 * A sample of the sender's own media: what `QualityReport` says, but for the place and the network. It is looked into apart
 * from the message, so that a wrong number is answered with its name, and closes nothing.
 */
export const StatsMessage = Type.Object({
  type: Type.Literal('stats'),
  stats: Type.Unknown(),
  resolutionUsage: Type.Optional(Type.Unknown()),
  deviceInfo: Type.Optional(Type.Unknown()),
  sdkInfo: Type.Optional(Type.Unknown()),
})

/** What a client may say on `/v2/rtc`, as JSON text messages. */
export const ClientMessage = Type.Union([
  JoinMessage,
  LeaveMessage,
  SignalMessage,
  AdmitMessage,
  DenyMessage,
  RemoveMessage,
  MuteMessage,
  MuteAllMessage,
  AdmitAllMessage,
  LetBackMessage,
  LockMessage,
  EndMessage,
  PingMessage,
  StatsMessage,
])
export type ClientMessage = Type.Static<typeof ClientMessage>

/** Somebody inside, as the others see them. */
export type Peer = {
  participantId: string
  name: string
  connectionId: string
  metadata?: unknown
  /** How far the name can be relied on; absent where they told none. */
  nameSource?: NameSource
  /** They may mute and remove, lock and end: their token has `allow_mod`. */
  isHost?: true
}

/** Somebody who may not come in, as hosts are told. `keptOutAt`: as ISO 8601. */
export type KeptOut = { participantId: string; name: string; keptOutAt: string }

/** What the room says to a client. */
export type ServerMessage =
  | {
      type: 'joined'
      sessionId: string
      roomId: string
      participantId: string
      connectionId: string
      /** As the others see it. */
      name: string
      nameSource?: NameSource
      /** What its owner calls the room. */
      roomName: string | null
      /** The others who are inside. */
      participants: Peer[]
      /** For `new RTCPeerConnection({ iceServers })`. */
      iceServers: unknown[]
    }
  /** The token may only ask: somebody with `allow_join` has to admit. */
  | { type: 'waiting'; roomId: string; participantId: string }
  /** Somebody asks to be admitted; sent to those who may admit. */
  | { type: 'entry-requested'; participantId: string; name: string; nameSource?: NameSource }
  /** An entry request is settled or withdrawn; sent to those who were asked. */
  | { type: 'entry-settled'; participantId: string; outcome: 'admitted' | 'denied' | 'withdrawn' }
  | ({ type: 'participant-joined' } & Peer)
  | { type: 'participant-left'; participantId: string; connectionId: string; reason: string }
  /** The name of somebody inside turns out to be relied on otherwise: somebody with that name came in. */
  | { type: 'name-marked'; participantId: string; nameSource: NameSource }
  /** Who may come in: said to everybody when it changes, and to whoever comes in where it is not as usual. `keptOut`: to hosts, the latest 100. */
  | { type: 'rules'; locked: boolean; keptOut?: KeptOut[] }
  | { type: 'signal'; from: string; data: unknown }
  | { type: 'mute'; participantId: string; kind?: 'audio' | 'video'; from: string }
  | { type: 'pong' }
  /** The answer to a join whose room is held by another process: join there. The socket is closed. `url` is that of its `/v2/rtc`. */
  | { type: 'redirect'; url: string }
  /** A request could not be done; the socket stays open. */
  | { type: 'error'; code: string; message: string }

/** The largest message either side may send, in bytes. */
export const rtcMessageMaxBytes = 64 * 1024
/** The room pings each socket this often, in milliseconds. */
export const pingIntervalMs = 10_000
/** A socket that answered nothing for this long, in milliseconds, is gone since its last pong. */
export const silenceMs = 30_000
/** The `join` has to come within this time, in milliseconds. */
export const joinTimeoutMs = 10_000
/** Of one connection's samples of its media, one is taken in this time, in milliseconds. */
export const statsIntervalMs = 5000
