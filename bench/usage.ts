import { toRules } from '../packages/server/src/config.ts'
import { openStore } from '../packages/server/src/record/open-store.ts'
import { packDays } from '../packages/server/src/record/usage/start-packing.ts'
import { startOfDay } from '../packages/server/src/store/usage.ts'
import type { BenchDatabase, StoreName } from './bench-database.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { type History, masterKey, withHistory } from './kept-history.ts'
import { type Figure, median } from './report.ts'

const rounds = 10
const dayMs = 24 * 3_600_000

/** Usage of a month and of a year, of a history of one year that is sealed, as soon as its days are packed. */
export function benchUsage(sessions: number, store: StoreName): Promise<Figure[]> {
  return withHistory(
    store,
    sessions,
    async (database, history) => {
      const packedPerSecond = await pack(database, history)
      const server = await forkServer(database.folder, database.env)
      try {
        const figures: Figure[] = []
        for (const [name, days, target] of [
          ['a month', 30, '≤ 100 ms'],
          ['a year', 365, '≤ 1 s'],
        ] as const) {
          const from = new Date(history.until - days * dayMs).toISOString()
          const count = Math.round((sessions * days) / 365).toLocaleString('en')
          const { tookMs, cpuMs, waitedMs } = await time(server, `/v2/usage?from=${from}&tz=Europe/Berlin`)
          figures.push(
            { what: `${store}: usage of ${name}, ${count} sessions, by day`, value: tookMs, unit: 'ms', target },
            { what: 'the same: processor time of the server', value: cpuMs, unit: 'ms' },
            { what: 'the longest that another request waited', value: waitedMs, unit: 'ms', target: '≤ 20 ms' },
          )
        }
        return [...figures, { what: 'sessions packed', value: packedPerSecond }]
      } finally {
        await server.stop()
      }
    },
    1,
  )
}

/** Packs what is not packed yet; gives how many sessions a second. */
async function pack({ folder, databaseUrl }: BenchDatabase, { keyId }: History): Promise<number> {
  const store = await openStore({
    databaseUrl,
    dataFolder: folder,
    masterKey: databaseUrl === undefined ? undefined : Buffer.from(masterKey, 'hex'),
    rules: toRules({ graceMs: 20_000 }),
    clock: { now: () => Date.now() },
    exclusive: false,
  })
  try {
    const begun = performance.now()
    let sessions = 0
    const writes = {
      usage: {
        keep(day: Parameters<typeof store.writes.usage.keep>[0]) {
          sessions += day.sessions
          return store.writes.usage.keep(day)
        },
      },
    }
    await packDays({ reads: store.reads, writes }, keyId, startOfDay(Date.now()))
    return sessions / ((performance.now() - begun) / 1000)
  } finally {
    await store.close()
  }
}

async function time(server: ForkedServer, path: string) {
  const ask = async () => {
    const answer = await fetch(`${server.url}${path}`, { headers: { authorization: server.token } })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
  await ask()
  const [took, cpu]: [number[], number[]] = [[], []]
  let waitedMs = 0
  for (let round = 0; round < rounds; round++) {
    const cpuBefore = await cpuOf(server)
    const begun = performance.now()
    await ask()
    took.push(performance.now() - begun)
    cpu.push((await cpuOf(server)) - cpuBefore)
    let done = false
    const answered = ask().then(() => {
      done = true
    })
    while (!done) {
      const asked = performance.now()
      await (await fetch(`${server.url}/livez`)).arrayBuffer()
      waitedMs = Math.max(waitedMs, performance.now() - asked)
    }
    await answered
  }
  return { tookMs: median(took), cpuMs: median(cpu), waitedMs }
}

async function cpuOf({ url }: ForkedServer): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(metrics)?.[1]) * 1000
}
