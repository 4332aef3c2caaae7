import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { retryAfterSeconds, statusOf } from '@rollcall/protocol'
import { type ServerOptions, WebSocketServer } from 'ws'
import { Refusal } from '../error.ts'
import { answerBare } from './bare-answer.ts'

/** Takes an HTTP connection over that asks to become another, such as a WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Gives each upgrade to whoever has its path; there is nothing at any other. */
export function routeUpgrades(server: Server, routes: { path: RegExp; upgrade: Upgrade }[]): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Of a peer that is gone before it is answered nobody else would hear, and what nobody hears of ends the process.
    socket.on('error', () => socket.destroy())
    const [path = ''] = request.url?.split('?', 1) ?? []
    const route = routes.find((one) => one.path.test(path))
    if (route === undefined) refuseUpgrade(socket, new Refusal('NOT_FOUND', 'There is no WebSocket at this path'))
    else route.upgrade(request, socket, head)
  })
}

export function refuseUpgrade(socket: Duplex, { code, message }: Refusal): void {
  const statusCode = statusOf[code]
  const headers = statusCode === 503 ? { 'retry-after': retryAfterSeconds } : {}
  answerBare(socket, { statusCode, error: message, code }, headers)
}

/** Makes WebSockets of the upgrades that it is given; a handshake that is none is refused as any other request. */
export function createSocketServer(options: Omit<ServerOptions, 'noServer'>): WebSocketServer {
  const sockets = new WebSocketServer({ ...options, noServer: true })
  sockets.on('wsClientError', ({ message }, socket) => {
    const answer = { statusCode: 400, error: `This is no handshake of a WebSocket: ${message}`, code: 'BAD_REQUEST' }
    answerBare(socket, answer, { 'sec-websocket-version': 13 })
  })
  return sockets
}
