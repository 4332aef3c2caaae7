import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driveAll } from './drive.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { eventPosts } from './record.ts'
import { type Figure, median, quantile } from './report.ts'

const readers = 1000
const facts = 60
/** Between two facts, in milliseconds. */
const pauseMs = 100

/** How long after its answer, which is after its commit, a change was seen by all of a thousand readers of the stream. */
export async function benchStream(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const server = await forkServer(folder)
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY })
  const open: ClientRequest[] = []
  try {
    // Of each change how many have seen it, and when the last of them did.
    const seen = new Map<number, { count: number; at: number }>()
    const note = (seq: number) => {
      const one = seen.get(seq) ?? { count: 0, at: 0 }
      seen.set(seq, { count: one.count + 1, at: performance.now() })
    }
    for (let i = 0; i < readers; i++) open.push(await follow(server, agent, note))
    const posts = eventPosts(server, facts, 1)
    const tookMs: number[] = []
    for (const post of posts) {
      const before = seen.size
      await driveAll([post], 1)
      const answeredAt = performance.now()
      const isSeen = () =>
        seen.size > before && [...seen.values()].slice(before).every(({ count }) => count === readers)
      while (!isSeen()) await new Promise((resolve) => setTimeout(resolve, 1))
      const lastAt = Math.max(...[...seen.values()].slice(before).map(({ at }) => at))
      tookMs.push(Math.max(0, lastAt - answeredAt))
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    const what = `a change is seen by all of ${readers.toLocaleString('en')} readers of the stream`
    return [
      { what: `${what}: median`, value: median(tookMs), unit: 'ms', target: '≤ 200 ms' },
      { what: `${what}: 99 of 100 within`, value: quantile(tookMs, 0.99), unit: 'ms', target: '≤ 200 ms' },
    ]
  } finally {
    for (const one of open) one.destroy()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function follow({ url, token }: ForkedServer, agent: Agent, note: (seq: number) => void): Promise<ClientRequest> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientRequest>()
  const outgoing = request(`${url}/v2/stream`, { agent, headers: { authorization: token } }, (incoming) => {
    let text = ''
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data: ')) note(JSON.parse(line.slice(6)).seq)
    })
    incoming.on('error', () => {})
    resolve(outgoing)
  })
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}
