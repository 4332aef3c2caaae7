import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'

export type Heartbeat = {
  /** Milliseconds that the event loop was awake: a stall counts as two beats at most, however long it was. */
  now(): number
  stop(): void
}

/** Beats in one ping interval: pings are spread over them. */
const beatsPerPing = 20

/**
 * One timer for all sockets: pings each once an interval, and finds those that were silent for too long. A stalled event
 * loop reads no pongs, so silence is judged only after the sockets were read, by a clock that does not count stalls.
 */
export function startHeartbeat(
  connections: () => Iterable<Connection>,
  limits: RtcLimits,
  on: { silent(connection: Connection): void; joinTimeout(connection: Connection): void },
): Heartbeat {
  const beatMs = Math.max(1, limits.pingIntervalMs / beatsPerPing)
  let awakeMs = 0
  let last = performance.now()

  const timer = setInterval(() => {
    const now = performance.now()
    awakeMs += Math.min(now - last, 2 * beatMs)
    last = now
    for (const connection of connections()) {
      if (awakeMs - connection.pingedBeat < limits.pingIntervalMs) continue
      connection.pingedBeat = awakeMs
      connection.socket.ping()
    }
    // What lies in the sockets is read in the turn of the loop between these two.
    setImmediate(() => setImmediate(judge))
  }, beatMs)

  function judge(): void {
    for (const connection of connections()) {
      if (connection.state === 'pending' && awakeMs - connection.openedBeat > limits.joinTimeoutMs) {
        on.joinTimeout(connection)
      } else if (awakeMs - connection.lastSeenBeat > limits.silenceMs) on.silent(connection)
    }
  }

  return { now: () => awakeMs, stop: () => clearInterval(timer) }
}
