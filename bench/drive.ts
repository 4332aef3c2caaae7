import { Agent, request } from 'node:http'

const connections = 16

/** Requests a second: each address once, over connections that are kept, as many at once as there are connections. */
export async function drive(urls: string[], headers: { [name: string]: string }): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let next = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (;;) {
        const url = urls[next++]
        if (url === undefined) return
        await get(url, headers, agent)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  agent.destroy()
  return urls.length / seconds
}

/** The body of an answer, which has to be a 200. */
export function get(url: string, headers: { [name: string]: string }, agent?: Agent): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  request(url, { headers, agent }, (answer) => {
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
