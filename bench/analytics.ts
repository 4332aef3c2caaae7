import { join } from 'node:path'
import { toRules } from '../packages/server/src/config.ts'
import { openStore } from '../packages/server/src/record/open-store.ts'
import { bucketsOf, hourMs, sourceScope } from '../packages/server/src/store/sessions/buckets.ts'
import { livekitToken } from '../packages/server/test/support/livekit-record.ts'
import { livekitKey } from '../packages/server/test/support/senders/source-client.ts'
import { drive } from './drive.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { type History, withHistory } from './kept-history.ts'
import { type Figure, median } from './report.ts'
import { openFileSink } from './sink.ts'

const rounds = 5
const requestsPerRun = 200
const perPage = 100

/** Lists of 100 as LiveKit and Daily have them, beside those of the v2 API with the same sessions: every request another page. */
export function benchAnalytics(sessions: number): Promise<Figure[]> {
  return withHistory('SQLite', sessions, async ({ folder, env }, history) => {
    const projectId = await reportByLivekit(folder, history)
    const server = await forkServer(folder, env)
    try {
      const rates = await measure(server, projectId, Math.ceil(sessions / perPage))
      const of = `SQLite, ${sessions.toLocaleString('en')} sessions`
      return [
        {
          what: `${of}: LiveKit's list of ${perPage}, none kept`,
          value: rates('livekit'),
          beside: { what: 'the same pages of the v2 API', value: rates('v2') },
          target: '≥ 0.5',
        },
        {
          what: `${of}: LiveKit's list, last pages, none kept`,
          value: rates('livekitLast'),
          beside: { what: 'its middle pages', value: rates('livekit') },
          target: '≥ 0.5',
        },
        {
          what: `${of}: Daily's list of ${perPage}, with who took part, none kept`,
          value: rates('daily'),
          beside: { what: 'the same pages of the v2 API', value: rates('v2') },
        },
        {
          what: `${of}: LiveKit's list, cached`,
          value: rates('livekitCached'),
          beside: { what: 'page 1 of 100 of the v2 API, cached', value: rates('v2Cached') },
          target: '≥ 0.5',
        },
      ]
    } finally {
      await server.stop()
    }
  })
}

/** All sessions of the history are those of a LiveKit source. Gives its project. */
async function reportByLivekit(folder: string, { keyId }: History): Promise<string> {
  const store = await openStore({
    databaseUrl: undefined,
    dataFolder: folder,
    rules: toRules({ graceMs: 20_000 }),
    clock: { now: () => Date.now() },
  })
  const known = (await store.reads.sources.list(keyId)).find(({ type }) => type === 'livekit')
  const { id } =
    known ?? (await store.writes.sources.add({ keyId, type: 'livekit', name: 'bench', settings: livekitKey }))
  await store.close()
  if (known === undefined) {
    const sink = openFileSink(join(folder, 'rollcall.db'))
    await sink.exec(`update sessions set source = '${id}' where key_id = ${keyId}`)
    const hours = await sink.all(
      `select start_at / ${hourMs} as hour, count(*) as sessions from sessions where key_id = ${keyId} group by 1`,
    )
    const byHour = new Map(
      hours.map(({ hour, sessions }) => [
        Number(hour) * hourMs,
        { sessions: Number(sessions), ended: Number(sessions) },
      ]),
    )
    const scope = sourceScope(id)
    const all = hours.reduce((sum, { sessions }) => sum + Number(sessions), 0)
    await sink.transaction(async () => {
      await sink.insert(
        'session_counts',
        ['key_id', 'room_id', 'sessions', 'ended', 'bucketed'],
        [[keyId, scope, all, all, 1]],
      )
      await sink.insert(
        'session_buckets',
        ['key_id', 'room_id', 'level', 'start_at', 'sessions', 'ended'],
        [...bucketsOf(byHour)].map((one) => [keyId, scope, one.level, one.startAt, one.sessions, one.ended]),
      )
    })
    await sink.close()
  }
  return `p_${id.slice('livekit-'.length)}`
}

type Part = 'livekit' | 'v2' | 'daily' | 'livekitLast' | 'livekitCached' | 'v2Cached'

async function measure(server: ForkedServer, projectId: string, pages: number): Promise<(part: Part) => number> {
  const livekit = { authorization: `Bearer ${await livekitToken()}` }
  const v2 = { authorization: server.token }
  const livekitPage = (page: number) => `${server.url}/api/project/${projectId}/sessions?limit=${perPage}&page=${page}`
  const v2Page = (page: number) => `${server.url}/v2/sessions?perPage=${perPage}&page=${page + 1}`
  /** Daily's pages follow a meeting: those of the pages that the v2 API has. */
  const listDailyPages = async (first: number) => {
    const urls = []
    for (let page = first; page < first + requestsPerRun; page++) {
      const answer = await fetch(v2Page((page - 1) % pages), { headers: v2 })
      const { data } = (await answer.json()) as { data: { id: string }[] }
      urls.push(`${server.url}/daily/v1/meetings?limit=${perPage}&starting_after=${data.at(-1)?.id}`)
    }
    return urls
  }
  const from = (first: number, toUrl: (page: number) => string) =>
    Array.from({ length: requestsPerRun }, (_, i) => toUrl((first + i) % pages))
  const rates = new Map<Part, number[]>()
  for (let round = 0; round <= rounds; round++) {
    const middle = Math.floor(pages / 2) + round * requestsPerRun
    const last = pages - (round + 1) * requestsPerRun
    const run: { [part in Part]: number } = {
      livekit: await drive(from(middle, livekitPage), livekit),
      v2: await drive(from(middle, v2Page), v2),
      daily: await drive(await listDailyPages(middle), v2),
      livekitLast: await drive(from(last, livekitPage), livekit),
      livekitCached: await drive(
        from(0, () => livekitPage(0)),
        livekit,
      ),
      v2Cached: await drive(
        from(0, () => v2Page(0)),
        v2,
      ),
    }
    if (round === 0) continue
    for (const [part, rate] of Object.entries(run) as [Part, number][]) {
      rates.set(part, [...(rates.get(part) ?? []), rate])
    }
  }
  return (part) => median(rates.get(part) ?? [])
}
