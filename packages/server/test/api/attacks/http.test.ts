import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { readAnswers } from '../../../../../fuzz/read-answers.ts'
import { type Timeouts, timeouts } from '../../../src/api/limits.ts'
import type { OpenApiDocument } from '../../../src/api/openapi/openapi-document.ts'
import { openRaw, sendRaw } from '../../support/clients/raw-client.ts'
import { describeServer } from '../../support/documents/openapi-check.ts'
import { recordSession } from '../../support/record-session.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

let server: TestServer
let token: string
let roomId: string
let sessionId: string
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  token = await server.sign()
  const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'secret room' })
  roomId = room.roomId
  const stays = [{ participantId: 'secret person', name: 'Secret Name', joinedAt: Date.now() - 2000 }]
  sessionId = await recordSession(server, { roomId, startAt: Date.now() - 2000, endAt: Date.now() - 1000, stays })
})
after(() => server.stop())

/** A request with a good token, its target as it is. */
const get = (target: string, head = '') =>
  `GET ${target} HTTP/1.1\r\nhost: a\r\nauthorization: ${token}\r\n${head}connection: close\r\n\r\n`
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])
const answersIn = (text: string) => text.split(/^HTTP\/1\.1 /m).length - 1

describe('a request that two readers would read differently', () => {
  const post = 'POST /v2/rooms HTTP/1.1\r\nhost: a\r\n'
  const hidden = 'GET /v2/sessions HTTP/1.1\r\nhost: a\r\n\r\n'
  const requests: [what: string, text: string][] = [
    ['a length and chunks', `${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
    ['two lengths', `${post}content-length: 0\r\ncontent-length: 5\r\n\r\n${hidden}`],
    ['two lengths in one', `${post}content-length: 0, 5\r\n\r\n${hidden}`],
    ['a length with a sign', `${post}content-length: +5\r\n\r\n${hidden}`],
    ['a negative length', `${post}content-length: -1\r\n\r\n${hidden}`],
    ['chunks by another name', `${post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
    ['chunks that are not last', `${post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`],
    ['a chunk whose size is none', `${post}transfer-encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n${hidden}`],
    ['a space before the colon', `${post}content-length : 5\r\n\r\nabcde${hidden}`],
    ['line ends without a return', `${post.replaceAll('\r', '')}content-length: 5\n\nabcde${hidden}`],
    ['a header on two lines', `${post}x: a\r\n content-length: 5\r\n\r\nabcde${hidden}`],
    ['a zero byte in a header', `${post}x: a\0b\r\n\r\n${hidden}`],
    ['a return in a header', `${post}x-request-id: a\rset-cookie: b\r\n\r\n${hidden}`],
    ['the start of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`],
    ['a method that is none', `get /v2/sessions HTTP/1.1\r\nhost: a\r\n\r\n${hidden}`],
    ['another protocol', `GET /v2/sessions RTSP/1.0\r\nhost: a\r\n\r\n${hidden}`],
  ]
  for (const [what, text] of requests) {
    test(`is refused and ends the connection: ${what}`, async () => {
      const answer = await sendRaw(server, text)
      assert.equal(statusOf(answer), 400, answer)
      assert.equal(answersIn(answer), 1, answer)
    })
  }
})

describe('a path', () => {
  const targets = [
    '/v2/../livez',
    '/v2/%2e%2e/livez',
    '/v2/..%2flivez',
    '/v2/..%5clivez',
    '/v2/%252e%252e/livez',
    '/v2/sessions%2f',
    '/v2/sessions%00',
    '/v2/sessions%20',
    '/v2/sessions;id=1',
    '/v2/sessions/..%2frooms',
    '/v2/sessions/%2e%2e%2frooms',
    '/v2/sessions/%00',
    '/v2/sessions/%c0%ae%c0%ae%c0%af',
    '/v2/sessions/%',
    '/v2/sessions/%f',
    '/v2/sessions/%zz',
    '/v2/sessions/%u002e',
    '/v2/sessions/%ff%fe',
    '/v2/sessions/%ed%a0%80',
    '/V2/Sessions',
    '/v2\\sessions',
    '/v2/%73essions%0d%0a',
    '/%ef%bd%96%32/sessions',
    '/.%2f/v2/sessions',
    '/./v2/sessions',
    '/%2fv2/sessions',
    '//evil.example/v2/sessions',
    'v2/sessions',
    '?',
    '#/v2/sessions',
    `/${'a/'.repeat(5000)}`,
    `/v2/sessions/${'%41'.repeat(3000)}`,
  ]
  for (const target of targets) {
    test(`leads nowhere: ${target.slice(0, 40)}`, async () => {
      const answer = await sendRaw(server, get(target))
      assert.ok([400, 404].includes(statusOf(answer)), answer)
      assert.doesNotMatch(answer, /pageInfo|secret|"status":"ok"/i)
      assert.match(answer, /\r\n\r\n\{"statusCode":4\d\d,"error":".*","code":"[A-Z_]+","requestId":"[^"]+"\}$/s)
    })
  }

  test('or a query of line ends writes no header', async () => {
    const line = '%0d%0aset-cookie:%20a=b%0d%0a%0d%0a<script>'
    for (const target of [`/v2/rooms/${line}`, `/v2/sessions/${line}`, `/v2/${line}`, `/v2/sessions?page=${line}`]) {
      const [head = '', body = ''] = (await sendRaw(server, get(target))).split('\r\n\r\n')
      assert.doesNotMatch(head, /set-cookie/i)
      assert.match(head, /content-type: application\/json/)
      assert.equal(typeof JSON.parse(body).error, 'string')
    }
  })
})

describe('a host', () => {
  test('that one caller makes up is in no other caller’s answer', async () => {
    const ask = async (host: string) =>
      (await server.call('GET', '/v2/sessions?status=ended', undefined, { headers: { host } })).text
    const own = await ask('rooms.example')
    assert.match(await ask('evil.example'), /http:\/\/evil\.example\/v2/)
    assert.equal(await ask('rooms.example'), own)
    assert.doesNotMatch(own, /evil/)
  })
})

describe('SQL', () => {
  const texts = [
    "' or 1=1 --",
    "x'; drop table sessions; --",
    "' union select secret from keys --",
    '" or ""="',
    '%',
    "secret%' --",
    '1 or 1=1',
    '\\',
    '\0',
  ]

  test('in any parameter of any route is a text like others: it finds nothing, and breaks nothing', async () => {
    const { document } = await describeServer(server.url)
    const ask = async () => (await server.call('GET', `/v2/sessions/${sessionId}/participants`)).text
    const kept = await ask()
    for (const text of texts) {
      for (const { method, path, body } of listWith(document, text)) {
        const { status, text: told } = await server.call(method, path, body)
        const what = `${method} ${path} ${JSON.stringify(body)}: ${status} ${told}`
        assert.ok(status < 500, what)
        assert.doesNotMatch(told, /sqlite|syntax error|secret person|Secret Name/i, what)
      }
    }
    assert.equal(await ask(), kept)
  })

  test('in any text of an event is kept and found as it is', async () => {
    for (const text of texts.filter((one) => one !== '\0')) {
      const ids = { id: text, roomId: text, participantId: text, sessionKey: text, connectionId: text }
      const event = {
        ...ids,
        type: 'participant-joined',
        // Before now all of such names was erased by the calls above.
        at: Date.now(),
        name: text,
        metadata: { [text]: text },
      }
      const { body } = await server.call<{ results: object[] }>('POST', '/v2/events', { events: [event] })
      assert.deepEqual(body.results, [{ id: text, outcome: 'recorded' }])
      const sent = encodeURIComponent(text)
      for (const query of [`participantId=${sent}`, `customRoomId=${sent}`, `query=${sent}&participantId=${sent}`]) {
        const { body: list } = await server.call<SessionPage>('GET', `/v2/sessions?${query}`)
        assert.deepEqual(
          list.data.map(({ participants }) => participants.map(({ name }) => name)),
          [[text]],
          query,
        )
      }
    }
  })

  /** Each route with the text in one place of its path, its query or its body. */
  function listWith(document: OpenApiDocument, text: string): { method: string; path: string; body?: object }[] {
    const sent = encodeURIComponent(text)
    return Object.entries(document.paths).flatMap(([template, operations]) =>
      Object.entries(operations).flatMap(([name, { parameters = [], requestBody }]) => {
        const method = name.toUpperCase()
        const path = template.replace(/\{\w+\}/g, sent)
        const queries = parameters.filter((one) => one.in === 'query').map((one) => `${path}?${one.name}=${sent}`)
        const { properties = {}, required = [] } = requestBody?.content['application/json']?.schema ?? {}
        const others = Object.fromEntries(required.map((field) => [field, 'x']))
        const bodies = Object.keys(properties).map((field) => ({ ...others, [field]: text }))
        const paths = path === template ? queries : [path, ...queries]
        return [...paths.map((path) => ({ method, path })), ...bodies.map((body) => ({ method, path, body }))]
      }),
    )
  }
})

describe('a name that every object has', () => {
  const odd = JSON.parse('{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}},"toString":1}')

  test('does nothing in an event, a room or a query, and is kept where anything is', async () => {
    const at = Date.now() - 1000
    const event = {
      id: 'odd',
      type: 'participant-joined',
      at,
      roomId: 'odd',
      participantId: '__proto__',
      name: 'constructor',
    }
    const events = [{ ...event, metadata: odd, __proto__: odd }, odd, { ...event, id: 'x', type: '__proto__' }]
    const text = JSON.stringify({ events, source: 'odd' }).replace(
      '"metadata"',
      '"__proto__":{"polluted":"yes"},"metadata"',
    )
    const { body } = await server.call<{ results: { outcome: string }[] }>('POST', '/v2/events', text, {
      headers: { 'content-type': 'application/json' },
    })
    assert.deepEqual(
      body.results.map(({ outcome }) => outcome),
      ['recorded', 'refused', 'refused'],
    )
    const found = await server.call<SessionPage>('GET', '/v2/sessions?participantId=__proto__')
    assert.deepEqual(found.body.data[0]?.participants[0]?.name, 'constructor')
    for (const id of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.equal((await server.call('GET', `/v2/rooms/${id}`)).status, 404)
      assert.equal((await server.call('GET', `/v2/sessions/${id}`)).status, 404)
      assert.equal((await server.call('GET', `/v2/sessions?${id}=1&status=${id}`)).status, 400)
    }
    assert.equal(({} as { polluted?: string }).polluted, undefined)
  })
})

describe('a body', () => {
  const post = (path: string, body: string, type = 'application/json') =>
    server.call('POST', path, body, { headers: { 'content-type': type } })

  test('nested deeper than the stack is read or refused, and breaks nothing', async () => {
    const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000)
    for (const value of [deep('[', ']'), deep('{"a":', '}').replace('{"a":}', '{"a":1}')]) {
      for (const field of ['customRoomId', 'webhook', 'allowedParticipantIds', 'unknown']) {
        const { status } = await post('/v2/rooms', `{"${field}":${value}}`)
        assert.equal(status, field === 'unknown' ? 200 : 400)
      }
      const event = `{"id":"deep","type":"participant-joined","at":1,"roomId":"r","participantId":"p","metadata":${value}}`
      const { body } = await post('/v2/events', `{"events":[${event}]}`)
      assert.match(JSON.stringify(body), /"refused"/)
    }
  })

  test('that is a form of many names is read like any other', async () => {
    const form = 'application/x-www-form-urlencoded'
    assert.equal((await post('/v2/rooms', '&a=1'.repeat(200_000), form)).status, 200)
    assert.equal((await post('/v2/rooms', '&customRoomId=a'.repeat(50_000), form)).status, 400)
    assert.equal((await post('/v2/rooms', '%'.repeat(1_000_000), form)).status, 200)
  })

  test('that never ends is refused at the limit', async () => {
    const client = await openRaw(server)
    client.write(`POST /v2/rooms HTTP/1.1\r\nhost: a\r\nauthorization: ${token}\r\ntransfer-encoding: chunked\r\n\r\n`)
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const writing = setInterval(() => client.write(chunk), 1)
    const answer = (await client.closed).toString()
    clearInterval(writing)
    assert.equal(statusOf(answer), 413, answer)
  })
})

describe('a client that takes its time', () => {
  const short: Timeouts = { ...timeouts, headersMs: 300, requestMs: 600, stalledMs: 500, keepAliveMs: 300, checkMs: 50 }
  let hurried: TestServer
  before(async () => {
    hurried = await startServer({}, { timeouts: short })
  })
  after(() => hurried.stop())

  /** Writes a piece now and then, until the server closes. */
  async function drip(start: string, piece: string): Promise<string> {
    const client = await openRaw(hurried)
    client.write(start)
    const dripping = setInterval(() => client.write(piece), 20)
    const answer = (await client.closed).toString()
    clearInterval(dripping)
    return answer
  }

  test('over its headers or its body is told so, and the connection closed', async () => {
    const slow = await Promise.all([
      drip('GET /v2/sessions HTTP/1.1\r\n', 'x-a: b\r\n'),
      drip('GET /v2/sess', 'i'),
      drip('POST /v2/rooms HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n', 'x'),
      drip('POST /v2/rooms HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n', '1\r\nx\r\n'),
    ])
    for (const answer of slow) assert.match(answer, /HTTP\/1\.1 (408|401) [\s\S]*"error":"/)
  })

  test('over its first byte, or its next request, is closed', async () => {
    assert.equal(statusOf((await (await openRaw(hurried)).closed).toString()), 408)
    const client = await openRaw(hurried)
    client.write('GET /livez HTTP/1.1\r\nhost: a\r\n\r\n')
    assert.equal(answersIn((await client.closed).toString()), 1)
  })

  test('over reading what it asked for is cut off', async () => {
    const { keyId } = (await hurried.context.reads.keys.find(hurried.apiKey)) ?? assert.fail()
    const webhook = { endPoint: `https://a.example/${'x'.repeat(2000)}`, events: Array(100).fill('x'.repeat(100)) }
    // More than the system keeps for a reader who does not read.
    await Promise.all(Array.from({ length: 1000 }, () => hurried.context.writes.rooms.create({ keyId, webhook })))
    const client = await openRaw(hurried)
    client.socket.pause()
    const head = `host: a\r\nauthorization: ${await hurried.sign()}\r\n`
    client.write(`GET /v2/rooms?perPage=1000 HTTP/1.1\r\n${head}\r\n`)
    await new Promise((resolve) => setTimeout(resolve, 5 * short.stalledMs))
    client.socket.resume()
    const answer = await client.closed
    const length = Number(/content-length: (\d+)/i.exec(answer.subarray(0, 1000).toString())?.[1])
    assert.ok(length > 10_000_000 && answer.length < length, `${answer.length} of ${length} bytes`)
  })

  test('holds up nobody else', async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => openRaw(hurried)))
    for (const client of slow) client.write('GET /livez HTTP/1.1\r\nx: ')
    assert.equal((await hurried.call('GET', '/v2/sessions')).status, 200)
    await Promise.all(slow.map((client) => client.closed))
  })
})

test('requests that expect to be told to go on are answered in order, each whole, also where they come at once', async () => {
  const token = await server.sign()
  const { body: room } = await server.call<{ roomId: string }>('POST', '/v2/rooms', {})
  const at = new Date().toISOString()
  const joined = { id: '1', type: 'participant-joined', participantId: 'ann', roomId: room.roomId, at }
  await server.call('POST', '/v2/events', { events: [joined] })
  const { body } = await server.call<{ data: { id: string }[] }>('GET', `/v2/sessions?roomId=${room.roomId}`)
  const path = `/v2/sessions/${body.data[0]?.id}`
  const ask = (line: string, more = '') => `${line} HTTP/1.1\r\nhost: a\r\nauthorization: ${token}\r\n${more}`
  const expecting = 'expect: 100-continue\r\n'
  const received = await sendRaw(
    server,
    [
      ask(`GET ${path}`, '\r\n'),
      ask(`GET ${path}`, `${expecting}\r\n`),
      ask('POST /v2/rooms', `${expecting}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`),
      ask(`GET ${path}`, `${expecting}connection: close\r\n\r\n`),
    ].join(''),
  )
  const answers = readAnswers(Buffer.from(received))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  for (const { text } of answers) assert.doesNotThrow(() => JSON.parse(text), text)
  assert.equal(received.match(/HTTP\/1\.1 100 /g)?.length, 3)
})

test('a request that expects what no server does is answered all the same', async () => {
  for (const expected of ['nothing', '200-ok']) {
    const answer = await sendRaw(server, get('/v2/rooms', `expect: ${expected}\r\n`))
    assert.equal(statusOf(answer), 200, answer)
  }
})

test('a first request that offers HTTP/2 is answered in HTTP/1.1', async () => {
  const offer = 'upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nconnection: upgrade, http2-settings\r\n'
  const client = await openRaw(server)
  client.write(get('/v2/sessions', offer).replace('connection: close\r\n', ''))
  const answer = (await client.until((received) => received.includes('pageInfo'))).toString()
  assert.match(answer, /^HTTP\/1\.1 200 /)
  client.socket.destroy()
})
