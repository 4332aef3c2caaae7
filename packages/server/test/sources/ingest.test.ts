import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Source } from '@rollcall/protocol'
import { ingestMaxBytes } from '../../src/api/limits.ts'
import { Refusal } from '../../src/error.ts'
import { createBackpressure } from '../../src/sources/backpressure.ts'
import { secondOfJoin } from '../support/senders/senders.ts'
import { addSource, deliver, deliverBytes, livekitKey, signAsLivekit } from '../support/senders/source-client.ts'
import { onSqlite, startServer, type TestServer } from '../support/start-server.ts'

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
    server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
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
    const limited = await startServer({ ROLLCALL_RATE_LIMIT: '1' })
    try {
      const { url } = await addSource(limited, 'livekit', livekitKey)
      for (let n = 20; n < 60; n++) {
        const body = joinOf(n)
        assert.equal((await deliver(url, body, await signAsLivekit(body))).status, 200)
      }
      const knock = async () => (await deliver(`${limited.url}/v2/ingest/livekit-0`, '{}')).status
      const statuses = new Set<number>()
      for (let i = 0; i < 100 && !statuses.has(429); i++) {
        for (const status of await Promise.all(Array.from({ length: 100 }, knock))) statuses.add(status)
      }
      assert.deepEqual([...statuses], [404, 429])
    } finally {
      await limited.stop()
    }
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
    'with an event that nobody knows is taken, and kept once: its name and its ids, and none of the rest',
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
      const { event: left } = JSON.parse(kept[0]?.fact_json ?? '{}')
      assert.deepEqual(left, { event: 'room_painted', id: 'EV_painted', 'room.name': 'r' })
      assert.deepEqual(
        kept.map(({ outcome, reason }) => [outcome, reason]),
        [['ignored', 'an event "room_painted" is not known']],
      )
    },
  )

  test('that is signed and yet unreadable is taken: to send it again would not help', async () => {
    for (const body of ['', 'not json', '[]', 'null', '"x"', '{"event":7}', '{"event":{"a":[]}}']) {
      const { status, body: answer } = await deliver(source.url, body, await signAsLivekit(body))
      const { outcome = '' } = answer.results[0] ?? {}
      assert.ok(status === 200 && ['ignored', 'duplicate'].includes(outcome), `${body}: ${status} ${outcome}`)
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

describe('backpressure', () => {
  const busy = () => Promise.reject(new Refusal('BUSY', 'full'))

  test('holds work that is refused as busy until there is room', async () => {
    let tries = 0
    const done = await createBackpressure().retryWhileBusy(60_000, async () => (++tries < 4 ? busy() : tries))
    assert.equal(done, 4)
  })

  test('ends after its time, and then says what was wrong', async () => {
    await assert.rejects(createBackpressure().retryWhileBusy(120, busy), /full/)
    await createBackpressure().untilReady(0)
  })

  test('lets nobody read while work is held, and everybody when there is room', async () => {
    const backpressure = createBackpressure()
    let isFull = true
    let isRead = false
    const held = backpressure.retryWhileBusy(60_000, async () => (isFull ? busy() : 'done'))
    await delay(1)
    const reading = backpressure.untilReady(60_000).then(() => {
      isRead = true
    })
    await delay(250)
    assert.equal(isRead, false)
    isFull = false
    assert.equal(await held, 'done')
    await reading
  })

  test('is over at once when the server stops, and for anything but being busy', async () => {
    const backpressure = createBackpressure()
    const held = backpressure.retryWhileBusy(600_000, busy)
    backpressure.stop()
    await assert.rejects(held, /full/)
    await assert.rejects(
      createBackpressure().retryWhileBusy(600_000, () => Promise.reject(new Error('broken'))),
      /broken/,
    )
  })
})
