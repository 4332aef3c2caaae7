import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Fact, Source } from '@rollcall/protocol'
import { ingestMaxBytes } from '../src/api/limits.ts'
import { Refusal } from '../src/error.ts'
import { createPatience } from '../src/patience.ts'
import { runProgram } from './run-program.ts'
import { createSenders, type Sender, secondOfJoin } from './senders.ts'
import { addSource, deliver, deliverBytes, getSource, listSeen, livekitKey, signAsLivekit } from './source-client.ts'
import { startServer, type TestServer } from './start-server.ts'

/** These break, block or read the file itself. */
const onSqlite = { skip: process.env.ROLLCALL_TEST_DATABASE_URL !== undefined && 'there is no SQLite file' }

function joinOf(n: number, room = 'r') {
  return JSON.stringify({
    event: 'participant_joined',
    id: `EV_${room}_${n}`,
    createdAt: String(secondOfJoin(n)),
    room: { sid: `RM_${room}`, name: room },
    participant: { sid: `PA_${n}`, identity: `p${n}`, joinedAtMs: String(secondOfJoin(n) * 1000) },
  })
}

describe('a delivery', () => {
  let server: TestServer
  let source: Source
  before(async () => {
    server = await startServer({ ROLLCALL_RATE_LIMIT: '1' })
    source = await addSource(server, 'livekit', livekitKey)
  })
  after(() => server.stop())

  test('is verified as the bytes that came, of whatever type they are called', async () => {
    const types = [
      'application/webhook+json',
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
      '',
    ]
    for (const [n, type] of types.entries()) {
      const body = `  ${joinOf(n)}\n`
      const { 'content-type': _, ...headers } = await signAsLivekit(body)
      const { status, body: answer } = await deliver(source.url, body, {
        ...headers,
        ...(type && { 'content-type': type }),
      })
      assert.equal(status, 200, type)
      assert.deepEqual(answer.results, [{ id: `EV_r_${n}`, outcome: 'recorded' }])
    }
  })

  test('may come packed with gzip, of a size that is bounded', async () => {
    const body = joinOf(10)
    const headers = { ...(await signAsLivekit(body)), 'content-encoding': 'gzip' }
    assert.equal(await deliverBytes(source.url, gzipSync(body), headers), 200)
    assert.equal(await deliverBytes(source.url, Buffer.from(body), headers), 400)
    assert.equal(await deliverBytes(source.url, gzipSync(Buffer.alloc(ingestMaxBytes + 1)), headers), 400)
    assert.equal(await deliverBytes(source.url, Buffer.from(body), { ...headers, 'content-encoding': 'br' }), 415)
  })

  test('is never held up by the rate limit; what comes to no source is', async () => {
    for (let n = 20; n < 60; n++) {
      const body = joinOf(n)
      assert.equal((await deliver(source.url, body, await signAsLivekit(body))).status, 200)
    }
    assert.equal((await deliver(`${server.url}/v2/ingest/livekit-0`, '{}')).status, 404)
  })

  test('to a source that is not there is answered alike, whatever it names and says', async () => {
    const ids = ['livekit-AAAAAAAAAAAAAAAAAAAAAA', 'x', `${source.id}x`, 'generic-', '%00', "' or 1=1 --"]
    for (const id of ids) {
      const { status, body } = await deliver(`${server.url}/v2/ingest/${encodeURIComponent(id)}`, joinOf(1))
      const { error, code } = body as never as { error: string; code: string }
      assert.deepEqual([status, code, error], [404, 'SOURCE_NOT_FOUND', `Source ${id} not found`])
    }
  })

  test(
    'with an event that nobody knows is taken, kept once as it came, and its secrets are not',
    onSqlite,
    async () => {
      const named = await addSource(server, 'livekit', livekitKey)
      const body = JSON.stringify({
        event: 'room_painted',
        id: 'EV_painted',
        room: { name: 'r', password: 'hunter2', metadata: { api_token: 'hunter3', colour: 'red' } },
      })
      for (const outcome of ['ignored', 'duplicate']) {
        const { status, body: answer } = await deliver(named.url, body, await signAsLivekit(body))
        assert.deepEqual([status, answer.results[0]?.outcome], [200, outcome])
      }
      const kept = readFacts(server.dataFolder).filter(({ source }) => source === named.id)
      assert.equal(kept.length, 1)
      assert.match(kept[0]?.fact_json ?? '', /"colour":"red"/)
      assert.ok(!kept[0]?.fact_json.includes('hunter'))
      assert.deepEqual(
        kept.map(({ outcome, reason }) => [outcome, reason]),
        [['ignored', 'an event "room_painted" is not known']],
      )
    },
  )

  test('that is signed and yet unreadable is taken: to send it again would not help', async () => {
    for (const body of ['', 'not json', '[]', 'null', '"x"', '{"event":7}', '{"event":{"a":[]}}']) {
      const { status, body: answer } = await deliver(source.url, body, await signAsLivekit(body))
      assert.deepEqual([status, answer.results[0]?.outcome], [200, 'ignored'], body)
    }
  })
})

function readFacts(folder: string) {
  const db = new DatabaseSync(join(folder, 'rollcall.db'), { readOnly: true })
  try {
    return db.prepare('select source, outcome, reason, fact_json from facts').all() as {
      source: string
      outcome: string
      reason: string
      fact_json: string
    }[]
  } finally {
    db.close()
  }
}

/** Each sender's people, by number, as the record has them. */
async function assertRecorded(server: TestServer, senders: Sender[], people: number): Promise<void> {
  const seen = await listSeen(server)
  for (const { name, source } of senders) {
    const sessions = seen.filter(({ room }) => room === name)
    const ids = sessions.flatMap((session) => session.people.map(({ id }) => Number(id.slice(1)))).sort((a, b) => a - b)
    assert.deepEqual(
      ids,
      Array.from({ length: people }, (_, n) => n),
      name,
    )
    assert.equal(sessions.length, 1, name)
    for (const { timelog } of sessions[0]?.people ?? []) assert.equal(timelog.length, 1)
    assert.equal(sessions[0]?.engine, source.type)
  }
}

describe('nothing that a sender would send again is lost', () => {
  let dataFolder: string
  let env: { [name: string]: string }
  let server: TestServer
  let senders: Sender[]
  let close: () => void
  beforeEach(async () => {
    dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    env = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on', ROLLCALL_DATA: dataFolder }
    server = await startServer(env)
    const created = await createSenders(server)
    senders = created.senders
    close = created.close
  })
  afterEach(async () => {
    await server.stop()
    close()
    await rm(dataFolder, { recursive: true })
  })

  test('when the store fails: each of them is told so that it sends again', onSqlite, async () => {
    const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { timeout: 10_000 })
    await Promise.all(senders.map((sender) => sender.sendJoin(0, server.url)))
    db.exec('alter table marks rename to marks_that_are_gone')
    for (const sender of senders) {
      const { status, headers } = await sender.sendJoin(1, server.url)
      assert.deepEqual([status, sender.sendsAgain(status)], [503, true], sender.name)
      assert.ok(headers['retry-after'])
      const { health } = await getSource(server, sender.source.id)
      assert.deepEqual([health.refused, health.lastError], [0, 'This could not be recorded: send it again'])
    }
    db.exec('alter table marks_that_are_gone rename to marks')
    db.close()
    for (const sender of senders) assert.equal((await sender.sendJoin(1, server.url)).status, 200)
    await assertRecorded(server, senders, 2)
  })

  test(
    'when too many facts wait for the disk: they are held, nothing more is read, and then they are taken',
    onSqlite,
    async () => {
      await server.stop()
      server = await startServer(env, { patienceMs: 600_000 })
      await Promise.all(senders.map((sender) => sender.sendJoin(0, server.url)))
      const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { timeout: 10_000 })
      // The disk is as slow as can be, and the queue before it is full.
      db.exec('begin immediate')
      const { recorded } = await fillQueue(server)
      const answers: number[] = []
      const sending = senders.map(async (sender) => answers.push((await sender.sendJoin(1, server.url)).status))
      await delay(300)
      const large = JSON.stringify({ event: 'room_painted', padding: 'x'.repeat(24 * 1024 * 1024) })
      const url = `${server.url}/v2/ingest/${senders[0]?.source.id}`
      const outgoing = request(url, { method: 'POST', headers: await signAsLivekit(large) })
      const largeAnswered = once(outgoing, 'response')
      outgoing.end(large)
      await delay(500)
      assert.deepEqual(answers, [])
      assert.ok((outgoing.socket?.writableLength ?? 0) > 0, 'the rest of the body waits on the sender’s side')
      db.exec('rollback')
      db.close()
      await Promise.all(sending)
      assert.deepEqual(answers, [200, 200, 200, 200])
      await Promise.all([recorded, largeAnswered])
      await assertRecorded(server, senders, 2)
    },
  )

  test('when the server stops: what was taken is there afterwards, what was not is sent again', async () => {
    const people = 12
    const deliveries = sendAll(senders, people, server.url)
    await Promise.race(deliveries.map(({ answered }) => answered))
    await server.stop()
    const untaken = await keepUntaken(deliveries)
    server = await startServer(env)
    for (const { sender, n } of untaken) assert.equal((await sender.sendJoin(n, server.url)).status, 200, sender.name)
    await assertRecorded(server, senders, people)
  })

  test(
    'when the process is killed: what was taken is there afterwards, what was not is sent again',
    onSqlite,
    async () => {
      await server.stop()
      const program = runProgram('main.ts', { ...env, PORT: '0', LOG_LEVEL: 'silent' })
      const printed = await program.says('stdout', /running at \S+\n/)
      const [, url = ''] = /running at (\S+)/.exec(printed) ?? []
      const people = 12
      const deliveries = sendAll(senders, people, url)
      await Promise.race(deliveries.map(({ answered }) => answered))
      program.child.kill('SIGKILL')
      await program.ended
      const untaken = await keepUntaken(deliveries)
      server = await startServer(env)
      for (const { sender, n } of untaken) assert.equal((await sender.sendJoin(n, server.url)).status, 200, sender.name)
      await assertRecorded(server, senders, people)
    },
  )
})

/** Gives the store as many facts as may wait for the disk; `recorded` resolves when they are. */
async function fillQueue({ context, apiKey }: TestServer): Promise<{ recorded: Promise<unknown> }> {
  const key = await context.reads.findKey(apiKey)
  const fact = { type: 'session-started', source: 'events', roomId: 'full', sessionKey: 'full' } as const
  const at = secondOfJoin(0) * 1000
  const facts = (n: number): Fact[] =>
    Array.from({ length: 5000 }, (_, i) => ({ ...fact, id: `${n} ${i}`, at, receivedAt: at }))
  const batches = Array.from({ length: 10 }, (_, n) => context.record(key?.keyId ?? 0, facts(n)))
  return { recorded: Promise.all(batches) }
}

type Sent = { sender: Sender; n: number; answered: Promise<number | undefined> }

/** Everybody's joins at once; a delivery without an answer gives undefined. */
function sendAll(senders: Sender[], people: number, base: string): Sent[] {
  return Array.from({ length: people }, (_, n) => n).flatMap((n) =>
    senders.map((sender) => ({
      sender,
      n,
      answered: sender.sendJoin(n, base).then(
        ({ status }) => status,
        () => undefined,
      ),
    })),
  )
}

/** Those that were not taken, each of which its sender has to send again. */
async function keepUntaken(sent: Sent[]): Promise<Sent[]> {
  const untaken: Sent[] = []
  for (const one of sent) {
    const status = await one.answered
    if (status === 200) continue
    assert.ok(status === undefined || one.sender.sendsAgain(status), `${one.sender.name} lost ${one.n} to ${status}`)
    untaken.push(one)
  }
  return untaken
}

describe('patience', () => {
  const busy = () => Promise.reject(new Refusal('BUSY', 'full'))

  test('holds work that is refused as busy until there is room', async () => {
    let tries = 0
    const done = await createPatience().hold(60_000, async () => (++tries < 4 ? busy() : tries))
    assert.equal(done, 4)
  })

  test('ends after its time, and then says what was wrong', async () => {
    await assert.rejects(createPatience().hold(120, busy), /full/)
    await createPatience().untilRoom(0)
  })

  test('lets nobody read while work is held, and everybody when there is room', async () => {
    const patience = createPatience()
    let isFull = true
    let isRead = false
    const held = patience.hold(60_000, async () => (isFull ? busy() : 'done'))
    await delay(1)
    const reading = patience.untilRoom(60_000).then(() => {
      isRead = true
    })
    await delay(250)
    assert.equal(isRead, false)
    isFull = false
    assert.equal(await held, 'done')
    await reading
  })

  test('is over at once when the server stops, and for anything but being busy', async () => {
    const patience = createPatience()
    const held = patience.hold(600_000, busy)
    patience.stop()
    await assert.rejects(held, /full/)
    await assert.rejects(
      createPatience().hold(600_000, () => Promise.reject(new Error('broken'))),
      /broken/,
    )
  })
})
