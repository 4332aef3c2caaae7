import { joinTimeoutMs, pingIntervalMs, rtcMessageMaxBytes, silenceMs, statsIntervalMs } from '@rollcall/protocol'

/** What a socket may grow to, and how long anything may take. Tests bring smaller ones. */
export type RtcLimits = {
  /** The `join` has to come within this. */
  joinTimeoutMs: number
  pingIntervalMs: number
  /** A socket that answered nothing for this long is gone since its last pong. */
  silenceMs: number
  /** How long a replaced connection has to show that it is alive. */
  probeMs: number
  /** A peer that does not answer a close is cut off after this. */
  closeMs: number
  /** A leave that could not be recorded is tried again after this. */
  retryMs: number
  messageMaxBytes: number
  messagesPerSecond: number
  /** Messages that may come at once before the rate counts. */
  messageBurst: number
  /** A connection's samples of its media are taken this often; more are dropped. */
  statsIntervalMs: number
  /** Bytes that may wait for a slow reader. */
  bufferedMaxBytes: number
  /** Sockets of this process that have not said who they are. Whoever means to does so at once: beyond it, the oldest is cut off. */
  strangersMax: number
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
  strangersMax: 2000,
}
