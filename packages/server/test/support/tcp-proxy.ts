import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a service of another port of this machine, and can be cut. */
export type TcpProxy = {
  port: number
  /** Breaks all connections, and takes no new ones. */
  cut(): void
  /** Swallows all that is sent, as a network does that is gone, and takes connections that lead nowhere. */
  swallow(): void
  /** Lets new connections through again. */
  restore(): void
  stop(): Promise<void>
}

export async function startTcpProxy(to: { port: number; host?: string }): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let way: 'open' | 'cut' | 'swallowed' = 'open'
  const server = createServer((inward) => {
    keep(inward)
    if (way === 'cut') return inward.destroy()
    if (way === 'swallowed') return
    const outward = connect({ host: '127.0.0.1', ...to })
    keep(outward)
    inward.pipe(outward).pipe(inward)
    for (const [one, other] of [
      [inward, outward],
      [outward, inward],
    ] as const) {
      one.on('close', () => other.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      way = 'cut'
      destroyAll()
    },
    swallow() {
      way = 'swallowed'
      for (const socket of sockets) socket.unpipe().pause()
    },
    restore() {
      if (way === 'swallowed') destroyAll()
      way = 'open'
    },
    async stop() {
      destroyAll()
      server.close()
      await once(server, 'close')
    },
  }

  function keep(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
}
