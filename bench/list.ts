import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { fillSessions } from './fill.ts'
import { forkServer } from './fork-server.ts'
import { type Figure, median } from './report.ts'

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
      const server = await forkServer(folder)
      const list = { url: `${server.url}/v2/sessions`, headers: { authorization: server.token } }
      const bytes = await (await fetch(list.url, { headers: list.headers })).text()
      await server.setBytes(bytes)
      const runs: { list: number; memory: number }[] = []
      // In turn, so that a change of the machine's pace meets both.
      for (let i = 0; i <= rounds; i++) {
        const run = { list: await rateOf(list), memory: await rateOf({ url: server.memoryUrl, headers: list.headers }) }
        if (i > 0) runs.push(run)
      }
      figures.push({
        what: `list, page 1 of 20, ${size.toLocaleString('en')} sessions (${bytes.length.toLocaleString('en')} bytes)`,
        value: median(runs.map((run) => run.list)),
        beside: { what: 'the same bytes from memory', value: median(runs.map((run) => run.memory)) },
        target: '≥ 0.8',
      })
      await server.stop()
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
