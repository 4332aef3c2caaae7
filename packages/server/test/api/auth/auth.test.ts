import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, beforeEach, describe, test } from 'node:test'
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { createTokenVerifier, TokenRefusal, tokenMaxBytes } from '../../../src/api/auth/token.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

const invalid = 'Token is invalid or expired'
const missing = "Please login to continue!. Token not provided inside https request headers 'authorization'"
const hourMs = 3_600_000
const startedAt = Date.parse('2026-01-15T12:00:00.000Z')

let now = startedAt
let server: TestServer
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
})
beforeEach(() => {
  now = startedAt
})
after(() => server.stop())

type Claims = { [claim: string]: unknown }

/** Signs exactly these claims. */
function sign(claims: Claims, secret = server.secret, header: JWTHeaderParameters = { alg: 'HS256' }): Promise<string> {
  const payload = { apikey: server.apiKey, ...claims } as JWTPayload
  return new SignJWT(payload).setProtectedHeader(header).sign(new TextEncoder().encode(secret))
}

async function ask(token: string | null, on = server) {
  return on.call<{ [key: string]: unknown }>('GET', '/v2/sessions', undefined, { token })
}

async function assertGood(token: string): Promise<void> {
  const { status, text } = await ask(token)
  assert.equal(status, 200, text)
}

/** Its cause, as it is told. */
async function assertRefused(token: string): Promise<string> {
  const { status, body } = await ask(token)
  assert.equal(status, 401)
  assert.deepEqual(Object.keys(body), ['statusCode', 'error', 'code', 'requestId', 'message'])
  assert.equal(body.error, invalid)
  assert.equal(body.code, 'TOKEN_INVALID')
  const [sentence, cause = ''] = String(body.message).split(/: (.*)/s)
  assert.equal(sentence, invalid)
  return cause
}

function toPart(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

describe('a token', () => {
  test('is asked for, in the documented words, where none came', async () => {
    for (const token of [null, '', 'Bearer', 'Bearer ', '   ']) {
      const { status, body } = await ask(token)
      assert.equal(status, 401)
      assert.equal(body.error, missing)
      assert.equal(body.code, 'TOKEN_MISSING')
    }
  })

  test('is good raw, and with a Bearer prefix of any case', async () => {
    const token = await sign({})
    await assertGood(token)
    await assertGood(`Bearer ${token}`)
    await assertGood(`bearer  ${token}`)
  })

  test('needs no version; 2 and "2" are good, anything else is not', async () => {
    for (const version of [2, '2']) await assertGood(await sign({ version }))
    for (const version of [1, 3, '3', [2], { two: 2 }]) await assertRefused(await sign({ version }))
  })

  test('that is no token is refused', async () => {
    for (const text of ['x', 'a.b.c', '..', 'é', `${'a'.repeat(40)}.${'b'.repeat(40)}.${'c'.repeat(40)}`, '{}']) {
      await assertRefused(encodeURIComponent(text))
    }
  })

  test('without an algorithm is refused', async () => {
    const payload = toPart({ apikey: server.apiKey })
    for (const alg of ['none', 'None', '']) {
      await assertRefused(`${toPart({ alg })}.${payload}.`)
      await assertRefused(`${toPart({ alg })}.${payload}.${'A'.repeat(43)}`)
    }
  })

  test('signed with the right secret by another algorithm is refused', async () => {
    for (const alg of ['HS384', 'HS512']) {
      await assertRefused(await sign({}, server.secret.repeat(2), { alg }))
      await assertRefused(await sign({}, server.secret, { alg }))
    }
  })

  test('signed by an RSA or EC key of somebody’s own is refused', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (const [alg, { privateKey }] of [
      ['RS256', rsa],
      ['ES256', ec],
    ] as const) {
      const token = await new SignJWT({ apikey: server.apiKey }).setProtectedHeader({ alg }).sign(privateKey)
      await assertRefused(token)
    }
  })

  test('signed with another secret is refused', async () => {
    await assertRefused(await sign({}, 'somebody else’s secret'))
    const neighbour = await server.context.writes.keys.add({ name: null, email: null })
    await assertRefused(await sign({}, neighbour.secret))
    await assertRefused(await sign({ apikey: neighbour.apiKey }))
    await assertGood(await sign({ apikey: neighbour.apiKey }, neighbour.secret))
  })

  test('with an edited payload, header or signature is refused', async () => {
    const token = await sign({ roles: 'crawler', exp: startedAt / 1000 + 60 })
    await assertGood(token)
    const [header = '', , signature = ''] = token.split('.')
    const longer = toPart({ apikey: server.apiKey, roles: 'crawler', exp: startedAt / 1000 + 6000 })
    await assertRefused(`${header}.${longer}.${signature}`)
    await assertRefused(token.slice(0, -2))
    await assertRefused(`${toPart({ alg: 'HS256', typ: 'x' })}${token.slice(header.length)}`)
  })

  test('without an apikey, or with one that is not a known text, is refused', async () => {
    for (const apikey of [undefined, null, '', 7, ['x'], {}, 'no-such-key', 'x'.repeat(300), "' or 1=1 --"]) {
      await assertRefused(await sign({ apikey }))
    }
  })

  test('longer than the limit is refused, whoever signed it', async () => {
    await assertGood(await sign({ pad: 'x'.repeat(tokenMaxBytes / 2) }))
    const giant = await sign({ pad: 'x'.repeat(tokenMaxBytes) })
    assert.ok(giant.length > tokenMaxBytes && giant.length < 14_000)
    await assertRefused(giant)
  })

  test('with a claim of a wrong form is refused', async () => {
    const wrong: Claims[] = [
      { permissions: 7 },
      { permissions: ['allow_join', 7] },
      { permissions: { allow_join: true } },
      { roles: 7 },
      { roles: [null] },
      { roles: {} },
      { roomId: 7 },
      { roomId: ['abcd-efgh-ijkl'] },
      { participantId: {} },
      { exp: 'tomorrow' },
      { exp: String(startedAt / 1000 + 60) },
      { nbf: 'yesterday' },
      { iat: 'now' },
    ]
    for (const claims of wrong) {
      const [name = ''] = Object.keys(claims)
      assert.match(await assertRefused(await sign(claims)), new RegExp(`^the claim ${name}=.*: it takes `))
    }
  })

  test('takes null and an empty text for a claim left out', async () => {
    const verifyToken = createTokenVerifier({
      reads: server.context.reads,
      clock: { now: () => now },
      strictRoles: false,
      keyUses: { note() {} },
    })
    const names = ['roomId', 'participantId', 'permissions', 'roles', 'version', 'iat', 'exp', 'nbf']
    const expected = await verifyToken(await sign({}))
    for (const none of [null, '']) {
      for (const name of names) assert.deepEqual(await verifyToken(await sign({ [name]: none })), expected, name)
      assert.deepEqual(await verifyToken(await sign(Object.fromEntries(names.map((name) => [name, none])))), expected)
      assert.equal(
        await assertRefused(await sign({ apikey: none })),
        `the claim apikey=${none} is not understood: it takes an API key`,
      )
    }
  })
})

describe('a token that is refused', () => {
  const other = 'it is not signed with the secret of an API key of this server'

  test('is told why, after the documented words: it expired, its secret is wrong, a claim is', async () => {
    const causes: [string, string][] = [
      [await sign({ exp: startedAt / 1000 - 60 }), 'it expired at 2026-01-15T11:59:00.000Z'],
      [await sign({ nbf: startedAt / 1000 + 60 }), 'it is not good before 2026-01-15T12:01:00.000Z, which is its nbf'],
      [await sign({}, 'another secret'), other],
      [await sign({ roles: 7 }), 'the claim roles=7 is not understood: it takes a text, or a list of texts'],
      [await sign({ version: 3 }), 'the claim version=3 is not understood: it takes 2, or nothing'],
      [await sign({ apikey: undefined }), 'the claim apikey is missing: it takes an API key'],
      [await sign({}, server.secret.repeat(2), { alg: 'HS512' }), 'its algorithm is HS512, not HS256'],
      ['nonsense', 'it is no JWT'],
      ['x'.repeat(tokenMaxBytes + 1), `it is longer than ${tokenMaxBytes} bytes`],
    ]
    for (const [token, cause] of causes) assert.equal(await assertRefused(token), cause)
  })

  test('is told the same of a key that is there, is disabled, or is unknown, unless it is signed with its secret', async () => {
    const { keys } = server.context.writes
    const [neighbour, disabled] = [
      await keys.add({ name: null, email: null }),
      await keys.add({ name: null, email: null }),
    ]
    await keys.disable({ apiKey: disabled.apiKey })
    const wrong: Claims[] = [{}, { exp: 1 }, { roles: 7 }, { version: 3 }, { nbf: 1e12 }]
    for (const claims of wrong) {
      for (const apikey of [neighbour.apiKey, disabled.apiKey, 'no-such-key']) {
        assert.equal(await assertRefused(await sign({ ...claims, apikey }, 'another secret')), other)
      }
    }
    assert.equal(await assertRefused(await sign({ apikey: disabled.apiKey }, disabled.secret)), other)
    for (const apikey of [neighbour.apiKey, 'no-such-key']) {
      const cause = await assertRefused(await sign({ apikey }, server.secret.repeat(2), { alg: 'HS384' }))
      assert.equal(cause, 'its algorithm is HS384, not HS256')
    }
  })
})

describe('time', () => {
  test('a token is good until its exp, and from then on refused, also when it was good a moment ago', async () => {
    const token = await sign({ iat: startedAt / 1000, exp: startedAt / 1000 + 60 })
    await assertGood(token)
    now = startedAt + 59_999
    await assertGood(token)
    now = startedAt + 60_000
    await assertRefused(token)
    await assertRefused(await sign({ exp: startedAt / 1000 - 1 }))
  })

  test('a token is refused before its nbf, and good from then on', async () => {
    const token = await sign({ nbf: startedAt / 1000 + 60 })
    await assertRefused(token)
    now = startedAt + 60_000
    await assertGood(token)
  })

  test('a token from a clock that runs ahead is good', async () => {
    await assertGood(await sign({ iat: startedAt / 1000 + 30 }))
  })
})

describe('roles', () => {
  test('with crawler, in any case, as a text or a list, may call the API', async () => {
    for (const roles of ['crawler', 'CRAWLER', ['Crawler'], ['rtc', 'crawler'], undefined]) {
      await assertGood(await sign({ roles }))
    }
  })

  test('without crawler are forbidden to call the API', async () => {
    for (const roles of ['rtc', ['RTC'], [], ['crawlers'], 'admin']) {
      const { status, body } = await ask(await sign({ roles }))
      assert.equal(status, 403)
      assert.equal(body.code, 'FORBIDDEN')
    }
  })

  test('when absent mean joining alone, where the settings are strict', async () => {
    const strict = await startServer({ ROLLCALL_STRICT_ROLES: 'on' })
    try {
      const of = (roles?: string) =>
        new SignJWT({ apikey: strict.apiKey, ...(roles && { roles }) })
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new TextEncoder().encode(strict.secret))
      assert.equal((await ask(await of(), strict)).status, 403)
      assert.equal((await ask(await of('crawler'), strict)).status, 200)
    } finally {
      await strict.stop()
    }
  })
})

describe('permissions', () => {
  test('may be a list, a text, none of ours, or absent', async () => {
    for (const permissions of [['allow_join'], 'allow_mod', ['ask_join', 'something_else'], [], undefined]) {
      await assertGood(await sign({ permissions }))
    }
  })
})

describe('a verified token says', () => {
  const verify = async (claims: Claims, strictRoles = false) => {
    const { reads, clock } = server.context
    return createTokenVerifier({ reads, clock, strictRoles, keyUses: { note() {} } })(await sign(claims))
  }

  test('what it allows: joining and moderating where it names nothing', async () => {
    assert.deepEqual([...(await verify({})).permissions], ['allow_join', 'allow_mod'])
    assert.deepEqual([...(await verify({ permissions: 'ask_join' })).permissions], ['ask_join'])
    assert.deepEqual([...(await verify({ permissions: ['allow_mod', 'fly'] })).permissions], ['allow_mod'])
  })

  test('where it is good, and whether it said so itself', async () => {
    const absent = await verify({})
    assert.deepEqual([...absent.roles], ['crawler', 'rtc'])
    assert.equal(absent.explicitRoles, false)
    assert.deepEqual([...(await verify({}, true)).roles], ['rtc'])
    const named = await verify({ roles: ['RTC'] })
    assert.deepEqual([...named.roles], ['rtc'])
    assert.equal(named.explicitRoles, true)
  })

  test('whom and what it is bound to, until when, and whose it is', async () => {
    const claims = { roomId: 'abcd-efgh-ijkl', participantId: 'anna', exp: startedAt / 1000 + 9 }
    const { roomId, participantId, expiresAt, key } = await verify(claims)
    assert.deepEqual(
      { roomId, participantId, expiresAt, apiKey: key.apiKey },
      {
        roomId: 'abcd-efgh-ijkl',
        participantId: 'anna',
        expiresAt: startedAt + 9000,
        apiKey: server.apiKey,
      },
    )
  })

  test('nothing when it is refused but whether the key or the token is at fault', async () => {
    const { apiKey, secret } = await server.context.writes.keys.add({ name: null, email: null })
    await server.context.writes.keys.disable({ apiKey })
    const { reads, clock } = server.context
    const verifyToken = createTokenVerifier({ reads, clock, strictRoles: false, keyUses: { note() {} } })
    const faults: [string, 'key' | 'token'][] = [
      [await sign({ apikey: 'no-such-key' }), 'key'],
      [await sign({ apikey: apiKey }, secret), 'key'],
      [await sign({}, secret), 'token'],
      [await sign({ exp: startedAt / 1000 - 1 }), 'token'],
      ['nonsense', 'token'],
      ['x'.repeat(tokenMaxBytes + 1), 'token'],
    ]
    for (const [token, reason] of faults) {
      await assert.rejects(verifyToken(token), (error) => error instanceof TokenRefusal && error.reason === reason)
    }
  })
})

describe('a key', () => {
  test('that is disabled makes each of its tokens bad, also one that was good a moment ago', async () => {
    const { apiKey, secret } = await server.context.writes.keys.add({ name: null, email: null })
    const token = await sign({ apikey: apiKey }, secret)
    await assertGood(token)
    await server.context.writes.keys.disable({ apiKey })
    await assertRefused(token)
    await assertRefused(await sign({ apikey: apiKey, version: 2 }, secret))
  })

  test('that was rotated takes both secrets until the date, and the new one alone from then on', async () => {
    const { apiKey, secret: old } = await server.context.writes.keys.add({ name: null, email: null })
    const before = await sign({ apikey: apiKey }, old)
    await assertGood(before)
    const rotated = await server.context.writes.keys.rotate({ apiKey, previousUntil: now + hourMs })
    assert.ok(rotated)
    assert.notEqual(rotated.secret, old)
    const after = await sign({ apikey: apiKey }, rotated.secret)
    now = startedAt + hourMs - 1
    await assertGood(before)
    await assertGood(after)
    await assertGood(await sign({ apikey: apiKey, version: 2 }, old))
    now = startedAt + hourMs
    await assertRefused(before)
    await assertRefused(await sign({ apikey: apiKey, version: '2' }, old))
    await assertGood(after)
  })

  test('that was rotated without overlap refuses the old secret at once', async () => {
    const { apiKey, secret: old } = await server.context.writes.keys.add({ name: null, email: null })
    const before = await sign({ apikey: apiKey }, old)
    await assertGood(before)
    await server.context.writes.keys.rotate({ apiKey, previousUntil: now })
    await assertRefused(before)
  })
})
