import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { joinRoom } from '@rollcall/client'
import type { Participant, Session, SessionPage } from '@rollcall/protocol'
import pg from 'pg'
import { type ClusterLimits, clusterLimits } from '../../src/cluster/limits.ts'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { openStream } from '../support/clients/stream-reader.ts'
import { startReceiver } from '../support/clients/webhook-receiver.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import type { Program } from '../support/run-program.ts'
import { type ServerProcess, settingsOf, startServerProcess } from '../support/server-process.ts'
import { signToken } from '../support/sign-token.ts'

const key = { apiKey: 'many', secret: 'a secret of the tests with many servers' }
let postgres: Postgres
const programs: Program[] = []
const clients: pg.Client[] = []
before(async () => {
  postgres = await startPostgres()
})
after(async () => {
  for (const { child, ended } of programs) {
    child.kill('SIGKILL')
    await ended
  }
  for (const client of clients) await client.end()
  await postgres.stop()
})

/** A connection of the test's own. */
async function connectTo(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  clients.push(client)
  return client
}

/**
 * They notice soon whoever is gone. How long one waits for another stays as it is, so that a slow one is not taken for a dead one;
 * and nothing is found but by being told of it, where a test does not say otherwise.
 */
const limits = {
  ...clusterLimits,
  leaseIntervalMs: 500,
  checkMs: 100,
  disconnectedMs: 500,
  dutyMs: 1500,
  dutyMarginMs: 300,
  pollMs: 3_600_000,
}

/** Starts servers before one database. */
function serversOn(
  databaseUrl: string,
  settings: { [name: string]: string } = {},
  changed: Partial<ClusterLimits> = {},
) {
  const env = { ...settingsOf(databaseUrl, key, randomBytes(32).toString('hex')), ...settings }
  return async (more: { [name: string]: string } = {}) => {
    const server = await startServerProcess({ ...env, ...more }, key, { ...limits, ...changed })
    programs.push(server.program)
    return server
  }
}

/** Two, and their database, for tests in rooms of their own that leave both running. */
function pair(): Promise<[ServerProcess, ServerProcess, string]> {
  running ??= postgres.newDatabase().then(async (databaseUrl) => {
    const start = serversOn(databaseUrl)
    return [...(await Promise.all([start(), start()])), databaseUrl]
  })
  return running
}
let running: ReturnType<typeof pair> | undefined

async function sessionsOf(server: ServerProcess, roomId: string): Promise<Session[]> {
  return (await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)).data
}

function timelogOf(session: Session | undefined, id: string): Participant['timelog'] {
  return session?.participants.find(({ participantId }) => participantId === id)?.timelog ?? []
}

/** When the lease of a process was renewed last. */
async function renewalOf(client: pg.Client, { url }: ServerProcess): Promise<number> {
  const { rows } = await client.query('select renewed_at from leases where address = $1', [url])
  return Number(rows[0]?.renewed_at)
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
    const client = await connectTo(databaseUrl)
    const { rows } = await client.query('select api_key from keys')
    const leases = await client.query('select holder, address from leases')
    assert.equal(rows.length, 1)
    assert.deepEqual(new Set(leases.rows.map(({ address }) => address)), new Set(servers.map(({ url }) => url)))
    await Promise.all(servers.map((server) => server.kill()))
  })

  test('a lock, and who is kept out, hold on each of them, whichever was told', async () => {
    const start = serversOn(await postgres.newDatabase())
    const [one, two] = await Promise.all([start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const as = async (participantId: string) =>
      signToken(
        key,
        { roles: ['rtc'], roomId, permissions: ['allow_join'], participantId },
        { now: Date.now(), lifetimeMs: 3_600_000 },
      )
    const ann = await join(one, roomId, 'ann', await as('ann'))
    const bob = await join(one, roomId, 'bob', await as('bob'))
    await two.call('PUT', `/v2/rooms/${roomId}/kept-out/bob`)
    assert.equal(await bob.closed, 'REMOVED')
    await two.call('PUT', `/v2/rooms/${roomId}/lock`)
    const told = async () => {
      for (;;) {
        const message = await ann.any()
        if (message.type === 'rules' && message.locked) return
      }
    }
    await told()
    const closeOf = async (server: ServerProcess, participantId: string) => {
      const client = await connect(server)
      client.send({ type: 'join', token: await as(participantId), roomId })
      return client.closed
    }
    assert.deepEqual([await closeOf(one, 'bob'), await closeOf(one, 'cem')], ['KEPT_OUT', 'ROOM_LOCKED'])
    ann.send({ type: 'leave' })
    await ann.closed
    await one.kill()
    // Whoever holds the room next has read it in the database.
    const onTwo = async (participantId: string) =>
      until(
        () => closeOf(two, participantId),
        (name) => name !== 'MOVED' && name !== 'NOT_RECORDED',
      )
    assert.deepEqual([await onTwo('bob'), await onTwo('cem')], ['KEPT_OUT', 'ROOM_LOCKED'])
  })

  test('a join elsewhere than where the room is held is told where, and may go there', async () => {
    const [one, two] = await pair()
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
    // The room page of the other lets the browser go there, too.
    const policy = async () => (await fetch(`${two.url}/room/${roomId}`)).headers.get('content-security-policy') ?? ''
    await until(policy, (text) => /connect-src [^;]*/.exec(text)?.[0].includes(new URL(one.wsUrl).origin) === true)
  })

  test('the client package goes where it is sent, and a lost connection begins at the first address again', async () => {
    const start = serversOn(await postgres.newDatabase(), { ROLLCALL_GRACE_SECONDS: '60' })
    const [one, two] = await Promise.all([start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    const bob = joinRoom({ url: two.url, token: two.sign, roomId, participantId: 'bob' })
    await bob.joined
    assert.equal(bob.sessionId, ann.joined.sessionId)
    assert.deepEqual([...bob.participants.keys()], ['ann'])
    const again = new Promise((resolve) => bob.on('joined', resolve))
    await one.kill()
    await again
    assert.equal(bob.sessionId, ann.joined.sessionId, 'within the grace')
    const [session] = await sessionsOf(two, roomId)
    assert.deepEqual(
      timelogOf(session, 'bob').map(({ end }) => end === null),
      [false, true],
    )
    await bob.leave()
    await two.kill()
  })

  test('a command reaches the process that holds the room: its sockets are closed before the answer, and the answering one shows nothing older', async () => {
    const [one, two] = await pair()
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const [ann, bob, cy] = await Promise.all(['ann', 'bob', 'cy'].map((name) => join(one, roomId, name)))
    assert.equal((await sessionsOf(two, roomId))[0]?.status, 'ongoing')
    const removed = await two.call<Session & { enforced: unknown }>('POST', '/v2/sessions/participants/remove', {
      roomId,
      participantId: 'ann',
    })
    assert.equal(removed.enforced, true)
    assert.equal(timelogOf(removed, 'ann')[0]?.reason, 'removed')
    assert.equal(await ann?.closed, 'REMOVED')
    const ended = await two.call<Session & { enforced: unknown }>('POST', '/v2/sessions/end', { roomId })
    assert.equal(ended.enforced, true)
    assert.equal(ended.status, 'ended')
    assert.equal(await bob?.closed, 'SESSION_ENDED')
    assert.equal(await cy?.closed, 'SESSION_ENDED')
    assert.equal((await sessionsOf(two, roomId))[0]?.status, 'ended')
    const dan = await join(one, roomId, 'dan')
    await two.call('POST', '/v2/rooms/deactivate', { roomId })
    assert.equal(await dan.closed, 'ROOM_CLOSED')
  })

  test('whoever is on the way into a room while it is closed does not come in, whichever process closes it', async () => {
    const [one, two, databaseUrl] = await pair()
    const client = await connectTo(databaseUrl)
    for (const closing of [one, two]) {
      const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
      // As long as this is not decided, nobody gets to hold the room.
      await client.query('begin')
      await client.query(
        "insert into room_leases (key_id, room_id, holder, fence) select key_id, room_id, 'nobody', 0 from rooms where room_id = $1",
        [roomId],
      )
      const bob = await connect(two)
      bob.send({ type: 'join', token: await two.sign(), roomId, participantId: 'bob' })
      await until(
        // Other tests may wait for other locks in databases of their own.
        async () =>
          (
            await client.query(
              'select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()',
            )
          ).rows,
        (held) => held.length > 0,
      )
      // The lease of the process goes on meanwhile, and whatever else it writes behind that.
      const renewed = await renewalOf(client, two)
      await until(
        () => renewalOf(client, two),
        (at) => at > renewed,
      )
      await closing.call('POST', '/v2/rooms/deactivate', { roomId })
      await client.query('rollback')
      assert.match(await bob.closed, /^(INVALID_MEETING_ID|ROOM_CLOSED)$/)
      assert.deepEqual(await sessionsOf(one, roomId), [])
    }
  })

  test('a command to a process that sleeps is recorded at once all the same, and answered as pending', async () => {
    const start = serversOn(await postgres.newDatabase(), {}, { commandMs: 500 })
    const [one, two] = await Promise.all([start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    one.program.child.kill('SIGSTOP')
    const ended = await two.call<Session & { enforced: unknown }>('POST', '/v2/sessions/end', { roomId })
    assert.equal(ended.enforced, 'pending')
    assert.equal(ended.status, 'ended')
    one.program.child.kill('SIGCONT')
    assert.equal(await ann.closed, 'SESSION_ENDED')
    const [session] = await sessionsOf(two, roomId)
    assert.equal(session?.end, ended.end)
    await Promise.all([one.kill(), two.kill()])
  })

  test('what one process records, another streams and shows, in place of the pages that it kept', async () => {
    const start = serversOn(await postgres.newDatabase())
    const [one, two] = await Promise.all([start(), start()])
    const reader = await openStream(two, '?after=0')
    await reader.next()
    const at = new Date().toISOString()
    const tell = (n: number) =>
      one.call('POST', '/v2/events', {
        events: [
          { id: `${n}`, type: 'participant-joined', at, roomId: 'hall', sessionKey: 's', participantId: `p${n}` },
        ],
      })
    const list = async () => (await two.call<SessionPage>('GET', '/v2/sessions')).data[0]?.participants.length ?? 0
    for (let n = 1; n <= 20; n++) {
      await tell(n)
      // The page before is kept; it is no longer shown once the other process was told.
      await until(list, (people) => people === n)
    }
    const changes = await reader.changes(21)
    assert.deepEqual(
      changes.map(({ seq }) => seq),
      changes.map((_, i) => i + 1),
    )
    reader.close()
    await Promise.all([one.kill(), two.kill()])
  })

  test('what nobody told of is seen all the same, in place of the page that was kept, and streamed', async () => {
    const databaseUrl = await postgres.newDatabase()
    const masterKey = randomBytes(32)
    const server = await serversOn(databaseUrl, { ROLLCALL_MASTER_KEY: masterKey.toString('hex') }, { pollMs: 100 })()
    const roomId = (await server.call<{ roomId: string }>('POST', '/v2/rooms')).roomId
    const reader = await openStream(server, '?after=0')
    await reader.next()
    const count = async () => (await server.call<SessionPage>('GET', '/v2/sessions')).data.length
    assert.equal(await count(), 0)
    // It writes as a process does that is killed between its commit and its telling: by itself it tells nobody.
    const rules = toRules({ graceMs: 20_000 })
    const silent = await openStore({
      databaseUrl,
      masterKey,
      dataFolder: '',
      rules,
      clock: systemClock,
      exclusive: false,
    })
    const keyId = (await silent.reads.keys.find(key.apiKey))?.keyId ?? 0
    const now = Date.now()
    const of = { source: 'events', roomId, sessionKey: 's', participantId: 'ann', connectionId: 'c' }
    await silent.record(keyId, [{ ...of, id: '1', type: 'participant-joined', at: now, receivedAt: now }])
    await silent.close()
    await until(count, (sessions) => sessions === 1)
    assert.equal((await reader.changes(2)).length, 2)
    reader.close()
    await server.kill()
  })

  test('each webhook is sent by one process, and by another when that is killed', async (t) => {
    const databaseUrl = await postgres.newDatabase()
    const start = serversOn(databaseUrl, { LOG_LEVEL: 'debug' })
    const servers = await Promise.all([start(), start(), start()])
    const receiver = await startReceiver()
    t.after(() => receiver.stop())
    const [first] = servers
    assert.ok(first)
    // Before anything is to be sent: what is under way while a duty changes hands may be sent by both.
    const holder = await Promise.race(
      servers.map(async (server) => {
        await server.program.says('stderr', /"duty":"webhooks","msg":"duty taken"/)
        return server
      }),
    )
    const endpoint = { endPoint: receiver.url, events: ['participant-joined'] }
    const { id } = await first.call<{ id: string }>('POST', '/v2/webhooks', endpoint)
    const tell = async (server: ServerProcess, n: number) => {
      const event = { type: 'participant-joined', at: new Date().toISOString(), roomId: `r${n}`, sessionKey: 's' }
      await server.call('POST', '/v2/events', { events: [{ id: `${n}`, participantId: 'p', ...event }] })
    }
    for (let n = 0; n < 9; n++) await tell(servers[n % 3] ?? first, n)
    // What was sent and is not known as delivered yet would be sent again by the next.
    await until(
      async () =>
        (await first.call<{ data: unknown[] }>('GET', `/v2/webhooks/${id}/deliveries?state=delivered`)).data.length,
      (delivered) => delivered === 9,
    )
    await holder.kill()
    const left = servers.filter((server) => server !== holder)
    for (const [i, server] of left.entries()) await tell(server, 9 + i)
    await until(
      async () => receiver.taken.length,
      (taken) => taken >= 11,
    )
    const sent = receiver.taken.map(({ id, webhook }) => `${id} ${JSON.stringify(webhook.data)}`)
    assert.equal(new Set(sent).size, 11)
    assert.deepEqual(sent, [...new Set(sent)], 'nothing was sent twice')
    await Promise.all(left.map((server) => server.kill()))
  })

  test('whoever was inside a process that is killed left when its lease was last renewed: another process says so, once, and a room of it goes on there within the grace', async () => {
    const databaseUrl = await postgres.newDatabase()
    const start = serversOn(databaseUrl, { ROLLCALL_GRACE_SECONDS: '30' })
    const [one, two, three] = await Promise.all([start(), start(), start()])
    const { roomId } = await one.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(one, roomId, 'ann')
    await join(one, roomId, 'bob')
    const client = await connectTo(databaseUrl)
    const leaseAt = () => renewalOf(client, one)
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
    for (const id of ['ann', 'bob']) {
      const [entry] = timelogOf(session, id)
      assert.equal(Date.parse(entry?.end ?? ''), lastAt)
      assert.equal(entry?.reason, 'source-restarted')
    }
    assert.equal(timelogOf(session, 'ann').length, 2)
    assert.equal(timelogOf(session, 'ann')[1]?.end, null)
    assert.equal(timelogOf(session, 'bob').length, 1)
    const { rows } = await client.query("select count(*) as n from facts where fact_json like '%source-started%'")
    assert.equal(Number(rows[0]?.n), 1)
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
    const client = await connectTo(databaseUrl)
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
    await Promise.all([one.kill(), two.kill()])
  })
})
