import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { repeat } from '../../runtime/repeat.ts'
import { type CountStranger, createSocketServer, refuseUpgrade, type Upgrade } from '../../runtime/upgrades.ts'
import type { Delivery } from '../../sources/engines/engine.ts'
import { type Engines, engineFor } from '../../sources/engines/engines.ts'
import type { SourceHealth } from '../../sources/health.ts'
import type { Deliveries } from '../../sources/ingest.ts'
import type { Source } from '../../store/sources.ts'
import {
  ingestMaxBytes,
  ingestPingMs,
  ingestRetryMs,
  ingestSocketCloseMs,
  ingestSocketsMax,
  ingestStrangersMax,
} from '../limits.ts'

/** The paths of `GET /v2/ingest/:sourceId`. */
export const ingestSocketPath = /^\/v2\/ingest\/([^/]+)\/?$/

/** The same door as `POST /v2/ingest/:sourceId`, for media servers that open a WebSocket and send what happens. */
export type IngestSockets = {
  upgrade: Upgrade
  /** Asks each sender to close, and takes what it sent until then. Resolves when all of that is durable. */
  stop(): Promise<void>
}

type Connection = {
  socket: WebSocket
  sourceId: string
  /** What it was opened with: each message is as good as that. */
  opening: Pick<Delivery, 'headers' | 'urls'>
  /** Messages that were read and are not recorded yet: no more are read while there are any. */
  waiting: Buffer[]
  work: Promise<void> | undefined
  answered: boolean
}

export function createIngestSockets(
  { config, clock, reads, log }: Pick<Context, 'config' | 'clock' | 'reads' | 'log'>,
  {
    deliveries,
    engines,
    sourceHealth,
    countStranger,
  }: { deliveries: Deliveries; engines: Engines; sourceHealth: SourceHealth; countStranger: CountStranger },
): IngestSockets {
  const connections = new Set<Connection>()
  let strangers = 0
  let stopsBy: number | undefined
  const known = Object.values(engines).map(({ subprotocol }) => subprotocol)
  const sockets = createSocketServer({
    maxPayload: ingestMaxBytes,
    handleProtocols: (offered) => [...offered].find((name) => known.includes(name)) ?? false,
  })
  const pinging = repeat(ingestPingMs, async () => connections.forEach(ping), failed)

  return {
    upgrade(request, socket, head) {
      if (stopsBy !== undefined) return refuseUpgrade(socket, new Refusal('BUSY', 'The server is stopping'))
      const isFull = strangers >= ingestStrangersMax || connections.size >= ingestSocketsMax
      if (isFull) return refuseUpgrade(socket, new Refusal('BUSY', 'Too many media servers have a socket open'))
      socket.on('error', failed)
      strangers += 1
      open(request, socket, head)
        .catch((error) => refuse(socket, error))
        .finally(() => {
          strangers -= 1
        })
    },

    async stop() {
      stopsBy = performance.now() + ingestSocketCloseMs
      await pinging.stop()
      await Promise.all([...connections].map(finish))
      sockets.close()
    },
  }

  async function open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { headers, url = '' } = request
    const [, sourceId = ''] = ingestSocketPath.exec(url.split('?', 1)[0] ?? '') ?? []
    const urls = [`http://${headers.host ?? 'localhost'}${url}`, ...(config.publicUrl ? [config.publicUrl + url] : [])]
    const opening = { headers, urls }
    const source = await reads.sources.find(sourceId)
    if (source === undefined) throw countStranger(request) ?? unknownSource(sourceId)
    const { subprotocol } = engineFor(engines, source.type)
    if (subprotocol === undefined || !offeredBy(headers).includes(subprotocol)) {
      const takes = subprotocol === undefined ? 'takes no WebSocket' : `takes the subprotocol ${subprotocol}`
      throw new Refusal('BAD_REQUEST', `A ${source.type} source ${takes}`)
    }
    try {
      await verify(source, opening)
    } catch (error) {
      if (error instanceof Refusal) sourceHealth.noteRefused(source, error.message)
      throw error
    }
    if (stopsBy !== undefined) throw new Refusal('BUSY', 'The server is stopping')
    sockets.handleUpgrade(request, socket, head, (opened) => accept(opened, sourceId, opening))
  }

  function accept(socket: WebSocket, sourceId: string, opening: Connection['opening']): void {
    const connection: Connection = { socket, sourceId, opening, waiting: [], work: undefined, answered: true }
    connections.add(connection)
    socket.on('pong', () => {
      connection.answered = true
    })
    socket.on('message', (data: Buffer) => {
      connection.answered = true
      connection.waiting.push(data)
      connection.work ??= work(connection)
    })
    socket.on('error', failed)
    socket.on('close', () => connections.delete(connection))
  }

  /** Records what waits, in order, while nothing more is read. */
  async function work(connection: Connection): Promise<void> {
    const { socket, waiting } = connection
    socket.pause()
    for (let body = waiting[0]; body !== undefined; body = waiting[0]) {
      if (!(await isTaken(connection, body))) {
        waiting.length = 0
        socket.close(1008, 'this source is not taken any more')
        break
      }
      waiting.shift()
    }
    connection.work = undefined
    socket.resume()
  }

  /**
   * What was read is not sent again, so it is tried for as long as the server runs. False where the source is gone, takes
   * other credentials now, or the server has to stop.
   */
  async function isTaken(connection: Connection, body: Buffer): Promise<boolean> {
    const delivery: Delivery = { ...connection.opening, body, receivedAt: clock.now() }
    for (let tries = 1; ; tries++) {
      let source: Source | undefined
      try {
        source = await requireSource(connection.sourceId)
        await deliveries.take(source, delivery)
        return true
      } catch (error) {
        if (error instanceof Refusal && error.code !== 'BUSY') {
          if (source !== undefined) sourceHealth.noteRefused(source, error.message)
          return false
        }
        const { message } = error as Error
        if (source !== undefined) sourceHealth.noteError(source, message)
        if (tries === 1) log.error({ err: error, source: connection.sourceId }, 'a delivery waits to be taken')
        if (stopsBy !== undefined && performance.now() > stopsBy) {
          log.error({ source: connection.sourceId, sizeBytes: body.length }, 'a delivery is lost as the server stops')
          return false
        }
        await delay(ingestRetryMs)
      }
    }
  }

  async function finish(connection: Connection): Promise<void> {
    const { socket } = connection
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.close(1001, 'the server stops')
    const cut = setTimeout(() => socket.terminate(), ingestSocketCloseMs)
    await closed
    clearTimeout(cut)
    await connection.work
  }

  function ping(connection: Connection): void {
    const { socket, work } = connection
    // While nothing is read no answer is seen either.
    if (work !== undefined) return
    if (!connection.answered) return socket.terminate()
    connection.answered = false
    socket.ping()
  }

  async function requireSource(sourceId: string): Promise<Source> {
    const source = await reads.sources.find(sourceId)
    if (source === undefined) throw unknownSource(sourceId)
    return source
  }

  async function verify(source: Source, opening: Connection['opening']): Promise<void> {
    const delivery = { ...opening, body: Buffer.alloc(0), receivedAt: clock.now() }
    await engineFor(engines, source.type).verify(delivery, source.settings)
  }

  function refuse(socket: Duplex, error: unknown): void {
    if (error instanceof Refusal) return refuseUpgrade(socket, error)
    log.error({ err: error }, 'a socket could not be opened')
    refuseUpgrade(socket, new Refusal('BUSY', 'The socket could not be opened: try again in a moment'))
  }

  function failed(error: unknown): void {
    log.debug({ err: error }, 'a socket of a media server failed')
  }
}

function unknownSource(sourceId: string): Refusal {
  return new Refusal('SOURCE_NOT_FOUND', `Source ${sourceId} not found`)
}

function offeredBy({ 'sec-websocket-protocol': offered = '' }: IncomingMessage['headers']): string[] {
  return offered.split(',').map((name) => name.trim())
}
