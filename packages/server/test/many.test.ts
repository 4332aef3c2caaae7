import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Session, SessionPage } from '@rollcall/protocol'
import pg from 'pg'
import { signToken } from '../src/token.ts'
import { type Postgres, startPostgres } from './postgres.ts'
import { connect, join } from './rtc-client.ts'
import { type Program, runProgram } from './run-program.ts'

const key = { apiKey: 'many', secret: 'a secret of the tests with many servers' }
let postgres: Postgres
const programs: Program[] = []
before(async () => {
  postgres = await startPostgres()
})
after(async () => {
  for (const { child, ended } of programs) {
    child.kill('SIGKILL')
    await ended
  }
  await postgres.stop()
})

type Server = Awaited<ReturnType<ReturnType<typeof serversOn>>>

/** Starts servers before one database. */
function serversOn(databaseUrl: string, settings: { [name: string]: string } = {}) {
  const masterKey = randomBytes(32).toString('hex')
  return async (more: { [name: string]: string } = {}) => {
    const program = runProgram('main.ts', {
      PORT: '0',
      LOG_LEVEL: 'warn',
      DATABASE_URL: databaseUrl,
      ROLLCALL_MASTER_KEY: masterKey,
      ROLLCALL_API_KEY: key.apiKey,
      ROLLCALL_SECRET: key.secret,
      ROLLCALL_RATE_LIMIT: '0',
      ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
      ...settings,
      ...more,
    })
    programs.push(program)
    const url = /running at (\S+)/.exec(await program.says('stdout', /^curl .*\n/m))?.[1] ?? ''
    const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
    return {
      program,
      url,
      wsUrl: `${url.replace('http', 'ws')}/v2/rtc`,
      sign,
      async call<Body>(method: string, path: string, body?: object): Promise<Body> {
        const headers = { authorization: await sign(), ...(body && { 'content-type': 'application/json' }) }
        const response = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
        const text = await response.text()
        assert.equal(response.status, 200, `${method} ${path}: ${text}`)
        return JSON.parse(text) as Body
      },
      async kill() {
        program.child.kill('SIGKILL')
        await program.ended
      },
    }
  }
}

async function sessionsOf(server: Server, roomId: string): Promise<Session[]> {
  return (await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)).data
}

async function until<T>(read: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read()
    if (isSo(value)) return value
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

// A server that hangs has to fail here, not to hold up the run.
describe('several servers before one PostgreSQL', { timeout: 300_000 }, () => {
  test('ten that start together on an empty database make its tables and the first key once', async () => {
    const databaseUrl = await postgres.newDatabase()
    const start = serversOn(databaseUrl, { ROLLCALL_API_KEY: '', ROLLCALL_SECRET: '' })
    const servers = await Promise.all(Array.from({ length: 10 }, () => start()))
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const { rows } = await client.query('select api_key from keys')
    const leases = await client.query('select holder, address from leases')
    await client.end()
    assert.equal(rows.length, 1)
    assert.deepEqual(new Set(leases.rows.map(({ address }) => address)), new Set(servers.map(({ url }) => url)))
    await Promise.all(servers.map((server) => server.kill()))
  })

  test('a join elsewhere than where the room is held is told where, and may go there', async () => {
    const start = serversOn(await postgres.newDatabase())
    const [one, two] = await Promise.all([start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    const bob = await connect(two)
    bob.send({ type: 'join', token: await two.sign(), roomId, participantId: 'bob' })
    const { url } = await bob.next('redirect')
    assert.equal(url, one.wsUrl)
    assert.equal(await bob.closed, 'MOVED')
    const there = await join({ wsUrl: url, sign: two.sign }, roomId, 'bob')
    assert.equal(there.joined.sessionId, ann.joined.sessionId)
    const [session, ...others] = await sessionsOf(two, roomId)
    assert.deepEqual(others, [])
    assert.deepEqual(session?.participants.map(({ participantId }) => participantId).sort(), ['ann', 'bob'])
    await Promise.all([one.kill(), two.kill()])
  })

  test('whoever was inside a process that is killed left when its lease was last renewed: another process says so, once, and a room of it goes on there within the grace', async () => {
    const databaseUrl = await postgres.newDatabase()
    const start = serversOn(databaseUrl, { ROLLCALL_GRACE_SECONDS: '30' })
    const [one, two, three] = await Promise.all([start(), start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    await join(one, roomId, 'bob')
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const leaseAt = async () => {
      const { rows } = await client.query('select renewed_at from leases where address = $1', [one.url])
      return Number(rows[0]?.renewed_at)
    }
    const joinedAt = Date.now()
    await until(leaseAt, (at) => at > joinedAt)
    const lastAt = await leaseAt()
    await one.kill()
    // The room is not there any more, and not yet elsewhere: the join waits until it is.
    const back = await join(two, roomId, 'ann')
    assert.equal(back.joined.sessionId, ann.joined.sessionId)
    const [session] = await until(
      () => sessionsOf(three, roomId),
      (sessions) => sessions[0]?.participants.length === 2,
    )
    const timelogOf = (id: string) => session?.participants.find(({ participantId }) => participantId === id)?.timelog
    for (const id of ['ann', 'bob']) {
      const [entry] = timelogOf(id) ?? []
      assert.equal(Date.parse(entry?.end ?? ''), lastAt)
      assert.equal(entry?.reason, 'source-restarted')
    }
    assert.equal(timelogOf('ann')?.length, 2)
    assert.equal(timelogOf('ann')?.[1]?.end, null)
    assert.equal(timelogOf('bob')?.length, 1)
    const { rows } = await client.query("select count(*) as n from facts where fact_json like '%source-started%'")
    assert.equal(Number(rows[0]?.n), 1)
    await client.end()
    await Promise.all([two.kill(), three.kill()])
  })

  test('a process that slept while its room moved writes nothing of it, and its people come in again elsewhere', async () => {
    const databaseUrl = await postgres.newDatabase()
    const start = serversOn(databaseUrl)
    const [one, two] = await Promise.all([start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    one.program.child.kill('SIGSTOP')
    // As if nothing had been heard of it for half a minute: its connection is gone.
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    await client.query(
      "select pg_terminate_backend(l.pid) from pg_locks as l, leases where l.locktype = 'advisory' and address = $1 and l.objsubid = 2 and l.objid::bigint = hashtext(holder)::bigint & 4294967295",
      [one.url],
    )
    const bob = await join(two, roomId, 'bob')
    // Ann leaves while nobody listens; the process learns of it, and of what it lost, when it wakes up.
    ann.send({ type: 'leave' })
    one.program.child.kill('SIGCONT')
    await ann.closed
    const again = await connect(one)
    again.send({ type: 'join', token: await one.sign(), roomId, participantId: 'ann' })
    assert.equal((await again.next('redirect')).url, two.wsUrl)
    const { rows } = await client.query(
      "select count(*) as n from facts where fact_json like '%participant-left%' and fact_json not like '%source-restarted%'",
    )
    assert.equal(Number(rows[0]?.n), 0, 'the leave that the sleeper took is not in the record')
    const [session] = await sessionsOf(two, roomId)
    const timelogs = session?.participants.map(({ participantId, timelog }) => [participantId, timelog[0]?.reason])
    assert.deepEqual(timelogs, [
      ['ann', 'source-restarted'],
      ['bob', undefined],
    ])
    assert.equal(session?.id, bob.joined.sessionId)
    await client.end()
    await Promise.all([one.kill(), two.kill()])
  })
})
