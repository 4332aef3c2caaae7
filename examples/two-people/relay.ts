import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A network between somebody and the server, which can be cut. */
export type Relay = {
  url: string
  /** Breaks every connection there is. New ones may come. */
  cut(): void
  close(): void
}

export async function startRelay(serverUrl: string): Promise<Relay> {
  const { hostname, port } = new URL(serverUrl)
  const sockets = new Set<Socket>()
  const listener = createServer((near) => {
    const far = connect(Number(port), hostname)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        other.destroy()
        sockets.delete(one)
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port: ownPort } = listener.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${ownPort}`,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: () => listener.close(),
  }
}
