import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { type CloseName, closeCodes, type Json, type NameSource, type Permission } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import type { RtcLimits } from './limits.ts'

/** Who somebody is in a room, as their token and their join say. */
export type Identity = {
  participantId: string
  name: string
  /** Undefined where they told no name. */
  nameSource: NameSource | undefined
  /** What the name looks like: see `runtime/look.ts`. */
  look: string
  metadata: Json | null
  permissions: Set<Permission>
  /** The key whose secret their token is signed with. */
  apiKey: string
  /** What whoever else has it may come as somebody else by: an invite for many, or a token that is nobody's; else null. */
  link: string | null
}

/** `stream`: what the socket writes to. */
export type Accepted = { socket: WebSocket; stream: Duplex }

/** One socket, from its opening to its end. */
export type Connection = Accepted & {
  /** 128 random bits. */
  id: string
  /**
   * pending: has sent no join; checking: its join is being checked; waiting: asks to be admitted; entering: its join is on
   * the way to the disk; inside; gone: closed, or about to be.
   */
  state: 'pending' | 'checking' | 'waiting' | 'entering' | 'inside' | 'gone'
  /** Of its room, `rulesTold` when nothing was found locked, and nobody kept out; undefined: something was. */
  foundOpenAt: number | undefined
  /** Known from the join on. */
  identity: Identity | undefined
  /** The session that it joined; undefined before. */
  sessionId: string | undefined
  /** The time of its join in the record; 0 before. */
  joinedAt: number
  /** The last sign of the peer, by the wall clock. */
  lastSeenAt: number
  /** The same by the heartbeat's own clock, which the loop's stalls do not move. */
  lastSeenBeat: number
  pingedBeat: number
  openedBeat: number
  /** Messages it may still send, as of `creditAt` (`performance.now()`). */
  credit: number
  creditAt: number
  /** Samples of its media that were taken, the last of them at `sampledAt` (`performance.now()`). */
  samples: number
  sampledAt: number
  /** Bytes that wait for its peer to read them. */
  backlogBytes: number
  /** Counts a join that no token answers for; true where its address makes too many of them. */
  isStrangerTooMany(): boolean
  /** A newer connection of the same participant has taken its place. */
  replaced: boolean
  /** Its end, under way or done: resolves when the leave, if there is one, is durable. */
  departed: Promise<void> | undefined
  /** How this server closed it, if it did. */
  closedAs: CloseName | 'NORMAL' | undefined
}

export function isHost({ identity }: Connection): boolean {
  return identity?.permissions.has('allow_mod') === true
}

export function newConnection(
  accepted: Accepted,
  { now, beat, isStrangerTooMany }: { now: number; beat: number } & Pick<Connection, 'isStrangerTooMany'>,
  limits: RtcLimits,
): Connection {
  return {
    id: randomBytes(16).toString('base64url'),
    ...accepted,
    state: 'pending',
    foundOpenAt: undefined,
    identity: undefined,
    sessionId: undefined,
    joinedAt: 0,
    lastSeenAt: now,
    lastSeenBeat: beat,
    pingedBeat: beat,
    openedBeat: beat,
    credit: limits.messageBurst,
    creditAt: performance.now(),
    samples: 0,
    sampledAt: Number.NEGATIVE_INFINITY,
    backlogBytes: 0,
    isStrangerTooMany,
    replaced: false,
    departed: undefined,
    closedAs: undefined,
  }
}

/** Closes by name, and destroys the socket where the peer does not answer. Resolves when it is closed. */
export function closeSocket(connection: Connection, close: CloseName | 'NORMAL', limits: RtcLimits): Promise<void> {
  const { socket } = connection
  if (socket.readyState === WebSocket.CLOSED) return Promise.resolve()
  connection.closedAs ??= close
  const { promise, resolve } = Promise.withResolvers<void>()
  const timeout = setTimeout(() => socket.terminate(), limits.closeMs)
  socket.once('close', () => {
    clearTimeout(timeout)
    resolve()
  })
  if (close === 'NORMAL') socket.close(1000)
  else socket.close(closeCodes[close].code, closeCodes[close].reason)
  return promise
}

/** False when the peer has sent more messages than it may. */
export function takeCredit(connection: Connection, limits: RtcLimits): boolean {
  const now = performance.now()
  const earned = ((now - connection.creditAt) / 1000) * limits.messagesPerSecond
  connection.credit = Math.min(limits.messageBurst, connection.credit + earned) - 1
  connection.creditAt = now
  return connection.credit >= 0
}
