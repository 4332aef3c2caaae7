import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'

export type Heartbeat = {
  /** Milliseconds that the loop was awake: a stall of its own counts as one beat, however long it was. */
  now(): number
  stop(): void
}

/** Beats in one ping interval: pings are spread over them. */
const beatsPerPing = 20

/**
 * One timer for all sockets: pings each once an interval, and tells of those that said nothing for too long. A stalled
 * event loop reads no pongs, so silence is judged only after the sockets were read, by a clock that does not count stalls.
 */
export function startHeartbeat(
  connections: () => Iterable<Connection>,
  limits: RtcLimits,
  tell: { silent(connection: Connection): void; joinless(connection: Connection): void },
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
      if (connection.state === 'stranger' && awakeMs - connection.openedBeat > limits.joinTimeoutMs) {
        tell.joinless(connection)
      } else if (awakeMs - connection.heardBeat > limits.silenceMs) tell.silent(connection)
    }
  }

  return { now: () => awakeMs, stop: () => clearInterval(timer) }
}
