import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrateData } from '../../src/cli/migrate-data/migrate-data.ts'
import { toTime } from '../ledger/history.ts'
import { keep, recordWorld } from '../support/kept.ts'
import { startPostgres } from '../support/postgres.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const now = toTime(5000 + 30 * 3600)
const days = 'from=2026-01-01&to=2026-02-01'
const pages = ['perPage=1', 'perPage=7&page=2', 'perPage=100']
const filters = ['', 'status=ended', 'participantId=p1', 'search=ro', 'minDuration=20', 'activeAt=2026-01-05T09:00:20Z']
const paths = [
  ...filters.flatMap((filter) => pages.map((page) => `/v2/sessions?${page}&${filter}`)),
  ...['csv', 'xlsx'].map((format) => `/v2/sessions?format=${format}`),
  ...['', 'search=room', 'query=closing'].map((filter) => `/v2/rooms?${filter}`),
  ...['', 'search=p', 'search=name', 'search=ann'].map((filter) => `/v2/people?perPage=3&${filter}`),
  ...['day', 'week', 'month'].map((by) => `/v2/people/p1?groupBy=${by}&tz=Asia/Kolkata`),
  ...['p1', 'one'].flatMap((id) => [...pages, 'format=csv'].map((how) => `/v2/people/${id}/sessions?${how}`)),
  ...['interval', 'participant', 'occurrence'].flatMap((per) =>
    ['json', 'csv', 'ndjson', 'xlsx'].map((format) => `/v2/attendance?${days}&per=${per}&format=${format}&kinds=all`),
  ),
  ...['day', 'hour', 'room', 'participant'].map((by) => `/v2/usage?${days}&groupBy=${by}`),
  ...['', 'ongoing=true', 'limit=3', 'no_participants=true'].map((how) => `/daily/v1/meetings?${how}`),
]

test('a record is answered byte for byte the same by SQLite and by PostgreSQL, sealed or not', async (t) => {
  const postgres = await startPostgres()
  const [kept, other] = [await keep(), await keep()]
  t.after(async () => {
    await Promise.all([kept.remove(), other.remove()])
    await postgres.stop()
  })
  await recordWorld(kept)
  const to = await postgres.newDatabase()
  assert.deepEqual((await migrateData(kept.where.dataFolder, to, { progress() {} })).differences, [])
  const env = { ...kept.env, ROLLCALL_RATE_LIMIT: '0', ROLLCALL_PUBLIC_URL: 'https://rollcall.example.org' }
  const clock = { now: () => now }
  const onPostgres = { ...env, DATABASE_URL: to, ROLLCALL_DATA: other.where.dataFolder }
  const servers = [await startServer(env, { clock }), await startServer(onPostgres, { clock })] as const
  t.after(() => Promise.all(servers.map((server) => server.stop())))
  for (const server of servers) while ((await server.context.writes.seals.seal({ now })) > 0);

  for (const key of await servers[0].context.reads.keys.list()) {
    const authorization = await signToken(key, { roles: ['crawler'] }, { now, lifetimeMs: 3_600_000 })
    const ask = async ({ url }: TestServer, path: string, body?: object) => {
      const headers = { authorization, 'content-type': 'application/json' }
      const sent = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) }
      const answer = await fetch(url + path, { headers, ...sent })
      assert.equal(answer.status, 200, path)
      return { etag: answer.headers.get('etag'), body: Buffer.from(await answer.arrayBuffer()).toString('latin1') }
    }
    // Two of one session now and then: what has the same start keeps one order.
    for (const server of servers) await ask(server, '/v2/people/one', { participantIds: ['p0', 'p2', 'p3'] })
    for (const path of paths) {
      const [one, two] = [await ask(servers[0], path), await ask(servers[1], path)]
      assert.deepEqual(one, two, path)
    }
  }
})
