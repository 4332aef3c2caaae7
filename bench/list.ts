import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { fillSessions } from './fill.ts'
import { type Figure, median } from './report.ts'
import type { ServerReady } from './server.ts'

const sizes = [1, 1_000, 100_000]
const rounds = 5
const secondsPerRun = 2
const connections = 16

/** The first page of 20 at several sizes of history, beside the same kind of server sending the same bytes from memory. */
export async function benchList(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const size of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-bench-'))
    try {
      await fillSessions(folder, size)
      const child = fork(join(import.meta.dirname, 'server.ts'), [folder], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      const ready = await firstMessage<ServerReady>(child)
      const list = { url: `${ready.url}/v2/sessions`, headers: { authorization: ready.token } }
      const bytes = await (await fetch(list.url, { headers: list.headers })).text()
      child.send({ bytes })
      await firstMessage(child)
      const runs: { list: number; memory: number }[] = []
      // In turn, so that a change of the machine's pace meets both.
      for (let i = 0; i <= rounds; i++) {
        const run = { list: await rateOf(list), memory: await rateOf({ url: ready.memoryUrl, headers: list.headers }) }
        if (i > 0) runs.push(run)
      }
      figures.push({
        what: `list, page 1 of 20, ${size.toLocaleString('en')} sessions (${bytes.length.toLocaleString('en')} bytes)`,
        rate: median(runs.map((run) => run.list)),
        beside: { what: 'the same bytes from memory', rate: median(runs.map((run) => run.memory)) },
      })
      child.kill()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return figures
}

async function rateOf(target: { url: string; headers: { [name: string]: string } }): Promise<number> {
  const { requests, non2xx, errors } = await autocannon({ ...target, connections, duration: secondsPerRun })
  if (non2xx + errors > 0)
    throw new Error(`${target.url}: ${non2xx} answers were no success, ${errors} requests failed`)
  return requests.average
}

export function firstMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const stopped = (code: number | null) => reject(new Error(`the server under test stopped with code ${code}`))
    child.once('exit', stopped)
    child.once('message', (message) => {
      child.off('exit', stopped)
      resolve(message as T)
    })
  })
}
