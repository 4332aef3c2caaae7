import { once } from 'node:events'
import { type OutgoingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'

const connections = 16

/** With a body it is a POST, else a GET. */
export type Asked = { url: string; headers: OutgoingHttpHeaders; body?: string }
export type Post = Required<Asked>

/** How it went: requests a second, and how long each answer took, in milliseconds. */
export type Driven = { rate: number; tookMs: number[] }

/**
 * Sends each once, over connections that are kept, so many at a time. Each answer has to be a 200. It shares the cores with the
 * server: the clients that Node and npm have cost as much for a request as the server does, so requests are written beforehand, and of an
 * answer the status and the length are read.
 */
export async function driveAll(all: Asked[], connections: number): Promise<Driven> {
  const requests = all.map(toBytes)
  const { hostname, port } = new URL(all[0]?.url ?? '')
  const lines = await Promise.all(
    Array.from({ length: Math.min(connections, all.length) }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      await once(socket, 'connect')
      return toLine(socket)
    }),
  )
  const tookMs: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(
    lines.map(async ({ ask }) => {
      for (;;) {
        const bytes = requests[next++]
        if (bytes === undefined) return
        const sentAt = performance.now()
        await ask(bytes)
        tookMs.push(performance.now() - sentAt)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  for (const { socket } of lines) socket.destroy()
  return { rate: all.length / seconds, tookMs }
}

/** Requests a second of addresses that are asked for once each. */
export async function drive(urls: string[], headers: OutgoingHttpHeaders): Promise<number> {
  const { rate } = await driveAll(
    urls.map((url) => ({ url, headers })),
    connections,
  )
  return rate
}

/** A request as it goes over the wire. */
function toBytes({ url, headers, body = '' }: Asked): Buffer {
  const { host, pathname, search } = new URL(url)
  const sent = { host, ...headers, ...(body !== '' && { 'content-length': Buffer.byteLength(body) }) }
  const lines = Object.entries(sent).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${body === '' ? 'GET' : 'POST'} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
}

/** One connection: a request at a time. Answers carry their length, as all of the servers here send them. */
function toLine(socket: Socket) {
  let read = Buffer.alloc(0)
  let waiting: PromiseWithResolvers<void> | undefined
  const fail = (error: Error) => waiting?.reject(error)
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', (chunk) => {
    read = read.length === 0 ? chunk : Buffer.concat([read, chunk])
    const headEnd = read.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const head = read.toString('latin1', 0, headEnd)
    const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
    if (length === undefined) return fail(new Error(`an answer without its length: ${head}`))
    if (read.length < headEnd + 4 + Number(length)) return
    const answer = read
    read = Buffer.alloc(0)
    if (head.startsWith('HTTP/1.1 200 ')) waiting?.resolve()
    else fail(new Error(`the server answered ${answer.toString('utf8', 0, 500)}`))
  })
  return {
    socket,
    ask(bytes: Buffer): Promise<void> {
      waiting = Promise.withResolvers<void>()
      socket.write(bytes)
      return waiting.promise
    },
  }
}

/** The body of an answer, which has to be a 200. */
export function get(url: string, headers: OutgoingHttpHeaders): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  request(url, { headers }, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk) => chunks.push(chunk))
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(Buffer.concat(chunks))
      else reject(new Error(`${url} answered ${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 200)}`))
    })
  })
    .on('error', reject)
    .end()
  return promise
}
