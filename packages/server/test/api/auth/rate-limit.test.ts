import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { toNetwork } from '../../../src/api/auth/rate-limit.ts'
import { createTokenBuckets } from '../../../src/api/auth/token-bucket.ts'
import { readConfig } from '../../../src/config.ts'
import { addNeighbour } from '../../support/record-session.ts'
import { signToken } from '../../support/sign-token.ts'
import { type Answer, startServer, type TestServer } from '../../support/start-server.ts'

async function withServer(env: { [name: string]: string }, work: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startServer(env)
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

type Refused = Answer<{ [key: string]: unknown }>

/** Asks, a hundred times at once, until a request is refused for their number; fails where none is. */
async function flood(ask: () => Promise<Refused>): Promise<Refused> {
  for (let i = 0; i < 20; i++) {
    const asked = await Promise.all(Array.from({ length: 100 }, ask))
    const refused = asked.find(({ status }) => status === 429)
    if (refused !== undefined) return refused
  }
  return assert.fail('a flood of requests was taken')
}

describe('a key that asks too fast', () => {
  test('is told the limit, its setting and when to come back, and is answered then', async () => {
    await withServer({ ROLLCALL_RATE_LIMIT: '5' }, async (server) => {
      const ask = () => server.call('GET', '/v2/sessions')
      const { headers, body } = await flood(ask)
      assert.equal(body.code, 'TOO_MANY_REQUESTS')
      assert.match(String(body.error), /^This key .* 5 requests a second.*ROLLCALL_RATE_LIMIT/)
      assert.equal(body.requestId, headers['x-request-id'])
      const { 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': reset } = headers
      assert.deepEqual({ limit, remaining, reset }, { limit: '5', remaining: '0', reset: '1' })
      await sleep(Number(headers['retry-after']) * 1000)
      assert.equal((await ask()).status, 200)
    })
  })

  test('is counted over all its tokens and routes, and holds up no other key', async () => {
    await withServer({ ROLLCALL_RATE_LIMIT: '3' }, async (server) => {
      const neighbour = await addNeighbour(server)
      const now = server.context.clock.now()
      const theirs = await signToken(neighbour, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
      const ours = async (path: string, claims: object) =>
        (await server.call('GET', path, undefined, { token: await server.sign(claims) })).status
      const asked = await Promise.all(
        // Many more than are let through in the second or two that they may take.
        Array.from({ length: 6 }, () => ['/v2/sessions', '/v2/rooms', '/v2/sessions/62', '/v2/rooms/x'])
          .flat()
          .map((path, i) => ours(path, { roles: ['crawler'], participantId: `p${i}` })),
      )
      assert.ok(asked.includes(429), String(asked))
      assert.equal((await server.call('GET', '/v2/sessions', undefined, { token: theirs })).status, 200)
    })
  })

  test('is told what is left before it is refused, also a browser', async () => {
    await withServer({}, async (server) => {
      const { headers } = await server.call('GET', '/v2/sessions', undefined, {
        headers: { origin: 'https://a.example' },
      })
      assert.equal(headers['ratelimit-limit'], '1000')
      assert.equal(headers['ratelimit-remaining'], '999')
      const exposed = String(headers['access-control-expose-headers'])
      for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after']) {
        assert.ok(exposed.includes(name), name)
      }
    })
  })
})

describe('an address that no key answers for', () => {
  const strangers: [string, (server: TestServer) => Promise<Refused>][] = [
    ['with bad tokens', (server) => server.call('GET', '/v2/sessions', undefined, { token: 'bad' })],
    ['without tokens', (server) => server.call('POST', '/v2/rooms', {}, { token: null })],
    [
      'where no token is taken',
      (server) => server.call('GET', '/v2/public/rsa-public-key', undefined, { token: null }),
    ],
    ['to paths that are none', (server) => server.call('GET', '/wp-login.php')],
  ]

  for (const [what, ask] of strangers) {
    test(`is refused ${what}, while a good token from there is answered`, async () => {
      await withServer({}, async (server) => {
        const refused = await flood(() => ask(server))
        assert.match(String(refused.body.error), /^This address .* 100 requests a second.*ROLLCALL_RATE_LIMIT/)
        assert.deepEqual([refused.body.code, refused.headers['retry-after']], ['TOO_MANY_REQUESTS', '1'])
        assert.equal((await server.call('GET', '/v2/sessions')).status, 200)
        assert.equal((await server.call('GET', '/livez', undefined, { token: null })).status, 200)
        assert.equal((await server.call('GET', '/readyz', undefined, { token: null })).status, 200)
      })
    })
  }

  const askFrom = (server: TestServer, forwardedFor: string) =>
    server.call('GET', '/v2/sessions', undefined, { token: 'bad', headers: { 'x-forwarded-for': forwardedFor } })

  let n = 0
  const anyAddress = () => `203.0.113.${n++ % 250}`

  test('is the one that a trusted proxy names: others are not held up, and what a client claims is nothing', async () => {
    await withServer({ ROLLCALL_TRUST_PROXY: 'on' }, async (server) => {
      await flood(() => askFrom(server, `${anyAddress()}, 198.51.100.7`))
      assert.equal((await askFrom(server, '198.51.100.8')).status, 401)
    })
  })

  test('is found behind as many proxies as are named', async () => {
    await withServer({ ROLLCALL_TRUST_PROXY: '127.0.0.0/8, 10.0.0.1' }, async (server) => {
      await flood(() => askFrom(server, `${anyAddress()}, 198.51.100.7, 10.0.0.1`))
      assert.equal((await askFrom(server, '198.51.100.8, 10.0.0.1')).status, 401)
    })
  })

  test('is the one that connects, where no proxy is trusted', async () => {
    await withServer({}, async (server) => {
      await flood(() => askFrom(server, anyAddress()))
    })
  })

  test('is the whole /64 of an IPv6 address, and an IPv4 address in any form', () => {
    for (const same of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:0DB8:1:2:a:b:c:d']) {
      assert.equal(toNetwork(same), '2001:db8:1:2::/64')
    }
    assert.equal(toNetwork('::1'), '0:0:0:0::/64')
    assert.equal(toNetwork('fe80::1%eth0'), 'fe80:0:0:0::/64')
    assert.equal(toNetwork('::ffff:192.0.2.1'), toNetwork('192.0.2.1'))
    assert.notEqual(toNetwork('192.0.2.1'), toNetwork('192.0.2.2'))
    assert.equal(toNetwork('no address'), toNetwork('x'.repeat(10_000)))
  })
})

describe('the settings', () => {
  test('ROLLCALL_RATE_LIMIT=0 takes any number of requests, and says nothing of a limit', async () => {
    await withServer({ ROLLCALL_RATE_LIMIT: '0' }, async (server) => {
      const token = await server.sign()
      const ask = (token: string) => server.call('GET', '/v2/sessions?perPage=1', undefined, { token })
      for (const [given, expected] of [
        [token, 200],
        ['bad', 401],
      ] as const) {
        const asked = await Promise.all(Array.from({ length: 200 }, () => ask(given)))
        assert.deepEqual([...new Set(asked.map(({ status }) => status))], [expected])
        assert.equal(asked[0]?.headers['ratelimit-limit'], undefined)
      }
    })
  })

  test('that are wrong are refused, naming what they take', () => {
    for (const ROLLCALL_RATE_LIMIT of ['-1', '1.5', 'many', '1000001']) {
      assert.throws(
        () => readConfig({ ROLLCALL_RATE_LIMIT }),
        /^StartRefusal: ROLLCALL_RATE_LIMIT=.* whole number from 0/,
      )
    }
    for (const ROLLCALL_TRUST_PROXY of [
      'maybe',
      '2',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/0',
      '10.0.0.1,,',
      'localhost',
    ]) {
      assert.throws(() => readConfig({ ROLLCALL_TRUST_PROXY }), /^StartRefusal: ROLLCALL_TRUST_PROXY=.* networks/)
    }
    assert.deepEqual(readConfig({ ROLLCALL_TRUST_PROXY: '::1 , fd00::/8' }).trustProxy, ['::1', 'fd00::/8'])
  })
})

describe('memory', () => {
  test('holds so many names at most: the ones beyond share one limit, and those within keep theirs', () => {
    const buckets = createTokenBuckets(2, 3)
    const take = (name: string) => buckets.count(name).allowed
    for (const name of ['a', 'b', 'c']) assert.ok(take(name))
    const beyond = Array.from({ length: 1000 }, (_, i) => take(`name ${i}`))
    assert.ok(beyond.filter((allowed) => allowed).length < 10)
    for (const name of ['a', 'b', 'c']) assert.ok(take(name))
  })

  test('forgets a name once its limit is whole again', async () => {
    const buckets = createTokenBuckets(2, 1)
    buckets.count('a')
    await sleep(1100)
    buckets.count('b')
    assert.deepEqual(buckets.count('b'), { allowed: true, remaining: 0 })
    assert.equal(buckets.count('b').allowed, false)
    // Had the first kept its place, this one would have shared the bucket of all others.
    assert.deepEqual(buckets.count('c'), { allowed: true, remaining: 1 })
  })
})
