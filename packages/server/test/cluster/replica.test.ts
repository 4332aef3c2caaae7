import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { RoomPage, SessionPage } from '@rollcall/protocol'
import pg from 'pg'
import { clusterLimits } from '../../src/cluster/limits.ts'
import { type Replicated, startReplicated } from '../support/postgres-replica.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** Longer than any test runs: what shows then shows for another reason than its age. */
const anyAge = '3600'

describe('lists that a replica answers', () => {
  let services: Replicated
  before(async () => {
    services = await startReplicated()
  })
  after(() => services.stop())

  /** Servers before one database, whose lists are read by way of a proxy from its replica. */
  async function startServers(
    t: TestContext,
    { count = 1, maxAgeSeconds = anyAge }: { count?: number; maxAgeSeconds?: string } = {},
  ) {
    const databaseUrl = await services.primary.newDatabase()
    const readUrl = new URL(services.replica.toReplica(databaseUrl))
    const proxy = await startTcpProxy({ port: Number(readUrl.port) })
    readUrl.port = String(proxy.port)
    readUrl.searchParams.set('connect_timeout', '1')
    const env = {
      DATABASE_URL: databaseUrl,
      DATABASE_READ_URL: readUrl.href,
      DATABASE_READ_MAX_AGE_SECONDS: maxAgeSeconds,
      ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex'),
      ROLLCALL_API_KEY: 'replicated',
      ROLLCALL_SECRET: 'a secret of the tests with a replica',
    }
    // Nothing is found but by being told of it.
    const limits = { clusterLimits: { ...clusterLimits, pollMs: 3_600_000 } }
    const servers: TestServer[] = []
    t.after(async () => {
      for (const server of servers) await server.stop()
      await proxy.stop()
    })
    for (let i = 0; i < count; i++) servers.push(await startServer(env, limits))
    for (const server of servers) await until(() => isReadFromReplica(server))
    return { servers: servers as [TestServer, TestServer], proxy, databaseUrl, env }
  }

  test('they are read from it, and say the same', async (t) => {
    const { servers } = await startServers(t)
    const [server] = servers
    const id = await recordSession(server, oneSession)
    await until(async () => (await readsOf(server, () => listRoom(server))).replica > 0)
    assert.deepEqual(await listRoom(server), [id])
    const report = '/v2/attendance?startDate=2026-01-01T00:00:00Z&endDate=2026-01-02T00:00:00Z&tz=UTC'
    const { primary, replica } = await readsOf(server, async () => {
      assert.equal((await server.call('GET', report)).status, 200)
    })
    assert.ok(replica > 0)
    assert.equal(primary, 0)
  })

  test('whoever wrote sees it in the next list, however far behind the replica is', async (t) => {
    const { servers } = await startServers(t)
    const [server] = servers
    await paused(t, services)
    for (let n = 0; n < 3; n++) {
      const id = await recordSession(server, { ...oneSession, startAt: oneSession.startAt - n * 10_000 })
      const { primary, replica } = await readsOf(server, async () => {
        assert.ok((await listRoom(server)).includes(id))
      })
      assert.ok(primary > 0)
      assert.equal(replica, 0)
    }
  })

  test('what another server wrote shows once this one is told, however far behind the replica is', async (t) => {
    const { servers } = await startServers(t, { count: 2 })
    const [one, other] = servers
    await recordSession(one, oneSession)
    await until(async () => (await listRoom(other)).length === 1)
    await paused(t, services)
    await recordSession(one, { ...oneSession, startAt: oneSession.startAt - 10_000 })
    await until(async () => (await listRoom(other)).length === 2)
  })

  test('a key of which nothing was written is read from a replica that is behind', async (t) => {
    const { servers } = await startServers(t)
    const [server] = servers
    await recordSession(server, oneSession)
    const other = await server.context.writes.keys.add({ name: 'another', email: null })
    await until(() => isReadFromReplica(server))
    await paused(t, services)
    await recordSession(server, { ...oneSession, startAt: oneSession.startAt - 10_000 })
    const listOther = () => server.context.reads.rooms.list(other.keyId, {}, { page: 1, perPage: 20 })
    await until(async () => (await readsOf(server, listOther)).replica === 1)
    assert.equal((await readsOf(server, () => listRoom(server))).replica, 0)
  })

  test('nothing is older than DATABASE_READ_MAX_AGE_SECONDS, told or not', async (t) => {
    const { servers, databaseUrl } = await startServers(t, { maxAgeSeconds: '2' })
    const [server] = servers
    const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'before' })
    await paused(t, services)
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query("update rooms set custom_room_id = 'after' where room_id = $1", [room.roomId])
    await client.end()
    await until(async () => {
      const { body } = await server.call<RoomPage>('GET', `/v2/rooms?perPage=${1 + Math.floor(Math.random() * 50)}`)
      return body.data[0]?.customRoomId === 'after'
    })
  })

  test('a replica that stops is no error, nor is one that does not answer; it is used again when it is back', async (t) => {
    const { servers, proxy } = await startServers(t)
    const [server] = servers
    const id = await recordSession(server, oneSession)
    for (const end of [proxy.cut, proxy.swallow, services.replica.stop]) {
      let isOver = false
      const listing = (async () => {
        while (!isOver) {
          assert.deepEqual(await listRoom(server), [id])
          assert.equal((await server.call('GET', '/readyz', undefined, { token: null })).status, 200)
        }
      })()
      await end()
      await until(async () => /^rollcall_replica_age_seconds \+?Inf/m.test(await metricsOf(server)))
      isOver = true
      await listing
      if (end === services.replica.stop) break
      proxy.restore()
      await until(() => isReadFromReplica(server))
    }
    await services.replica.start()
  })

  test('a list that is under way when the replica goes is read to its end', async (t) => {
    const { servers, proxy } = await startServers(t)
    const [server] = servers
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ids.push(await recordSession(server, { ...oneSession, startAt: oneSession.startAt + n * 10_000 }))
    }
    await until(() => isReadFromReplica(server))
    const key = await server.context.reads.keys.find(server.apiKey)
    const found: string[] = []
    const period = { from: oneSession.startAt, to: oneSession.endAt + 100_000 }
    for await (const id of server.context.reads.sessions.during(key?.keyId ?? 0, period)) {
      if (found.push(id) === 1) proxy.cut()
    }
    assert.deepEqual(found, ids)
    for await (const { session } of server.context.reads.sessions.parts(key?.keyId ?? 0, ids)) {
      assert.ok(ids.includes(session.id))
    }
  })

  test('rollcall doctor says how far it is behind, that it is too far, and that it is away', async (t) => {
    const { servers, proxy, env } = await startServers(t)
    const examine = async () => {
      const { stdout } = await runProgram('cli.js', { ...env, DATABASE_READ_MAX_AGE_SECONDS: '2' }, ['doctor']).ended
      return /^(\w+) +replica +(.*)$/m.exec(stdout)?.slice(1).join(': ') ?? stdout
    }
    await until(async () => /^ok: \d\.\d s behind$/.test(await examine()))
    await services.replica.pause()
    await recordSession(servers[0], oneSession)
    assert.match(await examine(), /^look: more than 2\.0 s behind: lists and reports are read from the primary/)
    await services.replica.resume()
    proxy.cut()
    assert.match(
      await examine(),
      /^look: lists and reports are read from the primary: the replica: The database does not answer/,
    )
  })

  test('a database that is no replica of it is not read', async (t) => {
    const databaseUrl = await services.primary.newDatabase()
    const other = services.replica.toReplica(await services.primary.newDatabase())
    for (const readUrl of [databaseUrl, other]) {
      const server = await startServer({
        DATABASE_URL: databaseUrl,
        DATABASE_READ_URL: readUrl,
        ROLLCALL_MASTER_KEY: '7'.repeat(64),
      })
      t.after(() => server.stop())
      const { primary, replica } = await readsOf(server, () => listRoom(server))
      assert.ok(primary > 0)
      assert.equal(replica, 0)
    }
  })
})

const oneSession = {
  roomId: 'replicated-room',
  startAt: Date.UTC(2026, 0, 1, 10),
  endAt: Date.UTC(2026, 0, 1, 10, 0, 5),
}

let asked = 0

async function listRoom(server: TestServer): Promise<string[]> {
  asked += 1
  // Each page is another, so that none is kept.
  const path = `/v2/sessions?roomId=${oneSession.roomId}&startDate=${asked}`
  const { status, body } = await server.call<SessionPage>('GET', path)
  assert.equal(status, 200)
  return body.data.map(({ id }) => id)
}

async function isReadFromReplica(server: TestServer): Promise<boolean> {
  return (await readsOf(server, () => listRoom(server))).replica > 0
}

/** What is read from where while something is done. */
async function readsOf(
  server: TestServer,
  work: () => Promise<unknown>,
): Promise<{ replica: number; primary: number }> {
  const before = await countReads(server)
  await work()
  const now = await countReads(server)
  return { replica: now.replica - before.replica, primary: now.primary - before.primary }
}

async function countReads(server: TestServer): Promise<{ replica: number; primary: number }> {
  const text = await metricsOf(server)
  const of = (from: string) =>
    Number(new RegExp(`^rollcall_replicated_reads_total\\{from="${from}"\\} (\\d+)$`, 'm').exec(text)?.[1])
  return { replica: of('replica'), primary: of('primary') }
}

async function metricsOf(server: TestServer): Promise<string> {
  return (await server.call('GET', '/metrics', undefined, { token: null })).text
}

/** The replica shows nothing new until the test is over. */
async function paused(t: TestContext, { replica }: Replicated): Promise<void> {
  await replica.pause()
  t.after(replica.resume)
}
