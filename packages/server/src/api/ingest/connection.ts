import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import type { Delivery } from '../../sources/engines/engine.ts'
import type { SourceHealth } from '../../sources/health.ts'
import type { Ingest } from '../../sources/ingest.ts'
import { loggedNameOf } from '../../sources/source-name.ts'
import type { Source } from '../../store/sources.ts'
import { ingestRetryMs, ingestSocketCloseMs } from '../limits.ts'

/** The request that opened a socket: its credentials are those of every message. */
export type Opening = Pick<Delivery, 'headers' | 'urls'>

/** One open WebSocket of a media server: its messages are recorded in order. */
export type IngestConnection = {
  /** Cuts the socket where the last ping was not answered. */
  ping(): void
  /** Asks the sender to close. Resolves when all that it sent until then is durable, or lost where that takes too long. */
  finish(): Promise<void>
}

type Parts = Pick<Context, 'clock' | 'log'> & {
  ingest: Ingest
  sourceHealth: SourceHealth
  /** Rejects where the source is gone. */
  requireSource(sourceId: string): Promise<Source>
  /** When to give up recording, by the monotonic clock; undefined where the server is not stopping. */
  deadline(): number | undefined
}

export function createIngestConnection(
  socket: WebSocket,
  { sourceId, opening }: { sourceId: string; opening: Opening },
  { clock, log, ingest, sourceHealth, requireSource, deadline }: Parts,
): IngestConnection {
  /** Messages that were read and are not recorded yet: no more are read while there are any. */
  const waiting: Buffer[] = []
  let recording: Promise<void> | undefined
  let isAnswering = true

  socket.on('pong', () => {
    isAnswering = true
  })
  socket.on('message', (data: Buffer) => {
    isAnswering = true
    waiting.push(data)
    recording ??= recordWaiting()
  })

  return {
    ping() {
      // While nothing is read no pong is seen either.
      if (recording !== undefined) return
      if (!isAnswering) return socket.terminate()
      isAnswering = false
      socket.ping()
    },

    async finish() {
      await close(socket)
      await recording
    },
  }

  async function recordWaiting(): Promise<void> {
    socket.pause()
    for (let body = waiting[0]; body !== undefined; body = waiting[0]) {
      if (!(await isTaken(body))) {
        waiting.length = 0
        socket.close(1008, 'this source is not taken any more')
        break
      }
      waiting.shift()
    }
    recording = undefined
    socket.resume()
  }

  /**
   * A message that was read is not sent again, so it is retried for as long as the server runs. False where the source is
   * gone, takes other credentials now, or the server has to stop.
   */
  async function isTaken(body: Buffer): Promise<boolean> {
    const delivery: Delivery = { ...opening, body, receivedAt: clock.now() }
    for (let tries = 1; ; tries++) {
      let source: Source | undefined
      try {
        source = await requireSource(sourceId)
        await ingest.take(source, delivery)
        return true
      } catch (error) {
        if (error instanceof Refusal && error.code !== 'BUSY') {
          if (source !== undefined) sourceHealth.noteRefused(source, error.message)
          return false
        }
        if (source !== undefined) sourceHealth.noteError(source, (error as Error).message)
        if (tries === 1)
          log.error({ err: error, source: loggedNameOf(sourceId) }, 'delivery not recorded; the socket retries')
        const stopsBy = deadline()
        if (stopsBy !== undefined && performance.now() > stopsBy) {
          log.error(
            { source: loggedNameOf(sourceId), sizeBytes: body.length },
            'delivery lost: server stopped before it was recorded',
          )
          return false
        }
        await delay(ingestRetryMs)
      }
    }
  }
}

async function close(socket: WebSocket): Promise<void> {
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.close(1001, 'the server stops')
  const cut = setTimeout(() => socket.terminate(), ingestSocketCloseMs)
  await closed
  clearTimeout(cut)
}
