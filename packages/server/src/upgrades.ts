import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** Takes an HTTP connection over that asks to become another, such as a WebSocket. */
export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Gives each upgrade to whoever has its path; there is nothing at any other. */
export function routeUpgrades(server: Server, routes: { path: RegExp; upgrade: Upgrade }[]): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [path = ''] = request.url?.split('?', 1) ?? []
    const route = routes.find((one) => one.path.test(path))
    if (route === undefined) refuseUpgrade(socket, '404 Not Found')
    else route.upgrade(request, socket, head)
  })
}

/** @param status such as `404 Not Found` */
export function refuseUpgrade(socket: Duplex, status: string, message = ''): void {
  const length = Buffer.byteLength(message)
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n${message}`)
}
