import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { retryAfterSeconds, statusOf } from '@rollcall/protocol'
import { type ServerOptions, WebSocketServer } from 'ws'
import { Refusal } from '../error.ts'
import { answerBare } from './bare-answer.ts'
import { createSpread } from './turns.ts'

/** Upgrades that are begun in one turn of the event loop: thousands may be asked for in one moment. */
const begunInTurn = 25

/** Takes over an HTTP connection that asks for another protocol, such as WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Counts a request that no key answers for; gives the refusal where its address makes too many of them. */
export type CountStranger = (request: IncomingMessage) => Refusal | undefined

/** Gives each upgrade to the route of its path; any other path is answered 404. */
export function routeUpgrades(
  server: Server,
  routes: { path: RegExp; upgrade: Upgrade }[],
  countStranger: CountStranger,
): void {
  const spread = createSpread(begunInTurn)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The peer may be gone before it is answered, and an `error` event without a listener ends the process.
    socket.on('error', () => socket.destroy())
    spread(() => begin(request, socket, head))
  })

  function begin(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [path = ''] = request.url?.split('?', 1) ?? []
    const route = routes.find((one) => one.path.test(path))
    if (route !== undefined) return route.upgrade(request, socket, head)
    refuseUpgrade(socket, countStranger(request) ?? new Refusal('NOT_FOUND', 'There is no WebSocket at this path'))
  }
}

export function refuseUpgrade(socket: Duplex, { code, message }: Refusal): void {
  const statusCode = statusOf[code]
  const headers = statusCode === 503 || statusCode === 429 ? { 'retry-after': retryAfterSeconds } : {}
  answerBare(socket, { statusCode, error: message, code }, headers)
}

/** Makes WebSockets of upgrades; a bad handshake is answered 400, in the shape of every error. */
export function createSocketServer(options: Omit<ServerOptions, 'noServer'>): WebSocketServer {
  const sockets = new WebSocketServer({ ...options, noServer: true })
  sockets.on('wsClientError', ({ message }, socket) => {
    const answer = { statusCode: 400, error: `This is no handshake of a WebSocket: ${message}`, code: 'BAD_REQUEST' }
    answerBare(socket, answer, { 'sec-websocket-version': 13 })
  })
  return sockets
}
