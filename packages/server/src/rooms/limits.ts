import { joinTimeoutMs, pingIntervalMs, rtcMessageMaxBytes, silenceMs, statsIntervalMs } from '@rollcall/protocol'

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
  /** From one sample of a connection's media to the next; more are dropped: each is a row. */
  statsIntervalMs: number
  /** Bytes that may wait for a slow reader, in memory. */
  bufferedMaxBytes: number
  /** Sockets of this process that have sent no `join` yet: beyond it the oldest is cut off, as a flood of them must not keep people out. */
  pendingMax: number
}

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
  statsIntervalMs,
  bufferedMaxBytes: 4 * 1024 * 1024,
  pendingMax: 2000,
}
