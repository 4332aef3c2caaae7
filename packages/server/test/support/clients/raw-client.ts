import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestServer } from '../start-server.ts'

/** A connection of bytes, for what no client of HTTP would send. */
export type RawClient = {
  socket: Socket
  write(bytes: string | Buffer): void
  /** What came so far. */
  received(): Buffer
  /** Resolves once `isSo` of what came. */
  until(isSo: (received: Buffer) => boolean): Promise<Buffer>
  /** All that came, once the server closed. */
  closed: Promise<Buffer>
}

export async function openRaw({ url }: Pick<TestServer, 'url'>): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let received = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
  })
  // The server may have closed before all was written.
  socket.on('error', () => {})
  const closed = new Promise<Buffer>((resolve) => socket.once('close', () => resolve(received)))
  await once(socket, 'connect')
  return {
    socket,
    closed,
    write: (bytes) => socket.write(bytes),
    received: () => received,
    async until(isSo) {
      while (!isSo(received)) {
        if (socket.closed) throw new Error(`closed after ${received.subarray(0, 300)}`)
        await Promise.race([once(socket, 'data'), closed])
      }
      return received
    },
  }
}

/** Sends bytes, and resolves with all that comes back until the server closes. */
export async function sendRaw(server: Pick<TestServer, 'url'>, bytes: string | Buffer): Promise<string> {
  const client = await openRaw(server)
  client.write(bytes)
  return (await client.closed).toString()
}
