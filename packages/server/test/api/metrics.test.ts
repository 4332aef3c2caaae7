import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import { type Family, parseMetrics } from '../support/clients/prometheus.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

async function start(t: TestContext, env: { [name: string]: string } = {}): Promise<TestServer> {
  const server = await startServer(env)
  t.after(() => server.stop())
  return server
}

/** What `/metrics` says, read strictly. */
async function scrape(server: TestServer): Promise<Map<string, Family>> {
  const { status, headers, text } = await server.call('GET', '/metrics', undefined, { token: null })
  assert.equal(status, 200)
  assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
  return parseMetrics(text)
}

/** The samples of a metric that are not 0, as their labels and the number; what the tests ask for themselves is left out. */
async function readCounts(server: TestServer, name: string, sample = name): Promise<string[]> {
  const { samples } = (await scrape(server)).get(name) ?? assert.fail(`no metric ${name}`)
  return samples
    .filter((one) => one.name === sample && one.value !== 0 && !own.includes(one.labels.route ?? ''))
    .map(({ labels, value }) => [...Object.values(labels), value].join(' '))
    .sort()
}

/** Some things are counted a moment after the answer: asks until it says so, and fails where it never does. */
async function assertCounts(
  server: TestServer,
  names: [name: string, sample?: string],
  expected: string[],
): Promise<void> {
  const sorted = [...expected].sort()
  for (let i = 0; i < 100; i++) {
    if (String(await readCounts(server, ...names)) === String(sorted)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.deepEqual(await readCounts(server, ...names), sorted)
}

/** Metrics and their labels, as the documentation lists them. */
function readDocumented(): Map<string, { type: string; labels: string[] }> {
  const text = readFileSync(new URL('../../../../docs/metrics.md', import.meta.url), 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('| `rollcall_'))
  return new Map(
    rows.map((row) => {
      const [, name = '', type = '', labels = ''] = row.split('|').map((cell) => cell.trim().replaceAll('`', ''))
      return [name, { type, labels: labels === '' ? [] : labels.split(', ') }]
    }),
  )
}

/** Routes of the scrape, and of the check that each answer is as it is described. */
const own = ['/metrics', '/openapi.json']
const requestSeconds = 'rollcall_http_request_duration_seconds'

test('every metric that is documented is there with its type and labels, and none that is not', async (t) => {
  const server = await start(t)
  await server.call('GET', '/v2/sessions')
  const families = await scrape(server)
  const ours = [...families].filter(([name]) => name.startsWith('rollcall_'))
  const described = ours.map(([name, { type, samples }]) => {
    assert.ok(samples.length > 0, name)
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== 'le'))
    return [name, { type, labels: [...labels] }] as const
  })
  assert.deepEqual(new Map([...described].sort()), new Map([...readDocumented()].sort()))
  const helps = ours.map(([, { help }]) => help)
  for (const help of helps) assert.match(help, /^[A-Z].*\.$/)
  assert.equal(new Set(helps).size, helps.length)
  for (const name of [
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
    'process_cpu_seconds_total',
  ]) {
    assert.ok(families.has(name), name)
  }
})

describe('a request', () => {
  test('is counted under the pattern of its route, its method and the class of its status, with its time', async (t) => {
    const server = await start(t)
    const { body: room } = await server.call('POST', '/v2/rooms')
    await server.call('GET', '/v2/sessions?page=1')
    await server.call('GET', '/v2/sessions/')
    await server.call('HEAD', '/v2/sessions')
    await server.call('GET', '/v2/sessions?page=0')
    await server.call('GET', `/v2/rooms/${room.roomId}`)
    await server.call('GET', '/v2/rooms/nothing')
    await assertCounts(
      server,
      [requestSeconds, `${requestSeconds}_count`],
      [
        'POST /v2/rooms 2xx 1',
        'GET /v2/sessions 2xx 2',
        'HEAD /v2/sessions 2xx 1',
        'GET /v2/sessions 4xx 1',
        'GET /v2/rooms/:id 2xx 1',
        'GET /v2/rooms/:id 4xx 1',
      ],
    )
    for (const line of await readCounts(server, requestSeconds, `${requestSeconds}_sum`)) {
      assert.ok(Number(line.split(' ').at(-1)) > 0, line)
    }
  })

  test('makes no new label, whatever its path, method, token or ids are', async (t) => {
    const server = await start(t)
    const asked = ['/secret-path', '/v2/rooms/secret-room', '/v2/sessions/secret-session/participants/secret-person']
    for (const path of asked) for (const method of ['GET', 'PROPFIND', 'DELETE']) await server.call(method, path)
    await server.call('GET', '/v2/sessions?roomId=secret-room', undefined, { token: 'secret-token' })
    const source = 'secret-source'
    const events = [{ id: 'secret-fact', type: 'session-started', at: Date.now(), roomId: 'secret-room' }]
    await server.call('POST', '/v2/events', { source, events })
    const { text } = await server.call('GET', '/metrics', undefined, { token: null })
    assert.doesNotMatch(text, /secret/)
    await assertCounts(
      server,
      [requestSeconds, `${requestSeconds}_count`],
      [
        'none none 4xx 6',
        'GET /v2/rooms/:id 4xx 1',
        'DELETE /v2/rooms/:roomId 4xx 1',
        'GET /v2/sessions/:id/participants/:participantId 4xx 1',
        'GET /v2/sessions 4xx 1',
        'POST /v2/events 2xx 1',
      ],
    )
  })

  test('that is no HTTP, or has too much of it in its head, is counted by its answer', async (t) => {
    const server = await start(t)
    for (const text of ['hello\r\n\r\n', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]) {
      const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1')
      socket.resume().end(text)
      await once(socket, 'close')
    }
    await assertCounts(server, ['rollcall_http_unreadable_requests_total'], ['400 1', '431 1'])
  })

  test('whose token is refused is counted by the reason', async (t) => {
    const server = await start(t)
    const { apiKey } = await server.context.writes.keys.add({ name: null, email: null })
    await server.context.writes.keys.disable({ apiKey })
    const ask = (token: string | null) => server.call('GET', '/v2/sessions', undefined, { token })
    for (const token of [null, null, 'bad', `${await server.sign()}x`]) await ask(token)
    await ask(await server.sign({ apikey: apiKey } as object))
    await assertCounts(server, ['rollcall_http_tokens_refused_total'], ['missing 2', 'token 2', 'key 1'])
  })

  test('beyond a limit is counted by the limit', async (t) => {
    const server = await start(t, { ROLLCALL_RATE_LIMIT: '1' })
    const asked = await Promise.all(Array.from({ length: 20 }, () => server.call('GET', '/v2/sessions')))
    const limited = asked.filter(({ status }) => status === 429).length
    assert.ok(limited > 0)
    await assertCounts(server, ['rollcall_http_rate_limited_requests_total'], [`key ${limited}`])
  })
})

describe('a fact', () => {
  test('is counted by the kind of its source and by what became of it', async (t) => {
    const server = await start(t)
    const at = Date.now()
    const events = [
      { id: '1', type: 'participant-joined', at, roomId: 'a', participantId: 'ann' },
      { id: '1', type: 'participant-joined', at, roomId: 'a', participantId: 'ann' },
      { id: '1', type: 'participant-joined', at, roomId: 'a', participantId: 'bob' },
      { id: '2', type: 'participant-left', at, roomId: 'b', participantId: 'ann', sessionKey: 'b1' },
      { id: '3', type: 'participant-left', at, roomId: 'c', participantId: 'ann' },
      { id: '4', type: 'nonsense' },
    ]
    await server.call('POST', '/v2/events', { source: 'one of many', events: [] })
    await server.call('POST', '/v2/events', { source: 'mine', events })
    const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
    const ann = await join(server, room.roomId, 'ann')
    ann.send({ type: 'leave' })
    await ann.closed
    await assertCounts(
      server,
      ['rollcall_facts_total'],
      [
        'events recorded 1',
        'events duplicate 1',
        'events waiting 1',
        'events ignored 1',
        'events refused 2',
        'hosted recorded 2',
      ],
    )
  })

  test('that was not kept is counted as busy where the queue was full, and else as failed', async (t) => {
    const server = await start(t)
    const key = await server.context.reads.keys.find(server.apiKey)
    assert.ok(key !== undefined)
    const join = (n: number, name = 'Ann'): Fact => ({
      id: String(n),
      type: 'participant-joined',
      source: 'events',
      roomId: 'r',
      participantId: `p${n}`,
      name,
      at: n,
      receivedAt: n,
    })
    const tooMany = Array.from({ length: 50_001 }, (_, n) => join(n))
    await assert.rejects(server.context.record(key.keyId, tooMany), ({ code }) => code === 'BUSY')
    const unwritable = 1n as unknown as string
    await assert.rejects(server.context.record(key.keyId, [join(1, unwritable)]), /BigInt/)
    await assertCounts(server, ['rollcall_facts_total'], ['events busy 50001', 'events failed 1'])
  })

  test('is in a commit, whose time and facts are told; nothing waits when all is answered', async (t) => {
    const server = await start(t)
    const earlier = await readCounts(server, 'rollcall_commit_facts', 'rollcall_commit_facts_sum')
    assert.deepEqual(earlier, [])
    const events = Array.from({ length: 30 }, (_, n) => ({
      id: `${n}`,
      type: 'session-started',
      at: Date.now(),
      roomId: `${n}`,
    }))
    await server.call('POST', '/v2/events', { events })
    await assertCounts(server, ['rollcall_commit_facts', 'rollcall_commit_facts_sum'], ['30'])
    const { samples } = (await scrape(server)).get('rollcall_commit_duration_seconds') ?? assert.fail()
    const of = (name: string) => samples.find((sample) => sample.name.endsWith(name))?.value ?? 0
    assert.ok(of('_count') > 1 && of('_sum') > 0)
    await assertCounts(server, ['rollcall_facts_waiting'], [])
  })
})

test('sessions and sockets that are open are told, and sockets that ended by the name of their close', async (t) => {
  const server = await start(t)
  const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
  const ann = await join(server, room.roomId, 'ann')
  const bob = await join(server, room.roomId, 'bob')
  const stranger = await connect(server)
  await assertCounts(server, ['rollcall_sessions_open'], ['1'])
  await assertCounts(server, ['rollcall_rtc_sockets'], ['3'])

  stranger.send({ type: 'join', token: 'bad', roomId: room.roomId })
  assert.equal(await stranger.closed, 'INVALID_TOKEN')
  ann.socket.terminate()
  bob.send({ type: 'leave' })
  await bob.closed
  await assertCounts(server, ['rollcall_rtc_closes_total'], ['INVALID_TOKEN 1', 'DISCONNECTED 1', 'NORMAL 1'])
  await assertCounts(server, ['rollcall_rtc_sockets'], [])
  await server.call('POST', '/v2/sessions/end', { roomId: room.roomId })
  await assertCounts(server, ['rollcall_sessions_open'], [])
})

test('a number that cannot be told is left out, and all others are there', async (t) => {
  const server = await start(t)
  t.mock.method(server.context.reads.sessions, 'countRunning', async () => {
    throw new Error('the disk is gone')
  })
  const families = await scrape(server)
  assert.deepEqual(families.get('rollcall_sessions_open')?.samples, [])
  assert.equal(families.get('rollcall_rtc_sockets')?.samples[0]?.value, 0)
})
