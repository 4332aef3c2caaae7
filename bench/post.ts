import { Agent, type OutgoingHttpHeaders, request } from 'node:http'

export type Post = { url: string; headers: OutgoingHttpHeaders; body: string }

/** How it went: requests a second, and how long each answer took, in milliseconds. */
export type Posted = { rate: number; tookMs: number[] }

/** Sends each once, over connections that are kept, so many at a time. Each answer has to be a 200. */
export async function postAll(posts: Post[], connections: number): Promise<Posted> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const tookMs: number[] = []
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (;;) {
        const post = posts[next++]
        if (post === undefined) return
        const sentAt = performance.now()
        await send(post, agent)
        tookMs.push(performance.now() - sentAt)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
  return { rate: posts.length / seconds, tookMs }
}

function send({ url, headers, body }: Post, agent: Agent): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const options = { method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }
  request(url, options, (answer) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk) => chunks.push(chunk))
    answer.on('end', () => {
      if (answer.statusCode === 200) resolve()
      else reject(new Error(`${url} answered ${answer.statusCode}: ${Buffer.concat(chunks).toString().slice(0, 200)}`))
    })
  })
    .on('error', reject)
    .end(body)
  return promise
}
