import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A line to a server that brings every request, and no answer: what was asked is done, and whoever asked cannot know. */
export type MuteLine = {
  /** Where the server seems to be, without a slash at the end. */
  url: string
  /** Breaks every connection off. */
  cut(): void
}

/** @param to the server's own address */
export async function openMuteLine(t: TestContext, to: string): Promise<MuteLine> {
  const { hostname, port } = new URL(to)
  const open = new Set<Socket>()
  const keep = (socket: Socket) => {
    open.add(socket)
    // Whoever is killed breaks it off: that is what is wanted here.
    socket.on('error', () => {}).on('close', () => open.delete(socket))
  }
  const line = createServer((asking) => {
    const asked = connect(Number(port), hostname)
    for (const socket of [asking, asked]) keep(socket)
    asking.pipe(asked)
    asked.resume()
  }).listen(0, '127.0.0.1')
  await once(line, 'listening')
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  t.after(() => {
    cut()
    line.close()
  })
  return { url: `http://127.0.0.1:${(line.address() as AddressInfo).port}`, cut }
}
