import { Agent, type OutgoingHttpHeaders, request } from 'node:http'

const connections = 16

/** With a body it is a POST, else a GET. */
export type Asked = { url: string; headers: OutgoingHttpHeaders; body?: string }
export type Post = Required<Asked>

/** How it went: requests a second, and how long each answer took, in milliseconds. */
export type Driven = { rate: number; tookMs: number[] }

/** Sends each once, over connections that are kept, so many at a time. Each answer has to be a 200. */
export async function driveAll(all: Asked[], connections: number): Promise<Driven> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const tookMs: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (;;) {
        const asked = all[next++]
        if (asked === undefined) return
        const sentAt = performance.now()
        await ask(asked, agent)
        tookMs.push(performance.now() - sentAt)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
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

/** The body of an answer, which has to be a 200. */
export function get(url: string, headers: OutgoingHttpHeaders): Promise<Buffer> {
  return ask({ url, headers })
}

function ask({ url, headers, body }: Asked, agent?: Agent): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const ofBody = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const options = { method: body === undefined ? 'GET' : 'POST', agent, headers: { ...headers, ...ofBody } }
  request(url, options, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk) => chunks.push(chunk))
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve(Buffer.concat(chunks))
      else reject(new Error(`${url} answered ${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 200)}`))
    })
  })
    .on('error', reject)
    .end(body)
  return promise
}
