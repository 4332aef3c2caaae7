import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { EventResults, SessionPage } from '@rollcall/protocol'
import pg from 'pg'
import { readConfig, startApp } from '../support/built-server.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

const masterKey = '7'.repeat(64)

async function connectTo(t: TestContext, connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  t.after(() => client.end())
  return client
}

async function serverOn(t: TestContext, databaseUrl: string, awayMaxMs?: number): Promise<TestServer> {
  const env = { DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: masterKey, ROLLCALL_RATE_LIMIT: '0' }
  const server = await startServer(env, awayMaxMs === undefined ? {} : { awayMaxMs })
  t.after(() => server.stop())
  return server
}

const joinOf = (n: number) => ({
  id: `j${n}`,
  type: 'participant-joined',
  at: Date.UTC(2026, 0, 5) + n,
  roomId: 'room',
  sessionKey: 'one',
  participantId: `p${n}`,
})
const report = (server: TestServer, n: number) =>
  server.call<EventResults>('POST', '/v2/events', { events: [joinOf(n)] })
const readiness = async (server: TestServer) => (await server.call('GET', '/readyz', undefined, { token: null })).status

async function listPeople(server: TestServer): Promise<string[]> {
  const { data } = (await server.call<SessionPage>('GET', '/v2/sessions')).body
  return data.flatMap(({ participants }) => participants.map(({ participantId }) => participantId)).sort()
}

/** Has whatever writes a fact, or the trial of one, fail with a code of PostgreSQL's own. */
async function refuseWrites(client: pg.Client, code: string): Promise<void> {
  await client.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '${code}'; end $$;
    create trigger refuse before insert on facts for each statement execute function refuse();
    create trigger refuse before insert on process_messages for each statement execute function refuse()`)
}
const takeWrites = (client: pg.Client) => client.query('drop function refuse() cascade')

/** With the code that PostgreSQL says it by. */
const refusals = [
  ['25006', 'is read-only'],
  ['53100', 'has a full disk'],
  ['53200', 'is out of memory'],
  ['53300', 'takes no more connections'],
  ['57014', 'broke the query off'],
  ['57P03', 'is starting'],
  ['58030', 'cannot read its disk'],
] as const

describe('a PostgreSQL that says no', { timeout: 120_000 }, () => {
  test('as it refuses what is written', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const server = await serverOn(t, databaseUrl, 600)
    const client = await connectTo(t, databaseUrl)
    const people: string[] = []
    for (const [i, [code, what]] of refusals.entries()) {
      await t.test(
        `as it ${what} (${code}): a fact is answered 503 with Retry-After, /readyz is red, and both are well again by themselves`,
        async () => {
          const [first, second] = [2 * i + 1, 2 * i + 2]
          assert.equal((await report(server, first)).status, 200)
          assert.equal(await readiness(server), 200)

          await refuseWrites(client, code)
          const refused = await report(server, second)
          assert.equal(refused.status, 503, refused.text)
          assert.ok(Number(refused.headers['retry-after']) > 0)
          assert.match(refused.text, /"code":"BUSY"/)
          assert.equal(await readiness(server), 503)
          assert.equal((await server.call('GET', '/v2/sessions')).status, 200, 'what is read needs no write')

          await takeWrites(client)
          await until(async () => (await readiness(server)) === 200)
          assert.equal((await report(server, second)).status, 200)
          people.push(`p${first}`, `p${second}`)
          assert.deepEqual(await listPeople(server), people.toSorted())
        },
      )
    }
  })

  test('for a moment: facts wait, are recorded once, and /readyz is red meanwhile', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const server = await serverOn(t, databaseUrl)
    const client = await connectTo(t, databaseUrl)
    assert.equal((await report(server, 1)).status, 200)
    await refuseWrites(client, '25006')
    const reports = Promise.all([2, 3, 4].map((n) => report(server, n)))
    await until(async () => (await readiness(server)) === 503)
    await takeWrites(client)
    for (const { status, body } of await reports) {
      assert.equal(status, 200)
      assert.equal(body.results[0]?.outcome, 'recorded')
    }
    assert.equal(await readiness(server), 200)
    assert.deepEqual(await listPeople(server), ['p1', 'p2', 'p3', 'p4'])
  })

  test('as somebody holds a lock on its tables: a fact and a list are answered 503, and both are taken once it is gone', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const server = await serverOn(t, databaseUrl, 600)
    const client = await connectTo(t, databaseUrl)
    assert.equal((await report(server, 1)).status, 200)
    await client.query('begin; lock table sessions in access exclusive mode')
    const [reported, listed] = await Promise.all([report(server, 2), server.call('GET', '/v2/sessions')])
    for (const { status, text, headers } of [reported, listed]) {
      assert.equal(status, 503, text)
      assert.ok(Number(headers['retry-after']) > 0)
    }
    await client.query('rollback')
    assert.equal((await report(server, 2)).status, 200)
    assert.deepEqual(await listPeople(server), ['p1', 'p2'])
  })

  test('whose connections lead to one that became read-only is connected to anew', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const server = await serverOn(t, databaseUrl)
    const client = await connectTo(t, postgres.url)
    assert.equal((await report(server, 1)).status, 200)
    const name = new URL(databaseUrl).pathname.slice(1)
    // Sessions that there are stay read-only, as those to a standby do; new ones write.
    await client.query(`alter database ${name} set default_transaction_read_only = on`)
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
    const reporting = report(server, 2)
    await until(async () => (await readiness(server)) === 503)
    await client.query(`alter database ${name} reset default_transaction_read_only`)
    assert.equal((await reporting).status, 200)
    await until(async () => (await readiness(server)) === 200)
  })

  test('that is not reached: a fact waits also where the key of its token, and the source, have to be looked up', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const proxy = await startTcpProxy({ port: Number(new URL(databaseUrl).port) })
    const way = new URL(databaseUrl)
    way.port = String(proxy.port)
    const server = await serverOn(t, way.href)
    // After the server, which says good-bye to its database.
    t.after(() => proxy.stop())
    const { body: source } = await server.call<{ url: string }>('POST', '/v2/sources', { type: 'generic', name: 'sfu' })
    assert.ok(source.url.startsWith('http'), JSON.stringify(source))
    proxy.cut()
    const reporting = report(server, 1)
    const posting = fetch(source.url, { method: 'POST', body: '{}' })
    await until(async () => (await readiness(server)) === 503)
    proxy.restore()
    const { status, body } = await reporting
    assert.equal(status, 200)
    assert.equal(body.results[0]?.outcome, 'recorded')
    // Not signed: that is found as soon as there is a source to ask.
    assert.equal((await posting).status, 401)
    await until(async () => (await readiness(server)) === 200)
  })

  test('that swallows what it is sent is given up within seconds, and reached again where it is then', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const [first, second] = [
      await startTcpProxy({ port: Number(new URL(databaseUrl).port) }),
      await startTcpProxy({ port: Number(new URL(databaseUrl).port) }),
    ]
    const several = databaseUrl.replace(/@[^/]+/, `@127.0.0.1:${first.port},127.0.0.1:${second.port}`)
    const server = await serverOn(t, several)
    t.after(() => Promise.all([first.stop(), second.stop()]))
    assert.equal((await report(server, 1)).status, 200)
    first.swallow()
    const { status, body } = await report(server, 2)
    assert.equal(status, 200)
    assert.equal(body.results[0]?.outcome, 'recorded')
    assert.deepEqual(await listPeople(server), ['p1', 'p2'])
  })
})

describe('an address with several hosts', { timeout: 60_000 }, () => {
  test('leads to the one that takes writes, past those that are gone, are read-only or do not answer', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    // What stands in for a standby: all that comes this way is told to be read-only.
    const readOnlyUrl = `${databaseUrl}?options=-c%20default_transaction_read_only=on`
    const { port } = new URL(databaseUrl)
    const gone = await startTcpProxy({ port: Number(port) })
    await gone.stop()
    const silent = await startTcpProxy({ port: Number(port) })
    silent.swallow()
    t.after(() => silent.stop())
    for (const attributes of ['', '?target_session_attrs=read-write', '?target_session_attrs=primary']) {
      const several = databaseUrl.replace(
        /@[^/]+/,
        `@127.0.0.1:${gone.port},127.0.0.1:${silent.port},127.0.0.1:${port}`,
      )
      const server = await serverOn(t, `${several}${attributes}`)
      assert.equal((await report(server, 1)).status, 200)
      await server.stop()
    }
    const config = readConfig({
      PORT: '0',
      LOG_LEVEL: 'silent',
      DATABASE_URL: `${readOnlyUrl}&target_session_attrs=read-write`,
      ROLLCALL_MASTER_KEY: masterKey,
    })
    await assert.rejects(
      startApp(config),
      /^StartRefusal: DATABASE_URL=postgres:\/\/127\.0\.0\.1:\d+\/\w+ cannot be used: .* takes no writes$/,
    )
  })
})
