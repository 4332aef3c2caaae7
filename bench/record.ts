import pg from 'pg'
import { type BenchDatabase, type StoreName, withDatabases } from './bench-database.ts'
import { insertIntoFile, insertIntoPostgres } from './by-hand.ts'
import { driveAll, type Post } from './drive.ts'
import { type ForkedServer, forkServer } from './fork-server.ts'
import { signedLivekitJoins } from './livekit.ts'
import { type Figure, median, quantile } from './report.ts'

const rounds = 3
const peoplePerRoom = 50

type Shape = {
  what: string
  facts: number
  factsPerPost: number
  /** Callers at once: what they ask at the same time is committed together. */
  connections: number
  prepare(server: ForkedServer, facts: number): Promise<Post[]>
  targets: { [store in StoreName]: string }
}

const shapes: Shape[] = [
  {
    what: '100 events a request',
    facts: 40_000,
    factsPerPost: 100,
    connections: 8,
    prepare: async (server, facts) => eventPosts(server, facts, 100),
    targets: { SQLite: '≥ 12,000/s, ≥ 0.5', PostgreSQL: '≥ 6,000/s, ≥ 0.5' },
  },
  {
    what: '1 signed LiveKit webhook a request',
    facts: 40_000,
    factsPerPost: 1,
    connections: 100,
    prepare: signedLivekitJoins,
    targets: { SQLite: '≥ 5,000/s', PostgreSQL: '' },
  },
]

/**
 * Facts over HTTP, each durable before its answer, beside the same rows inserted by hand, as many a commit. Half of them come before
 * the clock starts, of both: what is asked of a server is what it does in use. V8 compiles for some 20,000 webhooks, and until then
 * its threads take a quarter of the processor.
 */
export async function benchRecord(store: StoreName): Promise<Figure[]> {
  return withDatabases(store, async (use) => {
    const figures: Figure[] = []
    for (const shape of shapes) {
      const runs: { record: number; byHand: number; tookMs: number[] }[] = []
      for (let i = 0; i < rounds; i++) runs.push(await use((database) => run(database, shape)))
      const what = `${store}: facts recorded over HTTP, ${shape.what}`
      const tookMs = runs.flatMap((one) => one.tookMs)
      figures.push(
        {
          what: `${what}, durable before each answer`,
          value: median(runs.map(({ record }) => record)),
          beside: {
            what: 'the same rows inserted by hand, as many a commit',
            value: median(runs.map(({ byHand }) => byHand)),
          },
          target: shape.targets[store],
        },
        { what: `${what}: an answer, median`, value: median(tookMs), unit: 'ms' },
        { what: `${what}: an answer, 99 of 100 within`, value: quantile(tookMs, 0.99), unit: 'ms' },
      )
    }
    return figures
  })
}

async function run({ folder, databaseUrl, env }: BenchDatabase, shape: Shape) {
  const server = await forkServer(folder, env)
  const posts = await shape.prepare(server, shape.facts)
  const before = posts.splice(0, posts.length / 2)
  await driveAll(before, shape.connections)
  if (databaseUrl !== undefined) await analyze(databaseUrl)
  const committed = await readCommits(server)
  const { rate, tookMs } = await driveAll(posts, shape.connections)
  const { facts, commits } = await readCommits(server)
  await server.stop()
  const together = Math.round((facts - committed.facts) / (commits - committed.commits))
  const amount = { before: before.length * shape.factsPerPost, together }
  const byHand = await (databaseUrl === undefined
    ? insertIntoFile(folder, amount)
    : insertIntoPostgres(databaseUrl, amount))
  return { record: rate * shape.factsPerPost, byHand, tookMs }
}

/** What the server committed so far, by its metrics; commits without facts are not counted. */
export async function readCommits({ url }: ForkedServer): Promise<{ facts: number; commits: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^rollcall_commit_facts${name} (\\d+)$`, 'm').exec(text)?.[1])
  return { facts: read('_sum'), commits: read('_count') - read('_bucket\\{le="0"\\}') }
}

/** A service in use knows how its tables are: its own autovacuum tells it within a minute of their growth. */
async function analyze(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('analyze')
  await client.end()
}

/** People who come to a hundred rooms and go, as a media server reports them. */
export function eventPosts({ url, token }: ForkedServer, count: number, perPost: number): Post[] {
  const events: object[] = []
  const first = Date.now() - 3_600_000
  const of = (n: number) => ({
    roomId: `room-${Math.floor(n / peoplePerRoom) % 100}`,
    sessionKey: 'one',
    participantId: `p${n}`,
    connectionId: `c${n}`,
  })
  for (let n = 0; events.length < count; n++) {
    events.push({ ...of(n), type: 'participant-joined', id: `${n}j`, at: first + n, name: `Person ${n}` })
    const gone = n - peoplePerRoom
    if (gone >= 0) events.push({ ...of(gone), type: 'participant-left', id: `${gone}l`, at: first + n, reason: 'left' })
  }
  const headers = { authorization: token, 'content-type': 'application/json' }
  const posts: Post[] = []
  for (let i = 0; i < count; i += perPost) {
    const body = JSON.stringify({ events: events.slice(i, Math.min(count, i + perPost)) })
    posts.push({ url: `${url}/v2/events`, headers, body })
  }
  return posts
}
