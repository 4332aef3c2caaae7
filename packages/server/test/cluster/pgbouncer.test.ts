import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { EventResults, SessionPage } from '@rollcall/protocol'
import { clusterLimits } from '../../src/cluster/limits.ts'
import { lockDatabase } from '../../src/store/database/postgres.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { startReceiver } from '../support/clients/webhook-receiver.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { type ServerProcess, settingsOf, startServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'

const key = { apiKey: 'pooled', secret: 'a secret of the tests with a pooler' }
const masterKey = '9'.repeat(64)
let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

/** Who is gone is noticed soon. */
const limits = {
  ...clusterLimits,
  leaseIntervalMs: 500,
  checkMs: 100,
  disconnectedMs: 500,
  dutyMs: 1500,
  dutyMarginMs: 300,
  pooled: { leaseIntervalMs: 300, pollMs: 200, claimMs: 14_000 },
  pooledSilentMs: 2000,
}

const settings = (databaseUrl: string) => settingsOf(databaseUrl, key, masterKey)

async function startServerOn(t: TestContext, databaseUrl: string): Promise<ServerProcess> {
  const server = await startServerProcess(settings(databaseUrl), key, limits)
  t.after(() => server.kill())
  return server
}

const joinOf = (n: number) => ({
  id: `join ${n}`,
  type: 'participant-joined',
  at: Date.now(),
  roomId: `room ${n % 5}`,
  sessionKey: 'one',
  participantId: `p${n}`,
})

// A server that hangs has to fail here, not to hold up the run.
describe('servers behind a PgBouncer that nothing was set in', { timeout: 300_000 }, () => {
  for (const mode of ['session', 'transaction'] as const) {
    test(`which pools by ${mode}: facts, pages, rooms and commands of several are one record, each webhook comes once, and another goes on after a kill`, async (t) => {
      const pooled = await startPgBouncer(t, await postgres.newDatabase(), mode)
      if (pooled === undefined) return
      const [one, other] = [await startServerOn(t, pooled), await startServerOn(t, pooled)]
      const receiver = await startReceiver()
      t.after(() => receiver.stop())
      const endpoint = { endPoint: receiver.url, events: ['participant-joined'] }
      const { id } = await one.call<{ id: string }>('POST', '/v2/webhooks', endpoint)
      const report = (server: ServerProcess, n: number) =>
        server.call<EventResults>('POST', '/v2/events', { source: 'sfu', events: [joinOf(n)] })
      await Promise.all(Array.from({ length: 40 }, (_, n) => report(n % 2 === 0 ? one : other, n)))
      // What one recorded, the other shows in place of the page that it kept.
      const countPeople = async (server: ServerProcess) => {
        const { data } = await server.call<SessionPage>('GET', '/v2/sessions')
        return data.flatMap(({ participants }) => participants).length
      }
      await until(async () => (await countPeople(other)) === 40)
      await report(one, 40)
      await until(async () => (await countPeople(other)) === 41)

      const { roomId } = await other.call<{ roomId: string }>('POST', '/v2/rooms')
      const inside = await join(one, roomId, 'ada')
      const elsewhere = await connect(other)
      elsewhere.send({ type: 'join', token: await other.sign(), roomId, participantId: 'bob' })
      assert.equal((await elsewhere.any()).type, 'redirect')
      await other.call('POST', '/v2/sessions/end', { roomId })
      await inside.closed
      elsewhere.socket.terminate()

      // What was sent and is not known as delivered yet would be sent again by the next.
      await until(async () => {
        const path = `/v2/webhooks/${id}/deliveries?state=delivered&perPage=100`
        return (await other.call<{ data: unknown[] }>('GET', path)).data.length === 42
      })
      await one.kill()
      await report(other, 41)
      await until(() => receiver.taken.some(({ body }) => body.includes('p41')))
      assert.equal(new Set(receiver.taken.map(({ id }) => id)).size, receiver.taken.length, 'none came twice')
    })
  }

  test('which pools by transaction: commands that need the database for themselves refuse that way, and by the other while servers run', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const pooled = await startPgBouncer(t, databaseUrl, 'transaction')
    if (pooled === undefined) return
    const server = await startServerOn(t, pooled)
    const rebuild = (url: string) => runProgram('cli.js', settings(url), ['rebuild', '--dry-run']).ended
    assert.match(
      (await rebuild(pooled)).stderr,
      /^rollcall: a pooler that pools by transaction is in between: [^\n]+\n$/,
    )
    assert.match((await rebuild(databaseUrl)).stderr, /DATABASE_URL is in use by Rollcall servers: stop them first/)
    assert.equal((await runProgram('cli.js', settings(pooled), ['verify']).ended).code, 0)
    assert.equal((await runProgram('cli.js', settings(pooled), ['verify']).ended).code, 0, 'again')
    await server.kill()
    const lock = await lockDatabase(databaseUrl)
    assert.ok(lock, 'whoever was killed renews nothing')
    const refused = await runProgram('main.js', { ...settings(pooled), PORT: '0' }).ended
    assert.match(refused.stderr, /DATABASE_URL is held by something that needs it for itself/)
    await lock.release()
  })
})
