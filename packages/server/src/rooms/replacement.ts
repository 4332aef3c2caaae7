import type { Connection } from './connection.ts'
import type { Hub } from './hub.ts'
import { leave, refuse } from './leave.ts'
import type { Ending } from './reporter.ts'

/**
 * A newer connection of a participant replaces an older one. Whether the older is alive decides when its stay ended: it is
 * pinged, and ends now if it answers, and at its last sign if it does not.
 */
export function replace(hub: Hub, older: Connection): void {
  if (older.replaced || older.state === 'gone') return
  older.replaced = true
  if (older.state === 'waiting') return refuse(hub, older, 'DUPLICATE_PARTICIPANT')
  const { lastSeenAt, lastSeenBeat } = older
  let isAlive = false
  const settle = () => {
    clearTimeout(timer)
    older.socket.off('pong', answered)
    older.socket.off('message', answered)
    const ending: Ending = isAlive ? { reason: 'replaced' } : { inferred: 'connection-silent', at: lastSeenAt }
    leave(hub, older, ending, 'DUPLICATE_PARTICIPANT')
  }
  const answered = () => {
    isAlive = true
    settle()
  }
  const timer = setTimeout(() => {
    // When the loop stalled, the answer may still lie unread in the socket: it is read before `setImmediate` runs.
    setImmediate(() => {
      isAlive ||= older.lastSeenBeat > lastSeenBeat
      settle()
    })
  }, hub.limits.probeMs)
  older.socket.on('pong', answered)
  older.socket.on('message', answered)
  if (older.socket.readyState === older.socket.OPEN) older.socket.ping()
}
