import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test'
import { Rollcall, RollcallError, type RollcallOptions, signToken } from '@rollcall/client'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

type Trouble = (response: ServerResponse) => void

/** What stands before the server: each trouble meets one request, and what comes after is passed on. */
async function startFront(...troubles: Trouble[]) {
  const requests: string[] = []
  const front = createServer(async (incoming: IncomingMessage, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    const trouble = troubles.shift()
    if (trouble !== undefined) return trouble(outgoing)
    const { authorization = '' } = incoming.headers
    const answer = await fetch(server.url + incoming.url, { method: incoming.method ?? '', headers: { authorization } })
    outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  return {
    requests,
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      front.closeAllConnections()
      return new Promise<void>((resolve) => front.close(() => resolve()))
    },
  }
}

const answer =
  (status: number, headers: { [name: string]: string } = {}, body = 'busy'): Trouble =>
  (response) =>
    response.writeHead(status, headers).end(body)
const hangUp: Trouble = (response) => response.destroy()

describe('a request that reads', () => {
  /** The waits that were asked for; none is waited out. */
  let waitsMs: number[]
  beforeEach(() => {
    waitsMs = []
    const { setTimeout } = globalThis
    mock.method(globalThis, 'setTimeout', (work: () => void, ms = 0, ...rest: unknown[]) => {
      waitsMs.push(ms)
      return setTimeout(work, 0, ...rest)
    })
  })
  afterEach(() => mock.restoreAll())

  test('is tried again through a network that fails and a server that is busy or away', async () => {
    await using front = await startFront(hangUp, answer(503), answer(429), answer(502))
    const { data } = await new Rollcall({ ...keyOf(server), url: front.url }).sessions.list().page()
    assert.deepEqual(data, [])
    assert.equal(front.requests.length, 5)
  })

  test('is tried five times and no more, and then tells the last failure', async () => {
    await using busy = await startFront(...Array<Trouble>(9).fill(answer(503)))
    await assert.rejects(new Rollcall({ ...keyOf(server), url: busy.url }).sessions.get('x'), { statusCode: 503 })
    assert.equal(busy.requests.length, 5)
    await using impatient = await startFront(...Array<Trouble>(9).fill(answer(503)))
    const { sessions } = new Rollcall({ ...keyOf(server), url: impatient.url, tries: 2 })
    await assert.rejects(sessions.get('x'), { statusCode: 503 })
    assert.equal(impatient.requests.length, 2, 'or as often as is asked for')
    await using away = await startFront(...Array<Trouble>(9).fill(hangUp))
    await assert.rejects(new Rollcall({ ...keyOf(server), url: away.url }).sessions.get('x'), (error) => {
      assert.ok(error instanceof RollcallError)
      assert.deepEqual([error.code, error.statusCode, error.requestId], ['UNREACHABLE', undefined, undefined])
      assert.match(error.message, /^GET http:\/\/127\.0\.0\.1:\d+\/v2\/sessions\/x was not answered: /)
      return true
    })
    assert.equal(away.requests.length, 5)
  })

  test('waits as long as Retry-After says, in seconds or as a date', async () => {
    const date = new Date(Date.now() + 20_000).toUTCString()
    await using front = await startFront(answer(503, { 'retry-after': '7' }), answer(429, { 'retry-after': date }))
    await new Rollcall({ ...keyOf(server), url: front.url }).sessions.list().page()
    assert.ok(waitsMs.includes(7000), String(waitsMs))
    assert.ok(
      waitsMs.some((ms) => ms > 7000 && ms <= 20_000),
      String(waitsMs),
    )
  })

  test('does not wait for a server that asks for more than half a minute', async () => {
    await using front = await startFront(answer(503, { 'retry-after': '3600' }))
    const { sessions } = new Rollcall({ ...keyOf(server), url: front.url })
    await assert.rejects(sessions.list().page(), { statusCode: 503, retryAfterSeconds: 3600 })
    assert.equal(front.requests.length, 1)
  })

  test('is not tried again where the answer would be the same', async () => {
    await using front = await startFront()
    const { sessions } = new Rollcall({ ...keyOf(server), url: front.url })
    await assert.rejects(sessions.get('none'), { statusCode: 404 })
    assert.equal(front.requests.length, 1)
  })

  test('that something else than Rollcall answers says so', async () => {
    for (const trouble of [answer(200, {}, '<html>'), answer(404, {}, '{"detail":"no"}'), answer(500)]) {
      await using front = await startFront(trouble)
      const { sessions } = new Rollcall({ ...keyOf(server), url: front.url })
      await assert.rejects(sessions.get('x'), { code: 'UNEXPECTED_ANSWER', message: /^GET .+ was answered \d{3}, / })
    }
  })

  test('and a request that changes something is tried once: twice might do it twice', async () => {
    for (const trouble of [hangUp, answer(503)]) {
      await using front = await startFront(trouble)
      await assert.rejects(new Rollcall({ ...keyOf(server), url: front.url }).rooms.create(), RollcallError)
      assert.deepEqual(front.requests, ['POST /v2/rooms'])
    }
  })
})

describe('the token of the API', () => {
  afterEach(() => mock.restoreAll())

  test('is signed by the client, and renewed before it expires', async () => {
    const { sessions } = new Rollcall(server)
    await sessions.list().page()
    // The server, in this process, goes by the same clock.
    const startedAt = Date.now()
    let later = 0
    mock.method(Date, 'now', () => startedAt + later)
    for (later = 0; later < 1_500_000; later += 300_000) {
      assert.deepEqual((await sessions.list().page()).data, [])
    }
  })

  test('is the one that is given, or what a function gives at each request', async () => {
    const token = await signToken(server, { roles: ['crawler'] })
    assert.deepEqual((await new Rollcall({ url: server.url, token }).sessions.list().page()).data, [])
    const tokens = [token, 'nonsense', token]
    const { sessions } = new Rollcall({ url: server.url, token: async () => tokens.shift() ?? '' })
    await sessions.list().page()
    await assert.rejects(sessions.list().page(), { statusCode: 401, code: 'TOKEN_INVALID' })
    await sessions.list().page()
    await assert.rejects(sessions.list().page(), { name: 'TypeError', message: /^token is / })
  })

  test('says role crawler: strict roles take it', async () => {
    const strict = await startServer({ ROLLCALL_STRICT_ROLES: 'on' })
    try {
      assert.deepEqual((await new Rollcall(strict).sessions.list().page()).data, [])
    } finally {
      await strict.stop()
    }
  })
})

describe('new Rollcall', () => {
  test('takes an address with a slash at the end, or below a path', async () => {
    await using front = await startFront()
    for (const [path, asked] of [
      ['/', '/v2/rooms/x'],
      ['/below//', '/below/v2/rooms/x'],
    ]) {
      await assert.rejects(new Rollcall({ ...keyOf(server), url: front.url + path }).rooms.get('x'), RollcallError)
      assert.equal(front.requests.at(-1), `GET ${asked}`)
    }
  })

  test('refuses what is no address, and what has no key, by name', () => {
    for (const url of ['', 'localhost:4000', 'ws://localhost', undefined]) {
      assert.throws(() => new Rollcall({ ...keyOf(server), url } as RollcallOptions), {
        name: 'TypeError',
        message: `url=${url} is not understood: it takes an http or https address, such as https://rooms.example.org`,
      })
    }
    for (const key of [{}, { apiKey: 'x' }, { apiKey: '', secret: '' }]) {
      assert.throws(() => new Rollcall({ url: server.url, ...key } as RollcallOptions), {
        message: 'Rollcall takes { url, apiKey, secret } or { url, token }',
      })
    }
  })
})

function keyOf({ apiKey, secret }: TestServer) {
  return { apiKey, secret }
}
