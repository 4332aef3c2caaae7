import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startReceiver } from '../packages/server/test/support/clients/webhook-receiver.ts'
import { driveAll } from './drive.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { eventPosts } from './record.ts'
import { type Figure, median } from './report.ts'

const rounds = 3
const events = 20_000
const endpoints = 100
const hanging = 10

/** Recording while 100 endpoints want every webhook, of which 10 never answer, beside recording while nobody does. */
export async function benchWebhooks(): Promise<Figure[]> {
  const runs: { told: number; untold: number }[] = []
  for (let i = 0; i < rounds; i++) runs.push({ untold: await rateWith(0), told: await rateWith(endpoints) })
  return [
    {
      what: `facts recorded, 100 a request, with ${endpoints} webhook endpoints, ${hanging} of them hanging`,
      value: median(runs.map(({ told }) => told)),
      beside: { what: 'without any', value: median(runs.map(({ untold }) => untold)) },
      target: '≥ 0.9',
    },
  ]
}

async function rateWith(count: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
  const [quick, silent] = [await startReceiver(), await startReceiver()]
  silent.answer = () => 'hang'
  const server = await forkServer(folder)
  try {
    for (let i = 0; i < count; i++) await addEndpoint(server, i < hanging ? silent.url : quick.url)
    const { rate } = await driveAll(eventPosts(server, events, 100), 8)
    return rate * 100
  } finally {
    await server.stop()
    await quick.stop()
    await silent.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function addEndpoint({ url, token }: ForkedServer, endPoint: string): Promise<void> {
  const headers = { authorization: token, 'content-type': 'application/json' }
  const body = JSON.stringify({ endPoint, events: ['*'] })
  const answer = await fetch(`${url}/v2/webhooks`, { method: 'POST', headers, body })
  if (!answer.ok) throw new Error(await answer.text())
}
