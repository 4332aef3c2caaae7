import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { feedLimits } from '../../src/api/stream/limits.ts'
import { makeRoom } from '../support/api-calls.ts'
import { openStream } from '../support/clients/stream-reader.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const limits = { ...feedLimits, pageChanges: 20, recentChanges: 50, heartbeatMs: 50, tokenCheckMs: 20 }
let now = Date.parse('2026-01-15T12:00:00.000Z')
const clock = { now: () => now }
let server: TestServer
let roomId: string
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' }, { clock, feedLimits: limits })
  roomId = (await makeRoom(server)).roomId
})
after(() => server.stop())

/** A session in which somebody joins and leaves, as often as is said: 2 changes, and 2 for each. */
async function record(visits = 1, room = roomId): Promise<string> {
  now += 60_000
  const stays = Array.from({ length: visits }, (_, i) => ({
    participantId: `p${i}`,
    name: `Person ${i}`,
    joinedAt: now,
    leftAt: now + 1000,
  }))
  return recordSession(server, { roomId: room, startAt: now, endAt: now + 2000, stays })
}

async function lastSeq(): Promise<number> {
  const key = await server.context.reads.keys.find(server.apiKey)
  return (await server.context.reads.changes.range(key?.keyId ?? 0)).last
}

function seqs(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + 1 + i)
}

describe('GET /v2/stream', () => {
  test('tells what changes from now on, in order, each with its number for its id', async () => {
    await record()
    const last = await lastSeq()
    const reader = await openStream(server)
    const sessionId = await record()
    const opening = await reader.next()
    assert.deepEqual(opening, { id: String(last) })
    const [started, joined, left, ended] = await reader.changes(4)
    const of = { sessionId, roomId }
    const at = (ms: number) => new Date(now + ms).toISOString()
    const who = { participantId: 'p0', name: 'Person 0', kind: 'person' }
    assert.deepEqual(
      [started, joined, left, ended],
      [
        { seq: last + 1, type: 'session.started', ...of, at: at(0) },
        { seq: last + 2, type: 'participant.joined', ...of, at: at(0), ...who },
        { seq: last + 3, type: 'participant.left', ...of, at: at(1000), ...who },
        { seq: last + 4, type: 'session.ended', ...of, at: at(2000), reason: 'session-ended' },
      ],
    )
    reader.close()
  })

  test('goes on without a gap or a repeat from any place in the log, by Last-Event-ID or after', async () => {
    await record(100)
    const last = await lastSeq()
    for (const from of [0, 1, last - 60, last - 21, last - 20, last - 1, last]) {
      const readers = [
        await openStream(server, `?after=${from}`),
        await openStream(server, '?after=3', { headers: { 'last-event-id': String(from) } }),
      ]
      await record(3)
      const expected = seqs(from, (await lastSeq()) - from)
      for (const reader of readers) {
        const changes = await reader.changes(expected.length)
        assert.deepEqual(
          changes.map(({ seq }) => seq),
          expected,
        )
        reader.close()
      }
    }
  })

  test('misses nothing while it catches up with a log that grows', async () => {
    const from = await lastSeq()
    const reader = await openStream(server, `?after=${from}`)
    for (let i = 0; i < 30; i++) await record(10)
    const changes = await reader.changes(30 * 22)
    assert.deepEqual(
      changes.map(({ seq }) => seq),
      seqs(from, 30 * 22),
    )
    reader.close()
  })

  test('tells of one room or one session alone, where it is asked for that', async () => {
    const other = await makeRoom(server, { customRoomId: 'of the stream' })
    const from = await lastSeq()
    await record(1)
    const first = await record(1, other.roomId)
    const second = await record(1, other.roomId)
    await record(1)
    const ofRoom = await openStream(server, `?after=${from}&roomId=of%20the%20stream`)
    assert.deepEqual(new Set((await ofRoom.changes(8)).map(({ sessionId }) => sessionId)), new Set([first, second]))
    const ofSession = await openStream(server, `?after=${from}&sessionId=${second}`)
    assert.deepEqual(new Set((await ofSession.changes(4)).map(({ sessionId }) => sessionId)), new Set([second]))
    for (const reader of [ofRoom, ofSession]) {
      // What came after is not for it: the heartbeat moves its place past that.
      let message = await reader.next()
      while (message.id !== String(await lastSeq())) message = await reader.next()
      assert.deepEqual(message, { comment: true, id: String(await lastSeq()) })
      reader.close()
    }
  })

  test('says where what was asked for is no longer kept, or is not there yet, and goes on', async (t) => {
    const last = await lastSeq()
    const early = await openStream(server, `?after=${last + 5}`)
    const { id, event, data } = await early.next()
    assert.deepEqual([id, event, JSON.parse(data ?? '').seq], [String(last), 'reset', last])
    early.close()
    t.mock.method(server.context.reads.changes, 'range', async () => ({ first: 11, last }))
    const late = await openStream(server, '?after=3')
    const reset = await late.next()
    assert.deepEqual([reset.id, reset.event], ['10', 'reset'])
    assert.deepEqual(JSON.parse(reset.data ?? ''), {
      seq: 10,
      reason: 'the changes from 4 to 10 are not kept any more',
    })
    const [change] = await late.changes(1)
    assert.equal(change?.seq, 11)
    late.close()
    const whole = await openStream(server, '?after=10')
    assert.equal((await whole.next()).event, undefined)
    whole.close()
  })

  test('reads the log once for all its readers', async (t) => {
    const read = t.mock.method(server.context.reads.changes, 'after')
    const readers = await Promise.all(Array.from({ length: 200 }, () => openStream(server)))
    for (const reader of readers) await reader.next()
    const before = read.mock.callCount()
    const sessionId = await record()
    for (const reader of readers) {
      assert.deepEqual(new Set((await reader.changes(4)).map((change) => change.sessionId)), new Set([sessionId]))
    }
    const asked = read.mock.callCount() - before
    assert.ok(asked < 20, `${asked} reads for ${readers.length} readers`)
    for (const reader of readers) reader.close()
  })

  test('reads the log, and makes its text, once for all who go on from the same place far behind', async (t) => {
    await record()
    const after = (await lastSeq()) - 4
    const read = t.mock.method(server.context.reads.changes, 'after')
    const stringify = t.mock.method(JSON, 'stringify')
    const readers = await Promise.all(Array.from({ length: 100 }, () => openStream(server, `?after=${after}`)))
    const got = await Promise.all(readers.map((reader) => reader.changes(4)))
    for (const changes of got) assert.deepEqual(changes, got[0])
    const asked = read.mock.callCount()
    const made = stringify.mock.calls.filter(({ arguments: [value] }) => value?.seq === after + 1).length
    assert.ok(asked < 20 && made < 10, `${asked} reads, and ${made} texts, for ${readers.length} readers`)
    for (const reader of readers) reader.close()
  })

  test('makes the text of a change once for all its readers', async (t) => {
    const readers = await Promise.all(Array.from({ length: 20 }, () => openStream(server)))
    const stringify = t.mock.method(JSON, 'stringify')
    await record()
    const got = await Promise.all(readers.map((reader) => reader.changes(4)))
    const made = stringify.mock.calls.filter(({ arguments: [value] }) => value?.seq === got[0]?.[0]?.seq)
    assert.equal(made.length, 1)
    for (const changes of got) assert.deepEqual(changes, got[0])
    for (const reader of readers) reader.close()
  })

  test('is open so often for one key at most, and for others all the same', async () => {
    const few = await startServer({}, { feedLimits: { ...limits, streamsOfKeyMax: 2 } })
    try {
      const readers = [await openStream(few), await openStream(few)]
      const refused = await few.call('GET', '/v2/stream')
      assert.deepEqual([refused.status, refused.body.code], [429, 'TOO_MANY_REQUESTS'])
      const neighbour = await addNeighbour(few)
      const token = await signToken(
        neighbour,
        { roles: ['crawler'] },
        { now: few.context.clock.now(), lifetimeMs: 60_000 },
      )
      assert.equal((await few.call('GET', '/v2/stream', undefined, { token })).status, 200)
      readers.pop()?.close()
      for (let isFree = false; !isFree; ) isFree = (await few.call('GET', '/v2/stream')).status === 200
      readers.pop()?.close()
    } finally {
      await few.stop()
    }
  })

  test('tells nothing of who was erased, or of an erased session or room, though others follow who were told of it', async (t) => {
    const own = await startServer({}, { clock })
    t.after(() => own.stop())
    const follower = await openStream(own)
    t.after(() => follower.close())
    /** What is told to whoever goes on from the beginning. */
    const tellAll = async () => {
      const reader = await openStream(own, '?after=0')
      const key = await own.context.reads.keys.find(own.apiKey)
      const { last } = await own.context.reads.changes.range(key?.keyId ?? 0)
      const told = await reader.changes(last)
      reader.close()
      return JSON.stringify(told)
    }
    const rooms: string[] = []
    for (const customRoomId of ['one', 'two', 'three']) rooms.push((await makeRoom(own, { customRoomId })).roomId)
    const [, ofSession = '', ofRoom = ''] = rooms
    for (const [n, roomId] of rooms.entries()) {
      const stays = [{ participantId: `visitor-${n}`, name: `Visitor ${n}`, joinedAt: now, leftAt: now + 500 }]
      await recordSession(own, { roomId, startAt: now, endAt: now + 1000, stays })
    }
    await follower.changes(12)
    assert.match(await tellAll(), /visitor-0.*visitor-1.*visitor-2/)
    const { body } = await own.call<SessionPage>('GET', `/v2/sessions?roomId=${ofSession}`)
    const gone = ['/v2/participants/visitor-0', `/v2/sessions/${body.data[0]?.id}`, `/v2/rooms/${ofRoom}`]
    for (const path of gone) assert.equal((await own.call('DELETE', path)).status, 200, path)
    const told = await tellAll()
    for (const trace of ['isitor', ofRoom]) assert.ok(!told.includes(trace), `${trace} in ${told}`)
  })

  test('ends when its token expires, and says so', async () => {
    const key = { apiKey: server.apiKey, secret: server.secret }
    const token = await signToken(key, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
    const reader = await openStream(server, '', { token })
    await reader.next()
    now += 61_000
    let message = await reader.next()
    while (message.event === undefined) message = await reader.next()
    assert.equal(message.event, 'closed')
    assert.equal(JSON.parse(message.data ?? '').code, 'TOKEN_INVALID')
    await reader.ended
  })

  test('ends when its key is disabled', async () => {
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
    const reader = await openStream(server, '', { token })
    await server.context.writes.keys.disable(neighbour)
    await reader.ended
  })

  test('tells nothing of another key', async () => {
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now, lifetimeMs: 60_000_000 })
    const reader = await openStream(server, '?after=0', { token })
    assert.deepEqual(await reader.next(), { id: '0' })
    await record()
    assert.deepEqual(await reader.next(), { comment: true, id: '0' })
    reader.close()
    for (const query of [`?roomId=${roomId}`, `?sessionId=${await record()}`]) {
      assert.equal((await server.call('GET', `/v2/stream${query}`, undefined, { token })).status, 404)
    }
  })

  test('of a place that is none is refused by name', async () => {
    for (const query of ['?after=-1', '?after=x']) {
      const { status, text } = await server.call('GET', `/v2/stream${query}`)
      assert.equal(status, 400)
      assert.match(text, /after=.* is not understood: it takes the number of a change/)
    }
    const { status, text } = await server.call('GET', '/v2/stream', undefined, { headers: { 'last-event-id': 'x' } })
    assert.equal(status, 400)
    assert.match(text, /Last-Event-ID=x is not understood/)
  })

  test('cuts off a reader that takes nothing, and keeps nothing for it', async () => {
    const stallMs = 300
    const slow = await startServer({}, { feedLimits: { ...limits, pageChanges: 1000, stallMs } })
    try {
      const room = await makeRoom(slow)
      const reader = await openStream(slow)
      await reader.next()
      reader.pause()
      const name = 'x'.repeat(500)
      for (let i = 0; i < 25; i++) {
        const startAt = Date.now() - 10_000_000 + i * 10
        const stays = Array.from({ length: 500 }, (_, n) => ({ participantId: `${n}`, name, joinedAt: startAt }))
        await recordSession(slow, { roomId: room.roomId, startAt, endAt: startAt + 1, stays })
      }
      await new Promise((resolve) => setTimeout(resolve, 3 * stallMs))
      reader.resume()
      // Whoever is not cut off gets all of them.
      await assert.rejects(reader.changes(25 * 1002), /the stream ended/)
    } finally {
      await slow.stop()
    }
  })

  test('is open to an EventSource by a cookie of its own path, which no script and no other site can use', async () => {
    const prefixed = await startServer({ ROLLCALL_PUBLIC_URL: 'https://a.example/rooms' }, { feedLimits: limits })
    try {
      const { headers, body } = await prefixed.call('POST', '/v2/stream/cookie')
      assert.equal(body.path, '/rooms/v2/stream')
      const [pair = '', ...rules] = String(headers['set-cookie']).split('; ')
      assert.deepEqual(rules.slice(0, 4), ['HttpOnly', 'SameSite=Strict', 'Path=/rooms/v2/stream', 'Secure'])
      assert.match(String(rules[4]), /^Max-Age=3[56]\d\d$/)
      const by = (path: string, cookie: string) =>
        prefixed.call('GET', path, undefined, { token: null, headers: { cookie } })
      assert.equal((await by('/v2/stream', `a=b; ${pair}`)).status, 200)
      assert.equal((await by('/v2/stream', `${pair}x`)).status, 401)
      assert.equal((await by('/v2/sessions', pair)).status, 401)
      assert.equal((await by('/v2/stream', '')).status, 401)
    } finally {
      await prefixed.stop()
    }
  })

  test('gives its cookie whatever a request calls the host, which neither path nor protocol depends on', async () => {
    const headers = { host: 'a:99999' }
    const { status, body } = await server.call('POST', '/v2/stream/cookie', undefined, { headers })
    assert.deepEqual([status, body.path], [200, '/v2/stream'])
  })

  test('ends when the server stops, which does not wait for it', async () => {
    const other = await startServer({}, { feedLimits: limits })
    const reader = await openStream(other)
    await reader.next()
    await other.stop()
    await reader.ended
  })
})
