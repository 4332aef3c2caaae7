import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What lies between a client and a server, and can fail. */
export type Network = {
  /** Where the client connects, instead of the server's own address. */
  url: string
  /** How many connections there were. */
  connections(): number
  /** Breaks every connection there is. New ones may come. */
  cut(): void
  /** Breaks every connection there is, and each that comes, until what it gives is called. */
  fail(): () => void
  /** Carries nothing more on the connections there are, and does not break them. */
  silence(): void
  close(): Promise<void>
}

export async function startNetwork(serverUrl: string): Promise<Network> {
  const { hostname, port } = new URL(serverUrl)
  const pairs = new Set<[Socket, Socket]>()
  let count = 0
  let isFailing = false
  const listener = createServer((near) => {
    if (isFailing) return near.resetAndDestroy()
    count += 1
    const far = connect(Number(port), hostname)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    near.pipe(far)
    far.pipe(near)
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on('error', () => other.destroy())
      one.on('close', () => {
        other.destroy()
        pairs.delete(pair)
      })
    }
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  function cut(): void {
    for (const [near, far] of pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    connections: () => count,
    cut,
    fail() {
      isFailing = true
      cut()
      return () => {
        isFailing = false
      }
    },
    silence() {
      for (const [near, far] of pairs) {
        for (const socket of [near, far]) {
          socket.unpipe()
          socket.pause()
        }
      }
    },
    async close() {
      cut()
      listener.close()
      await once(listener, 'close')
    },
  }
}
