import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import type { OpenApiDocument } from '../../src/api/openapi/openapi-document.ts'
import { createLog } from '../../src/runtime/log.ts'
import { Refusal } from '../support/built-server.ts'
import { send, startServer, type TestServer } from '../support/start-server.ts'

const lines: { [key: string]: unknown }[] = []
let logged = ''
const stream = new Writable({
  write(chunk, _, done) {
    logged += chunk
    for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line))
    done()
  },
})

let server: TestServer
before(async () => {
  server = await startServer({}, { log: createLog('trace', stream) })
})
after(() => server.stop())

const json = { 'content-type': 'application/json' }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Sends raw bytes, and resolves with all that comes back until the server closes. */
async function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.write(text)
  await once(socket, 'close')
  return answer
}

describe('an error', () => {
  test('is one envelope with four keys, whose requestId is in the x-request-id header', async () => {
    const asked = await Promise.all([
      server.call('GET', '/v2/sessions/621497578bea0d0404c35c4c'),
      server.call('GET', '/v2/sessions', undefined, { token: null }),
      server.call('GET', '/v2/sessions', undefined, { token: 'x' }),
      server.call('GET', '/v2/sessions', undefined, { token: await server.sign({ roles: 'rtc' }) }),
      server.call('GET', '/v2/sessions?page=0'),
      server.call('GET', '/v2/nothing'),
      server.call('DELETE', '/v2/sessions'),
      server.call('GET', '/nothing'),
      server.call('GET', '/v2/sessions/%zz'),
      server.call('GET', `/v2/sessions/${'x'.repeat(5000)}`),
      server.call('POST', '/v2/rooms', '{"a":', { headers: json }),
      server.call('POST', '/v2/rooms', '<a/>', { headers: { 'content-type': 'text/xml' } }),
      server.call('POST', '/v2/rooms', '{}', { headers: { 'content-type': ';' } }),
      server.call('POST', '/v2/rooms', 'x'.repeat(2 * 1024 * 1024), { headers: json }),
    ])
    assert.deepEqual(
      asked.map(({ status }) => status),
      [404, 401, 401, 403, 400, 404, 405, 404, 400, 404, 400, 415, 415, 413],
    )
    for (const { status, headers, body } of asked) {
      const { message, ...four } = body
      assert.deepEqual(Object.keys(four), ['statusCode', 'error', 'code', 'requestId'])
      // Whoever brings a token that is not good is told the cause besides.
      assert.equal(message !== undefined, body.code === 'TOKEN_INVALID')
      assert.equal(body.statusCode, status)
      assert.equal(typeof body.error, 'string')
      assert.match(String(body.code), /^[A-Z_]+$/)
      assert.equal(body.requestId, headers['x-request-id'])
      assert.match(String(headers['content-type']), /^application\/json/)
    }
  })

  test('of ours shows nothing of the inside, and the log has it under the requestId', async (t) => {
    t.mock.method(server.context.reads.sessions, 'find', async () => {
      throw new Error('the inside: /var/lib/rollcall, select * from keys')
    })
    const { status, body, text } = await server.call('GET', '/v2/sessions/621497578bea0d0404c35c4c')
    assert.equal(status, 500)
    assert.equal(body.code, 'INTERNAL')
    assert.doesNotMatch(text, /inside|select|var/)
    const line = lines.find((one) => one.requestId === body.requestId && one.err !== undefined)
    assert.match(JSON.stringify(line), /the inside/)
  })

  test('of a full queue is 503 with the time to come back', async (t) => {
    t.mock.method(server.context.writes.rooms, 'create', async () => {
      throw new Refusal('BUSY', 'too many facts wait for the disk')
    })
    const { status, headers, body } = await server.call('POST', '/v2/rooms')
    assert.equal(status, 503)
    assert.equal(headers['retry-after'], '1')
    assert.equal(body.code, 'BUSY')
  })

  test('of a sender that speaks no HTTP, or too much of it, is answered and closed', async () => {
    assert.match(await sendRaw('hello\r\n\r\n'), /^HTTP\/1\.1 400 [\s\S]*"code":"BAD_REQUEST"/)
    const headers = `x: ${'y'.repeat(20_000)}`
    assert.match(await sendRaw(`GET / HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n`), /^HTTP\/1\.1 431 /)
    assert.match(await sendRaw('GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /)
  })
})

describe('a request', () => {
  test('keeps the x-request-id that it came with, where that is sane; else it gets one', async () => {
    const ask = async (id: string) => {
      const { headers, body } = await server.call('GET', '/v2/nothing', undefined, { headers: { 'x-request-id': id } })
      assert.equal(headers['x-request-id'], body.requestId)
      return body.requestId
    }
    assert.equal(await ask('req-1:a.b_c'), 'req-1:a.b_c')
    for (const odd of ['', 'a b', '"', 'x'.repeat(129), '<script>', '\u00e9']) assert.notEqual(await ask(odd), odd)
  })

  test('is one line in the log, without its query, its token, or any secret', async () => {
    const token = await server.sign()
    const { headers } = await server.call('GET', '/v2/sessions?roomId=very-private', undefined, { token })
    const mine = () => lines.filter((line) => line.requestId === headers['x-request-id'])
    while (mine().length === 0) await new Promise(setImmediate)
    assert.equal(mine().length, 1)
    const { method, path, status, apiKey } = mine()[0] ?? {}
    assert.deepEqual(
      { method, path, status, apiKey },
      {
        method: 'GET',
        path: '/v2/sessions',
        status: 200,
        apiKey: server.apiKey,
      },
    )
    await server.call('GET', '/v2/sessions', undefined, { token: `${token.slice(0, -3)}xxx` })
    for (const secret of [token.slice(0, 60), server.secret, 'very-private']) assert.ok(!logged.includes(secret))
  })

  test('by HEAD is answered as by GET, without a body', async () => {
    const { status, text, headers } = await server.call('HEAD', '/v2/sessions')
    assert.equal(status, 200)
    assert.equal(text, '')
    assert.match(String(headers['content-type']), /^application\/json/)
  })

  test('by GET may have a body, of any kind', async () => {
    for (const body of ['{"a":1}', '{', 'x'.repeat(100_000)]) {
      assert.equal((await server.call('GET', '/v2/sessions', body, { headers: json })).status, 200)
    }
    assert.equal((await server.call('GET', '/v2/sessions', '', { headers: json })).status, 200)
  })

  test('to a path with a slash at its end, or with two at its start, is the same request', async () => {
    const { body: room } = await server.call('POST', '/v2/rooms/')
    const paths = ['/v2/sessions', '/v2/sessions/', '//v2/sessions', '/v2/sessions/?page=1']
    const answers = await Promise.all(paths.map((path) => server.call('GET', path)))
    for (const { status, text } of answers) assert.deepEqual([status, text], [200, answers[0]?.text])
    assert.equal((await server.call('GET', `/v2/rooms/${room.roomId}/`)).text, JSON.stringify(room))
  })
})

describe('a path', () => {
  let unlimited: TestServer
  before(async () => {
    unlimited = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  })
  after(() => unlimited.stop())

  const ask = (method: string, path: string, headers: { [name: string]: string } = {}, body?: string) =>
    send<{ error: string; code: string }>(`${unlimited.url}${path}`, method, headers, body)

  test('that there is not shows a page to a browser, and says to a program where all calls are listed', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    for (const path of ['/nothing', '/rooms/abc', '/v2/nothing', '/v1/nothing', '/<script>alert(1)</script>']) {
      const answer = await fetch(`${unlimited.url}${path}`, { headers: browser })
      const page = await answer.text()
      assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'text/html; charset=utf-8'], path)
      assert.match(page, /<a href="http:\/\/127\.0\.0\.1:\d+\/">The dashboard<\/a>/)
      assert.doesNotMatch(page, /<script/)
      assert.match(String(answer.headers.get('vary')), /\bAccept\b/)
    }
    const { status, body } = await ask('GET', '/v2/nothing')
    const error = 'There is no GET /v2/nothing: GET /openapi.json lists all calls'
    assert.deepEqual([status, body.code, body.error], [404, 'NOT_FOUND', error])
    assert.equal((await ask('DELETE', '/v2/nothing', browser)).body.code, 'NOT_FOUND')
  })

  test('of the API without its /v2 is 404 and says so, in JSON, unless HTML is asked for', async () => {
    const { body: document } = await server.call<OpenApiDocument>('GET', '/openapi.json')
    const paths = Object.entries(document.paths).filter(([path]) => path.startsWith('/v2/'))
    assert.ok(paths.length > 30)
    for (const [path, operations] of paths) {
      const bare = path.slice(3).replaceAll(/[{}]/g, '')
      for (const method of Object.keys(operations).map((name) => name.toUpperCase())) {
        for (const accept of [{}, { accept: '*/*' }, { accept: 'application/json, text/plain, */*' }]) {
          const { status, body } = await ask(method, bare, accept)
          const error = `There is no ${method} ${bare}: the API is under /v2, as in ${method} /v2${bare}`
          assert.deepEqual([status, body.code, body.error], [404, 'NOT_FOUND', error])
        }
      }
    }
    for (const page of [
      '/rooms',
      '/sources',
      '/imports',
      '/webhooks',
      '/webhooks/ep_1',
      '/sessions/621497578bea0d0404c35c4c',
    ]) {
      const { status, headers } = await ask('GET', page, { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' })
      assert.equal(status, 200, page)
      assert.match(String(headers['content-type']), /^text\//)
      assert.match(String(headers.vary), /^Accept\b/)
    }
    assert.equal((await ask('GET', '/sessions', { accept: 'text/html' })).status, 404)
  })

  test('with a method that it does not take is 405, and Allow has those that it does', async () => {
    const expected: { [path: string]: string } = {
      '/v2/sessions': 'GET, HEAD',
      '/v2/rooms': 'GET, HEAD, POST',
      '/v2/rooms/': 'GET, HEAD, POST',
      '/v2/sessions/end': 'DELETE, GET, HEAD, POST',
      '/v2/sessions/participants/remove': 'POST',
      '/v2/sources/some': 'DELETE, GET, HEAD, PATCH',
      '/v2/events?a=b': 'POST',
      '/openapi.json': 'GET, HEAD',
      '/': 'GET, HEAD',
    }
    for (const [path, allow] of Object.entries(expected)) {
      for (const method of ['PUT', 'TRACE', 'PROPFIND']) {
        const { status, headers, body } = await ask(method, path)
        assert.deepEqual([status, headers.allow, body.code], [405, allow, 'METHOD_NOT_ALLOWED'], `${method} ${path}`)
        const [bare = ''] = path.split('?')
        assert.equal(body.error, `There is no ${method} ${bare}: it takes ${allow.replaceAll(', ', ' or ')}`)
      }
    }
    const head = await ask('HEAD', '/v2/events')
    assert.deepEqual([head.status, head.headers.allow, head.text], [405, 'POST', ''])
    assert.equal((await ask('DELETE', '/v2/nothing')).status, 404)
  })

  test('that takes GET takes HEAD, which is answered alike but for the body', async () => {
    const { body: document } = await server.call<OpenApiDocument>('GET', '/openapi.json')
    const authorization = await unlimited.sign()
    for (const [path, { get }] of Object.entries(document.paths)) {
      if (get === undefined) continue
      const filled = path.replaceAll(/[{}]/g, '')
      const [asked, head] = [await ask('GET', filled, { authorization }), await ask('HEAD', filled, { authorization })]
      assert.deepEqual([head.status, head.text], [asked.status, ''], path)
      assert.equal(head.headers['content-type'], asked.headers['content-type'], path)
    }
  })

  test('of the hosted rooms without an upgrade is 426, naming WebSocket', async () => {
    for (const headers of [{}, { upgrade: 'h2c', connection: 'Upgrade' }]) {
      const { status, headers: answered, body } = await ask('GET', '/v2/rtc', headers)
      assert.deepEqual([status, answered.upgrade, body.code], [426, 'websocket', 'UPGRADE_REQUIRED'])
    }
    assert.equal((await ask('HEAD', '/v2/rtc')).status, 426)
    assert.equal((await ask('POST', '/v2/rtc')).headers.allow, 'GET, HEAD')
  })

  test('of what Rollcall does not do is 405 that says what it does, in whatever body, before any token', async () => {
    const sdp = { 'content-type': 'application/sdp' }
    const answers = [
      await ask('POST', '/v2/recordings/start'),
      await ask('GET', '/v2/hls/'),
      await ask('DELETE', '/v2/sip/phone-numbers/gateways/1'),
      await ask('POST', '/v2/ingest/sessions'),
      await ask('POST', '/v2/whip?roomId=a', sdp, 'v=0'),
    ]
    for (const { status, headers, body } of answers) {
      assert.deepEqual([status, headers.allow, body.code], [405, '', 'NOT_SUPPORTED'])
      assert.match(body.error, /^Rollcall does not .*: it keeps the record of who was in which room/)
    }
    const origin = { origin: 'https://app.example' }
    assert.equal((await ask('GET', '/v2/hls', origin)).headers['access-control-allow-origin'], '*')
    assert.equal((await ask('GET', '/v2/recordingsx')).status, 404)
  })
})

describe('a body', () => {
  const post = (body: string | undefined, headers: { [name: string]: string } = {}) =>
    server.call('POST', '/v2/rooms', body, { headers })

  test('may be missing, or empty under any content type', async () => {
    for (const headers of [{}, json, form, { 'content-type': 'text/plain' }]) {
      for (const body of [undefined, '', ' \n']) {
        const answer = await post(body, headers)
        assert.equal(answer.status, 200, answer.text)
        assert.equal(answer.body.customRoomId, null)
      }
    }
    assert.equal((await post('null', json)).status, 200)
  })

  test('may be JSON, a form, or JSON that its sender calls something else', async () => {
    const bodies: [string, { [name: string]: string }][] = [
      ['{"customRoomId":"a body"}', json],
      ['{"customRoomId":"a body"}', { 'content-type': 'application/json; charset=utf-8' }],
      ['{"customRoomId":"a body"}', { 'content-type': 'text/plain;charset=UTF-8' }],
      ['{"customRoomId":"a body"}', form],
      ['{"customRoomId":"a body"}', {}],
      ['customRoomId=a+body', form],
      ['customRoomId=a%20body&other=1', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }],
    ]
    for (const [body, headers] of bodies) {
      const answer = await post(body, headers)
      assert.deepEqual(
        [answer.status, answer.body.customRoomId],
        [200, 'a body'],
        `${body} as ${headers['content-type']}`,
      )
    }
  })

  test('that is a form may be nested, as PHP and jQuery write it, and has 1 for true', async () => {
    const events = ['session-started', 'participant-*']
    const settings = {
      webhook: { endPoint: 'https://example.org/hook', events },
      autoCloseConfig: { type: 'session-ends', duration: 60 },
      allowedParticipantIds: ['anna', 'ben'],
    }
    const nested = (list: (n: number) => string) => [
      ['webhook[endPoint]', settings.webhook.endPoint],
      ...events.map((event, n) => [`webhook[events][${list(n)}]`, event]),
      ['autoCloseConfig[type]', 'session-ends'],
      ['autoCloseConfig[duration]', '60'],
      ...settings.allowedParticipantIds.map((id, n) => [`allowedParticipantIds[${list(n)}]`, id]),
    ]
    for (const list of [String, () => '']) {
      const { status, body, text } = await post(new URLSearchParams(nested(list)).toString(), form)
      assert.equal(status, 200, text)
      const { webhook, autoCloseConfig, allowedParticipantIds } = body
      assert.deepEqual({ webhook, autoCloseConfig, allowedParticipantIds }, settings)
    }
    const end = (as: string) => {
      const text = `roomId=none&ignoreClosed=${as}&force=${as}`
      return server.call('POST', '/v2/sessions/end', text, { headers: form })
    }
    for (const yesOrNo of ['1', '0', 'true', 'false', '']) assert.equal((await end(yesOrNo)).status, 404)
    assert.equal((await end('yes')).status, 400)
  })

  test('that is a form may hold a thousand ids and more, and names what is wrong in it', async () => {
    const ids = Array.from({ length: 3000 }, (_, n) => `person ${n}`)
    const many = new URLSearchParams(ids.map((id, n) => [`allowedParticipantIds[${n}]`, id])).toString()
    assert.deepEqual((await post(many, form)).body.allowedParticipantIds, ids)
    for (const [text, error] of [
      ['webhook=x&webhook[events][]=y', 'The form has webhook twice: as a text, and with fields'],
      [`a${'[b]'.repeat(100_000)}=1`, 'The form is nested too deep, at a: it takes names of at most 16 steps'],
      ['allowedParticipantIds[999999999]=anna', /^allowedParticipantIds=\{"999999999":"anna"\} is not understood/],
      ['webhook[endPoint]=here&webhook[events][]=*', /^webhook=.* is not understood, at webhook.endPoint/],
    ] as const) {
      const { status, body } = await post(text, form)
      assert.equal(status, 400)
      if (typeof error === 'string') assert.equal(body.error, error)
      else assert.match(String(body.error), error)
    }
    assert.equal((await post('a]b[=1&[x]=2&c[=3&&=4&[]=5', form)).status, 200)
  })

  test('that is JSON but no object is refused in words', async () => {
    for (const body of ['[{}]', '"see example"', '7', 'true']) {
      const answer = await post(body, json)
      assert.deepEqual([answer.status, answer.body.error], [400, 'The body takes a JSON object'])
    }
  })

  test('of [] is an empty object, as PHP writes one, on every route that takes a body', async () => {
    const { body: document } = await server.call<OpenApiDocument>('GET', '/openapi.json')
    const taking = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { requestBody }]) => (requestBody ? [{ path, method }] : [])),
    )
    assert.ok(taking.length > 10)
    for (const { path, method } of taking) {
      const ask = async (body: string) => {
        const answer = await server.call(method.toUpperCase(), path.replaceAll(/[{}]/g, ''), body, { headers: json })
        const { statusCode, error, code } = answer.body
        return { status: answer.status, statusCode, error, code }
      }
      assert.deepEqual(await ask('[]'), await ask('{}'), `${method} ${path}`)
    }
  })

  test('may hold __proto__ and constructor, which do nothing', async () => {
    const odd = '{"__proto__":{"customRoomId":"x","disabled":true},"constructor":{"prototype":{"customRoomId":"x"}}}'
    const { status, body } = await post(odd, json)
    assert.deepEqual([status, body.customRoomId, body.disabled], [200, null, false])
    for (const text of ['__proto__[customRoomId]=x&constructor[prototype][customRoomId]=y', '__proto__=y']) {
      assert.equal((await post(text, form)).body.customRoomId, null)
    }
    assert.equal(({} as { customRoomId?: string }).customRoomId, undefined)
    assert.equal((await server.call('GET', '/v2/sessions?__proto__=1&constructor=2&__proto__[page]=0')).status, 200)
  })
})

describe('a browser', () => {
  test('may send its token from any origin', async () => {
    const asked = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
    for (const path of ['/v2/sessions', '/v2/rooms', '/v2/sessions/621497578bea0d0404c35c4c']) {
      const { status, headers } = await server.call('OPTIONS', path, undefined, {
        token: null,
        headers: { ...asked, 'access-control-request-headers': 'authorization,content-type' },
      })
      assert.equal(status, 204)
      assert.equal(headers['access-control-allow-origin'], '*')
      assert.match(String(headers['access-control-allow-headers']), /authorization/i)
      assert.match(String(headers['access-control-allow-headers']), /content-type/i)
      assert.match(String(headers['access-control-allow-methods']), /GET.*POST/)
    }
  })

  test('can read the answer, and what was wrong, from any origin', async () => {
    const headers = { origin: 'https://app.example' }
    for (const path of ['/v2/sessions', '/v2/sessions?page=0', '/v2/nothing']) {
      const answer = await server.call('GET', path, undefined, { headers })
      assert.equal(answer.headers['access-control-allow-origin'], '*')
      assert.match(String(answer.headers['access-control-expose-headers']), /x-request-id/)
    }
    const refused = await server.call('GET', '/v2/sessions', undefined, { token: null, headers })
    assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [401, '*'])
  })
})

describe('health', () => {
  test('is told without a token, and not when the store does not answer', async (t) => {
    const ask = async (path: string) => (await server.call('GET', path, undefined, { token: null })).status
    assert.deepEqual([await ask('/livez'), await ask('/readyz')], [200, 200])
    t.mock.method(server.context.reads.keys, 'find', async () => {
      throw new Error('no store')
    })
    assert.deepEqual([await ask('/livez'), await ask('/readyz')], [200, 503])
  })
})
