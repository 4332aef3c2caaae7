import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Timeouts } from '../limits.ts'

/** What of a connection's answers its peer has not taken, in bytes, and for how long it took nothing. */
type Waiting = { bytes: number; idleMs: number }

/**
 * Cuts off whoever takes nothing of an answer for `stalledMs`. The time-out of Node's sockets is no measure of that: it begins
 * again once, when it finds that the system took the first bytes, and so takes up to twice as long.
 */
export function cutStalledReaders(
  server: Server,
  { stalledMs, checkMs }: Pick<Timeouts, 'stalledMs' | 'checkMs'>,
): void {
  const waiting = new Map<Socket, Waiting>()
  // With TLS too this is the connection below it, which the bytes go out on.
  server.on('connection', (socket: Socket) => {
    waiting.set(socket, { bytes: 0, idleMs: 0 })
    socket.once('close', () => waiting.delete(socket))
  })
  let checkedAt = performance.now()
  const checking = setInterval(check, checkMs)
  checking.unref()
  server.once('close', () => clearInterval(checking))

  function check(): void {
    const now = performance.now()
    // Where the process was held up itself, nobody could take anything.
    const passedMs = Math.min(now - checkedAt, 2 * checkMs)
    checkedAt = now
    for (const [socket, one] of waiting) {
      const bytes = bytesWaiting(socket)
      one.idleMs = bytes > 0 && bytes === one.bytes ? one.idleMs + passedMs : 0
      one.bytes = bytes
      if (one.idleMs >= stalledMs) socket.destroy()
    }
  }
}

/** Of one large write the system takes a part at a time, which only the handle below the socket tells. */
function bytesWaiting(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0
}
