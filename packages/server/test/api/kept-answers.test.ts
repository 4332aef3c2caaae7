import assert from 'node:assert/strict'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import { Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { TokenClaims } from '@rollcall/protocol'
import { createLog } from '../../src/runtime/log.ts'
import { parseMetrics } from '../support/clients/prometheus.ts'
import { openRaw, type RawClient } from '../support/clients/raw-client.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Asked = { path: string; token: string; headers?: { [name: string]: string } }
type Raw = { status: number; head: string; body: string; requestId: string; etag: string | undefined }

/** How many requests came to a route: an answer without one was kept. */
let routed = 0
const handled = {
  start() {
    routed += 1
  },
}
before(() => tracingChannel('fastify.request.handler').subscribe(handled as never))
after(() => tracingChannel('fastify.request.handler').unsubscribe(handled as never))

/** Of a request that says it has a body, even an empty one, nothing is remembered: the route answers it. */
const byRoute = { 'content-length': '0' }

/** A request over a connection that is kept, and its answer as it came. */
async function ask(client: RawClient, { path, token, headers = {} }: Asked, method = 'GET'): Promise<Raw> {
  const from = client.received().length
  const lines = Object.entries({ host: 'rollcall.test', authorization: token, ...headers })
  client.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
  const bytes = await client.until((all) => isWhole(all.subarray(from), method))
  const text = bytes.toString('latin1', from)
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end)
  const read = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()
  const [requestId = '', etag] = [read('x-request-id'), read('etag')]
  return { status: Number(head.slice(9, 12)), head, body: text.slice(end + 4), requestId, etag }
}

function isWhole(answer: Buffer, method: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return false
  const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(answer.toString('latin1', 0, end)) ?? []
  return answer.length >= end + 4 + (method === 'HEAD' ? 0 : Number(length))
}

/** But for what is another each time. */
function alike({ head, body }: Raw): { head: string; body: string } {
  return { head: head.replaceAll(/^(date|x-request-id|ratelimit-remaining): .*$/gim, '$1'), body: unnamed(body) }
}

function unnamed(text: string): string {
  return text.replaceAll(/"requestId":"[^"]+"/g, '"requestId":""')
}

/** A server whose clock a test moves, and what it logged. */
async function start(env: { [name: string]: string } = {}) {
  const lines: { [key: string]: unknown }[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line))
      done()
    },
  })
  let aheadMs = 0
  const clock = { now: () => Date.now() + aheadMs }
  const server = await startServer(env, { log: createLog('trace', stream), clock })
  const rooms = ['math', 'art'].map((customRoomId) => ({ customRoomId, roomId: '' }))
  for (const room of rooms) {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: room.customRoomId })
    room.roomId = body.roomId
    await addSession(server, room.roomId)
  }
  return {
    server,
    rooms,
    client: await openRaw(server),
    lines,
    pass(ms: number) {
      aheadMs += ms
    },
    /** What was logged of a request, once it was. */
    async linesOf(requestId: string) {
      const own = () => lines.filter((line) => line.requestId === requestId)
      while (!own().some(({ msg }) => msg === 'request')) await new Promise(setImmediate)
      return own().map(({ requestId: _, ms, time, ...line }) => ({ ...line, ms: typeof ms, time: typeof time }))
    },
  }
}
type Started = Awaited<ReturnType<typeof start>>

let sessions = 0
async function addSession(server: TestServer, roomId: string): Promise<void> {
  const startAt = server.context.clock.now() - 3_600_000 + sessions++
  const stays = [{ participantId: 'ana', name: 'Ána “A” 🎓', joinedAt: startAt, leftAt: startAt + 60_000 }]
  await recordSession(server, { roomId, startAt, endAt: startAt + 60_000, stays })
}

/** What a request adds to the counters, but for how long it took. */
async function readCounters(server: TestServer): Promise<Map<string, number>> {
  const families = parseMetrics(await (await fetch(`${server.url}/metrics`)).text())
  const samples = [...families].filter(([name]) => name.startsWith('rollcall_http_')).flatMap(([, one]) => one.samples)
  return new Map(
    samples
      .filter(({ name, labels }) => /_(count|total)$/.test(name) && labels.route !== '/metrics')
      .map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]),
  )
}

/** Gives an answer with all that the server says of it: what it logged, and what it counted since the one before. */
async function createObserver({ server, client, linesOf }: Started) {
  let counters = await readCounters(server)
  return async (asked: Asked, method: string) => {
    const routedBefore = routed
    const answer = await ask(client, asked, method)
    const isKept = routed === routedBefore
    const lines = await linesOf(answer.requestId)
    const before = counters
    counters = await readCounters(server)
    const steps = [...counters].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
    const counted = Object.fromEntries(steps.filter(([, step]) => step !== 0))
    return { answer, isKept, told: { ...alike(answer), lines, counted } }
  }
}

/** Asks until the answer is kept: it is asked for, asked for again, and found. */
async function remember(client: RawClient, asked: Asked): Promise<Raw> {
  for (let i = 0; i < 4; i++) {
    const before = routed
    const answer = await ask(client, asked)
    if (routed === before) return answer
  }
  return assert.fail(`${asked.path} is not kept`)
}

describe('an answer that is kept', () => {
  let started: Started
  before(async () => {
    started = await start()
  })
  after(() => started.server.stop())

  const makeScopedKey = (scopes: ['read'] | ['rooms']) =>
    started.server.context.reads.keys.find(started.server.apiKey).then((key) =>
      started.server.context.writes.scopedKeys.add({
        keyId: key?.keyId ?? 0,
        name: 'a part',
        scopes,
        expiresAt: null,
      }),
    )
  const sign = (key: { apiKey: string; secret: string }, claims: Partial<TokenClaims> = {}, lifetimeMs = 3_600_000) =>
    signToken(key, { roles: ['crawler'], ...claims }, { now: started.server.context.clock.now(), lifetimeMs })

  test('is that of the route, byte for byte, and logged, counted and measured the same, whatever changes', async () => {
    const { server, rooms, pass } = started
    const { writes } = server.context
    const reading = await makeScopedKey(['read'])
    const { keyId } = reading
    const neighbour = await addNeighbour(server)
    const [math, art] = rooms
    const tokens = [
      ...[await server.sign(), await server.sign(), `Bearer ${await server.sign()}`],
      await server.sign({ roomId: math?.roomId ?? '' }),
      ...[await sign(neighbour), await sign(reading), await sign(await makeScopedKey(['rooms']))],
      ...[
        await sign(neighbour, {}, 20_000),
        await sign(reading, {}, 60_000),
        await sign(neighbour, { roles: ['rtc'] }),
      ],
      ...['not.a.token', ''],
    ]
    const paths = [
      ...[
        '/v2/sessions',
        '/v2/sessions/',
        '//v2/sessions?',
        '/v2/sessions?perPage=1',
        '/v2/sessions?perPage=01&page=1',
      ],
      ...[`/v2/sessions?roomId=${math?.roomId}`, `/v2/sessions?roomId=${art?.roomId}&roomId=x`, '/v2/sessions?page=0'],
      ...['/v1/meeting-sessions?perPage=1', '/daily/v1/meetings', '/daily/v1/meetings?limit=1&no_participants=true'],
      ...['/v2/sessions?customRoomId=m%61th', '/v2/sessions?format=csv', '/v2/sessions?search=math', '/v2/nothing'],
    ]
    const changes = [
      () => addSession(server, math?.roomId ?? ''),
      () => addSession(server, art?.roomId ?? ''),
      () => writes.scopedKeys.update({ keyId, apiKey: reading.apiKey, disabled: true }),
      () => writes.scopedKeys.update({ keyId, apiKey: reading.apiKey, disabled: false }),
      async () => pass(1000),
    ]
    let seed = 7
    const next = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    const pick = <T>(all: T[]): T => all[next(all.length)] as T
    const observe = await createObserver(started)
    const etags = new Map<string, string>()
    const kept = { 200: 0, 304: 0 }
    for (let step = 0; step < 300; step++) {
      if (next(12) === 0) await pick(changes)()
      // Mostly what was asked before.
      const asked = {
        path: paths[Math.min(next(paths.length), next(paths.length), next(paths.length))] ?? '',
        token: tokens[Math.min(next(tokens.length), next(tokens.length))] ?? '',
      }
      const etag = etags.get(asked.path) ?? '"none"'
      const others = [
        ...[
          {},
          {},
          {},
          { 'if-none-match': etag },
          { 'if-none-match': `W/"x", ${etag}` },
          { origin: 'https://a.example' },
        ],
        ...[
          { accept: 'text/csv', 'accept-encoding': 'br' },
          { host: 'other.test' },
          { 'x-forwarded-host': 'evil.test' },
        ],
        { range: 'bytes=0-9' },
      ]
      const headers = pick(others)
      const method = next(20) === 0 ? 'HEAD' : 'GET'
      const short = await observe({ ...asked, headers }, method)
      const long = await observe({ ...asked, headers: { ...headers, ...byRoute } }, method)
      const what = `${method} ${asked.path} ${JSON.stringify(headers)} of token ${tokens.indexOf(asked.token)}`
      assert.deepEqual(short.told, long.told, what)
      const { status } = short.answer
      if (short.isKept && (status === 200 || status === 304)) kept[status] += 1
      if (short.answer.etag !== undefined) etags.set(asked.path, short.answer.etag)
    }
    assert.ok(kept[200] > 30 && kept[304] > 3, JSON.stringify(kept))
  })

  test('is made twice at most: it is kept from the second time on, and at once after that', async (t) => {
    const { server, client, rooms } = started
    const { list } = server.context.reads.sessions
    const read = t.mock.method(server.context.reads.sessions, 'list', list)
    const asked = { path: '/v2/sessions?perPage=7', token: await server.sign() }
    const made = async () => {
      await ask(client, asked)
      return read.mock.callCount()
    }
    assert.deepEqual([await made(), await made(), await made(), await made()], [1, 2, 2, 2])
    await addSession(server, rooms[0]?.roomId ?? '')
    assert.deepEqual([await made(), await made()], [3, 3])
  })

  test('is given to nobody whose key was disabled, rotated or removed since', async () => {
    const { server, client } = started
    const { writes } = server.context
    const ends: ((of: { keyId: number; apiKey: string }) => Promise<unknown>)[] = [
      (of) => writes.scopedKeys.update({ ...of, disabled: true }),
      (of) => writes.scopedKeys.rotate({ ...of, previousUntil: 0 }),
      (of) => writes.scopedKeys.remove(of),
    ]
    for (const end of ends) {
      const key = await makeScopedKey(['read'])
      const asked = { path: '/v2/sessions', token: await sign(key) }
      assert.equal((await remember(client, asked)).status, 200)
      await end({ keyId: key.keyId, apiKey: key.apiKey })
      const unknown = await ask(client, { ...asked, token: await sign({ ...key, apiKey: 'unknown' }) })
      assert.deepEqual(alike(await ask(client, asked)), alike(unknown))
      assert.equal(unknown.status, 401)
    }
  })

  test('is given no longer than the token is good', async () => {
    const { server, client, pass } = started
    const asked = { path: '/v2/sessions', token: await sign(await makeScopedKey(['read']), {}, 30_000) }
    await remember(client, asked)
    pass(30_000)
    assert.ok(server.context.clock.now() > Date.now())
    assert.equal((await ask(client, asked)).status, 401)
  })

  test('is the record’s of now, at once after each write', async () => {
    const { server, client, rooms } = started
    const asked = { path: '/v2/sessions?perPage=1', token: await server.sign() }
    for (let i = 0; i < 3; i++) {
      const { body } = await remember(client, asked)
      await addSession(server, rooms[i % 2]?.roomId ?? '')
      assert.notEqual((await ask(client, asked)).body, body)
    }
  })

  test('depends on no header that it is not found by, or that it does not look at', async () => {
    const { server, client } = started
    const read = new Set<string>()
    const watch = (message: unknown) => {
      const { request } = message as { request: IncomingMessage }
      request.headers = new Proxy(request.headers, {
        get(headers, name) {
          if (typeof name === 'string') read.add(name)
          return Reflect.get(headers, name)
        },
      })
    }
    subscribe('http.server.request.start', watch)
    try {
      for (const path of ['/v2/sessions?perPage=3', '/daily/v1/meetings?limit=3']) {
        const asked = { path, token: await server.sign(), headers: byRoute }
        for (let i = 0; i < 3; i++) assert.equal((await ask(client, asked)).status, 200)
      }
    } finally {
      unsubscribe('http.server.request.start', watch)
    }
    const foundBy = ['authorization', 'host', 'x-forwarded-host', 'x-forwarded-proto']
    const lookedAt = ['content-length', 'transfer-encoding', 'x-request-id', 'if-none-match']
    // Of those the answer is the same, whatever they say: any site may read it, and of the others Node tells.
    const others = ['origin', 'connection', 'expect']
    const known = [...foundBy, ...lookedAt, ...others]
    assert.deepEqual(
      [...read].filter((name) => !known.includes(name)),
      [],
    )
    for (const name of ['authorization', 'host', 'if-none-match']) assert.ok(read.has(name), name)
  })
})

test('what is kept is for the address that a proxy names, where one is believed', async () => {
  const { server, client } = await start({ ROLLCALL_TRUST_PROXY: 'on' })
  try {
    const token = await server.sign()
    for (const name of ['a.test', 'b.test', 'a.test', 'b.test', 'a.test', 'b.test', 'a.test']) {
      const headers = { 'x-forwarded-host': name, 'x-forwarded-proto': 'https' }
      const { body } = await ask(client, { path: '/v2/sessions', token, headers })
      assert.match(body, new RegExp(`"get_room":"https://${name}/v2/rooms/`))
    }
    const before = routed
    await ask(client, {
      path: '/v2/sessions',
      token,
      headers: { 'x-forwarded-host': 'a.test', 'x-forwarded-proto': 'https' },
    })
    assert.equal(routed, before)
  } finally {
    await server.stop()
  }
})

test('who asks too often for what is kept is told so', async () => {
  const { server, client } = await start({ ROLLCALL_RATE_LIMIT: '20' })
  try {
    const asked = { path: '/v2/sessions', token: await server.sign() }
    await remember(client, asked)
    const others = await Promise.all(Array.from({ length: 50 }, () => openRaw(server)))
    const statuses = new Set<number>()
    for (let i = 0; i < 20 && !statuses.has(429); i++) {
      const answers = await Promise.all(others.map((one) => ask(one, asked)))
      for (const { status } of answers) statuses.add(status)
    }
    assert.deepEqual([...statuses].sort(), [200, 429])
  } finally {
    await server.stop()
  }
})

test('while the server stops, what is kept closes its connection like every answer', async (t) => {
  const { server, client } = await start()
  const asked = { path: '/v2/sessions', token: await server.sign() }
  await remember(client, asked)
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const { rooms } = server.context.reads
  t.mock.method(rooms, 'list', async () => {
    reached.resolve()
    await held.promise
    throw new Error('not asked for')
  })
  const from = client.received().length
  client.write(`GET /v2/rooms HTTP/1.1\r\nhost: a\r\nauthorization: ${asked.token}\r\n\r\n`)
  await reached.promise
  const stopped = server.stop()
  const heard = Promise.withResolvers<unknown>()
  subscribe('http.server.request.start', heard.resolve)
  client.write(`GET ${asked.path} HTTP/1.1\r\nhost: rollcall.test\r\nauthorization: ${asked.token}\r\n\r\n`)
  await heard.promise
  unsubscribe('http.server.request.start', heard.resolve)
  held.resolve()
  const answers = (await client.closed).toString('latin1', from).split('HTTP/1.1 ')
  assert.match(answers.at(-1) ?? '', /^200 OK\r\n[\s\S]*^connection: close\r$/im)
  await stopped
})
