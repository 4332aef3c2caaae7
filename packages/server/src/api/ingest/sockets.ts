import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Config } from '../../config.ts'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { repeat } from '../../runtime/repeat.ts'
import { type CountStranger, createSocketServer, refuseUpgrade, type Upgrade } from '../../runtime/upgrades.ts'
import { type Engines, engineFor } from '../../sources/engines/engines.ts'
import type { SourceHealth } from '../../sources/health.ts'
import type { Ingest } from '../../sources/ingest.ts'
import { verifyHead } from '../../sources/verify.ts'
import type { Source } from '../../store/sources.ts'
import {
  ingestMaxBytes,
  ingestPendingMax,
  ingestPingMs,
  ingestSocketCloseMs,
  ingestSocketsMax,
  ingestSocketsOfSourceMax,
} from '../limits.ts'
import { createIngestConnection, type IngestConnection, type Opening } from './connection.ts'

/** The paths of `GET /v2/ingest/:sourceId`. */
export const ingestSocketPath = /^\/v2\/ingest\/([^/]+)\/?$/

/** `GET /v2/ingest/:sourceId`: the same as its POST, for media servers that open a WebSocket and send events over it. */
export type IngestSockets = {
  upgrade: Upgrade
  /** Asks each sender to close, and records what it sent until then. Resolves when all of that is durable. */
  stop(): Promise<void>
}

export function createIngestSockets(
  { config, clock, reads, log }: Pick<Context, 'config' | 'clock' | 'reads' | 'log'>,
  {
    ingest,
    engines,
    sourceHealth,
    countStranger,
  }: { ingest: Ingest; engines: Engines; sourceHealth: SourceHealth; countStranger: CountStranger },
): IngestSockets {
  /** Each with the id of its source. */
  const connections = new Map<IngestConnection, string>()
  let pending = 0
  let stopsBy: number | undefined
  const subprotocols = Object.values(engines).map(({ subprotocol }) => subprotocol)
  const sockets = createSocketServer({
    maxPayload: ingestMaxBytes,
    handleProtocols: (offered) => [...offered].find((name) => subprotocols.includes(name)) ?? false,
  })
  const pinging = repeat(ingestPingMs, pingAll, failed)

  return {
    upgrade(request, socket, head) {
      if (stopsBy !== undefined) return refuseUpgrade(socket, new Refusal('BUSY', 'The server is stopping'))
      const isFull = pending >= ingestPendingMax || connections.size >= ingestSocketsMax
      if (isFull) return refuseUpgrade(socket, new Refusal('BUSY', 'Too many media servers have a socket open'))
      socket.on('error', failed)
      pending += 1
      open(request, socket, head)
        .catch((error) => refuse(socket, error))
        .finally(() => {
          pending -= 1
        })
    },

    async stop() {
      stopsBy = performance.now() + ingestSocketCloseMs
      await pinging.stop()
      await Promise.all([...connections.keys()].map((one) => one.finish()))
      sockets.close()
    },
  }

  async function pingAll(): Promise<void> {
    for (const connection of connections.keys()) connection.ping()
  }

  async function open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { sourceId, opening } = readOpening(request, config)
    const source = await reads.sources.find(sourceId)
    if (source === undefined) throw countStranger(request) ?? unknownSource(sourceId)
    requireSubprotocol(engines, source, request.headers)
    verify(source, opening)
    const ofSource = [...connections.values()].filter((id) => id === sourceId)
    if (ofSource.length >= ingestSocketsOfSourceMax) throw new Refusal('BUSY', 'This source has too many sockets open')
    if (stopsBy !== undefined) throw new Refusal('BUSY', 'The server is stopping')
    sockets.handleUpgrade(request, socket, head, (opened) => accept(opened, sourceId, opening))
  }

  function accept(socket: WebSocket, sourceId: string, opening: Opening): void {
    const parts = { clock, log, ingest, sourceHealth, requireSource, deadline: () => stopsBy }
    const connection = createIngestConnection(socket, { sourceId, opening }, parts)
    connections.set(connection, sourceId)
    socket.on('error', failed)
    socket.on('close', () => connections.delete(connection))
  }

  async function requireSource(sourceId: string): Promise<Source> {
    const source = await reads.sources.find(sourceId)
    if (source === undefined) throw unknownSource(sourceId)
    return source
  }

  function verify(source: Source, opening: Opening): void {
    try {
      verifyHead(engineFor(engines, source.type), { ...opening, receivedAt: clock.now() }, source)
    } catch (error) {
      if (error instanceof Refusal) sourceHealth.noteRefused(source, error.message)
      throw error
    }
  }

  function refuse(socket: Duplex, error: unknown): void {
    if (error instanceof Refusal) return refuseUpgrade(socket, error)
    log.error({ err: error }, 'ingest socket not opened')
    refuseUpgrade(socket, new Refusal('BUSY', 'The socket could not be opened: try again in a moment'))
  }

  function failed(error: unknown): void {
    log.debug({ err: error }, 'ingest socket failed')
  }
}

function unknownSource(sourceId: string): Refusal {
  return new Refusal('SOURCE_NOT_FOUND', `Source ${quote(sourceId)} not found`)
}

function readOpening(
  { headers, url = '' }: IncomingMessage,
  { publicUrl }: Pick<Config, 'publicUrl'>,
): { sourceId: string; opening: Opening } {
  const [, sourceId = ''] = ingestSocketPath.exec(url.split('?', 1)[0] ?? '') ?? []
  const urls = [`http://${headers.host ?? 'localhost'}${url}`, ...(publicUrl ? [publicUrl + url] : [])]
  return { sourceId, opening: { headers, urls } }
}

function requireSubprotocol(engines: Engines, { type }: Source, headers: IncomingMessage['headers']): void {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  const { subprotocol } = engineFor(engines, type)
  if (subprotocol !== undefined && offered.includes(subprotocol)) return
  const takes = subprotocol === undefined ? 'takes no WebSocket' : `takes the subprotocol ${subprotocol}`
  throw new Refusal('BAD_REQUEST', `A ${type} source ${takes}`)
}
