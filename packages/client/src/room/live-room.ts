import type { Peer, ServerMessage } from '@rollcall/protocol'
import type { Events } from '../events.ts'
import type { TokenSource } from '../token.ts'
import type { RoomCloseName } from './closes.ts'
import type { RoomLimits } from './limits.ts'
import type { Measurable } from './quality-watch.ts'

/** Who joins which room. */
export type JoinOptions = {
  /** The server's address, as for the API: http or https. */
  url: string
  /** A token with the role `rtc`, or a function that is asked for a fresh one at each connection. */
  token: TokenSource
  /** The room's `roomId` or `customRoomId`. */
  roomId: string
  /** At most 256 characters. Where it is not given, the token's, or one that the server makes. */
  participantId?: string
  /** As others see it: at most 512 characters. */
  name?: string
  /** Anything JSON can say in 8,192 characters, nested at most 32 deep; the others get it with `participant-joined`. */
  metadata?: unknown
  /** Other times and sizes than `roomLimits`. */
  limits?: Partial<RoomLimits>
}

/**
 * connecting: the first connection is on its way; waiting: somebody inside has to admit; joined: inside; reconnecting: a
 * connection was lost or did not come about, and another is tried; closed: for good.
 */
export type RoomState = 'connecting' | 'waiting' | 'joined' | 'reconnecting' | 'closed'

export type Message<Type extends ServerMessage['type']> = ServerMessage & { type: Type }

/** Why a connection, or the room, is over. */
export type RoomClose = { code: number; name: RoomCloseName }

/** What happens in a room, as listeners get it. */
export type LiveRoomEvents = {
  /** You are inside, for the first time or again: `participants` is the list to go on from, and `connectionId` is new. */
  joined: Message<'joined'>
  /** Your token may only ask to come in, and somebody inside was asked. */
  waiting: Message<'waiting'>
  /** Somebody else came in. A connection that takes the place of an older one comes before the older one leaves. */
  'participant-joined': Message<'participant-joined'>
  'participant-left': Message<'participant-left'>
  /** The name of somebody inside, which may be yours, turns out to be relied on otherwise. */
  'name-marked': Message<'name-marked'>
  /** Who may come in is another now; after `joined`, where it is not as usual. */
  rules: Message<'rules'>
  signal: Message<'signal'>
  /** A moderator asks you to mute; it is your program that does it. Without a `kind`: everything. */
  mute: Message<'mute'>
  /** Somebody asks to come in: `admit` or `deny` them. Told to those who may. */
  'entry-requested': Message<'entry-requested'>
  'entry-settled': Message<'entry-settled'>
  /** A connection ended, or did not come about: another is tried after `delayMs`. */
  reconnecting: RoomClose & { attempt: number; delayMs: number; cause?: unknown }
  /** The room is over for you. */
  closed: RoomClose & { willReconnect: false; cause?: unknown }
  /** The server could not do what was asked; you are still inside. */
  error: Message<'error'>
}

/** Somebody's place in a hosted room: it outlives the single connections. */
export type LiveRoom = Pick<Events<LiveRoomEvents>, 'on'> & {
  readonly state: RoomState
  /** As it was given; the room's own id once the server said it. */
  readonly roomId: string
  /** Undefined until the server gave one, where none was asked for. */
  readonly participantId: string | undefined
  /** Undefined while not inside. */
  readonly sessionId: string | undefined
  /** Where signals for you are sent; each connection has its own. Undefined while not inside. */
  readonly connectionId: string | undefined
  /** The others inside, by participant id. While reconnecting: as last heard. */
  readonly participants: ReadonlyMap<string, Peer>
  /** For `new RTCPeerConnection({ iceServers })`. Empty while not inside. */
  readonly iceServers: IceServer[]
  /** Resolves with the room when you are inside for the first time; rejects with a `RoomClosed` where it closed before. */
  readonly joined: Promise<LiveRoom>
  /**
   * Sends anything JSON can say to one connection, whose room carries it unread: it gets `signal`, with `from`.
   * @throws NotJoined while not inside: nothing is kept for later. RangeError where it is larger than 64 KiB
   */
  signal(connectionId: string, data: unknown): void
  /** Asks somebody to mute. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  mute(participantId: string, kind?: 'audio' | 'video'): void
  /** Asks everybody else to mute. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  muteAll(kind?: 'audio' | 'video'): void
  /**
   * Removes somebody from the room; `keepOut`: they do not come in again until `letBack`. Takes `allow_mod`, otherwise
   * `error` comes. @throws NotJoined while not inside
   */
  remove(participantId: string, options?: { keepOut?: boolean }): void
  /** Ends that somebody is kept out. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  letBack(participantId: string): void
  /** Locks the room, or unlocks it. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  lock(locked: boolean): void
  /** Ends the session for everybody. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  end(): void
  /** Lets somebody in who waits. Takes `allow_join`, otherwise `error` comes. @throws NotJoined while not inside */
  admit(participantId: string): void
  /** Lets everybody in who waits. Takes `allow_join`, otherwise `error` comes. @throws NotJoined while not inside */
  admitAll(): void
  /** Sends somebody away who waits. Takes `allow_join`, otherwise `error` comes. @throws NotJoined while not inside */
  deny(participantId: string): void
  /**
   * Leaves, and never rejects. Resolves when the room is closed: with the leave in the server's record, or without its
   * answer after 5 s, or at once where there is no connection to tell it on.
   */
  leave(): Promise<void>
  /**
   * Measures a peer connection's media while you are inside, every 10 s and together with the others that are given, and
   * tells the room: it keeps what it is told with your part of the session. It goes on until the connection is closed.
   * @param connection an `RTCPeerConnection`, or what has its `getStats` and `connectionState`
   * @returns a function that ends it
   * @throws TypeError where there is no `getStats`
   * @example
   * const stop = room.watchQuality(new RTCPeerConnection({ iceServers: room.iceServers }))
   */
  watchQuality(connection: Measurable): () => void
}

/** As `RTCPeerConnection` takes it. */
export type IceServer = { urls: string | string[]; username?: string; credential?: string }
