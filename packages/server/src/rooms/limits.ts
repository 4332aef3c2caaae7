import { joinTimeoutMs, pingIntervalMs, rtcMessageMaxBytes, silenceMs, statsIntervalMs } from '@rollcall/protocol'
import type { Config } from '../config.ts'

/** What a socket may grow to, and how long each step may take. Tests bring smaller ones. */
export type RtcLimits = {
  /** From the opening of a socket to its `join`: a client that means to join does so at once. */
  joinTimeoutMs: number
  /** From ping to ping: what bounds how exactly the last evidence of a peer is known. */
  pingIntervalMs: number
  /** A socket without any sign of its peer for this long is closed: its stay ended at the last one. */
  silenceMs: number
  /** How long a replaced connection has to answer a ping, which says whether it ended now or at its last sign. */
  probeMs: number
  /** A peer that does not answer a close is cut off after this: nobody else ends its socket. */
  closeMs: number
  /** From one try to record a leave to the next: the disk needs time to recover. */
  retryMs: number
  /** Largest message, in bytes: signals carry session descriptions, and each is held in memory. */
  messageMaxBytes: number
  /** What a connection may send over time: one process serves all rooms from one loop. */
  messagesPerSecond: number
  /** Messages that may come at once before the rate counts: a join among many makes a signal for each. */
  messageBurst: number
  /** Messages of all connections that are taken in one turn of the event loop; the others wait for the next, and are not read meanwhile. */
  messagesPerTurn: number
  /** Bytes of them: a turn that took so many takes no further message. */
  bytesPerTurn: number
  /** People who come in, in one turn of the loop: each is announced to everybody inside, and many joins are durable in one moment. */
  entriesPerTurn: number
  /** From one sample of a connection's media to the next; more are dropped: each is a row. */
  statsIntervalMs: number
  /** Bytes that may wait for a slow reader, in memory. */
  bufferedMaxBytes: number
  /** Bytes that may wait for all readers of a room: beyond it whoever has the most waiting is cut off. One invite opens many sockets. */
  roomBufferedMaxBytes: number
  /** The same for all readers of this process. */
  processBufferedMaxBytes: number
  /** Sockets of this process that have sent no `join` yet: beyond it the oldest is cut off, as a flood of them must not keep people out. */
  pendingMax: number
  /** Sockets that may wait to be admitted to one room: they are not inside, and take nobody's place. */
  waitingMax: number
  /** Joins to one room that one token may make within `joinsMs`: an invite that is handed on makes no people without end. */
  joinsPerToken: number
  /** How long it takes until a token that has used up its joins has all of them again. */
  joinsMs: number
  /** People in one session, whoever is inside at the moment: each is kept in the record. */
  sessionPeopleMax: number
}

/** Joins of one token for each place in a room: everybody may come by the same invite, and again after a restart. */
const joinsPerPlace = 3
/** People in a session for each place in its room: over a day more come and go than are inside at once. */
const peoplePerPlace = 20

export const rtcLimits: RtcLimits = {
  joinTimeoutMs,
  pingIntervalMs,
  silenceMs,
  probeMs: 1000,
  closeMs: 3000,
  retryMs: 1000,
  messageMaxBytes: rtcMessageMaxBytes,
  messagesPerSecond: 100,
  messageBurst: 200,
  messagesPerTurn: 50,
  bytesPerTurn: 256 * 1024,
  entriesPerTurn: 10,
  statsIntervalMs,
  bufferedMaxBytes: 4 * 1024 * 1024,
  roomBufferedMaxBytes: 16 * 1024 * 1024,
  processBufferedMaxBytes: 128 * 1024 * 1024,
  pendingMax: 2000,
  waitingMax: 100,
  joinsPerToken: 300,
  joinsMs: 60_000,
  sessionPeopleMax: 2000,
}

/** Large rooms take more joins and people than the least that any takes. */
export function scaleLimits(limits: RtcLimits, { roomSocketsMax }: Pick<Config, 'roomSocketsMax'>): RtcLimits {
  return {
    ...limits,
    joinsPerToken: Math.max(limits.joinsPerToken, joinsPerPlace * roomSocketsMax),
    sessionPeopleMax: Math.max(limits.sessionPeopleMax, peoplePerPlace * roomSocketsMax),
  }
}
