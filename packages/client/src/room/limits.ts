import type { Backoff } from '../backoff.ts'

/** How long a room waits for anything, and what it may grow to. `joinRoom` takes others. */
export type RoomLimits = {
  /** A token function has to answer within this. */
  tokenMs: number
  /** A socket has to open, and the room to answer on it, within this. */
  answerMs: number
  /** The room is asked this often whether it is there. */
  pingIntervalMs: number
  /** This many questions without an answer, and the connection is given up for another. */
  unansweredMax: number
  /** A leave that the server does not confirm within this is over all the same. */
  leaveMs: number
  /** A join is sent on from server to server so often; beyond it, the connection counts as lost. */
  redirectsMax: number
  /** The wait before another connection. */
  backoff: Backoff
  /** A connection that held for this long was a good one: the next trouble is a new one. */
  steadyMs: number
  /** Without having been let in, or asked to wait, once: the room is given up after this long. */
  connectForMs: number
  /** After that, trouble that lasts this long ends the room. */
  reconnectForMs: number
  /** The media of the peer connections that are watched are measured this often. */
  qualityIntervalMs: number
  /** The largest message, in bytes: a server closes whoever sends a larger one. */
  messageMaxBytes: number
  /** Bytes that may wait for a slow network; more is refused. */
  bufferedMaxBytes: number
}

export const roomLimits: RoomLimits = {
  tokenMs: 10_000,
  answerMs: 15_000,
  pingIntervalMs: 10_000,
  unansweredMax: 3,
  leaveMs: 5000,
  redirectsMax: 3,
  backoff: { baseMs: 250, capMs: 10_000 },
  steadyMs: 10_000,
  connectForMs: 30_000,
  reconnectForMs: 300_000,
  qualityIntervalMs: 10_000,
  messageMaxBytes: 64 * 1024,
  bufferedMaxBytes: 4 * 1024 * 1024,
}
