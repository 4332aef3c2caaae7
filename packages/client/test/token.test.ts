import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type KeyPair, type SignedClaims, signToken } from '@rollcall/client'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

describe('signToken', () => {
  test('signs what the server takes, with every claim as it was given', async () => {
    const claims: SignedClaims = { roles: ['crawler', 'rtc'], permissions: ['ask_join'], participantId: 'Ωλ \u{1f600}' }
    const token = await signToken(server, claims, { expiresInSeconds: 90 })
    const { status, text } = await server.call('GET', '/v2/sessions', undefined, { token })
    assert.equal(status, 200, text)
    const { payload } = await jwtVerify(token, new TextEncoder().encode(server.secret), { algorithms: ['HS256'] })
    const { iat = 0, exp, ...said } = payload
    assert.deepEqual(said, { version: 2, ...claims, apikey: server.apiKey })
    assert.equal(exp, iat + 90)
    assert.deepEqual(decodeProtectedHeader(token), { alg: 'HS256', typ: 'JWT' })
  })

  test('signs for ten minutes where no time is said', async () => {
    const token = await signToken(server, { roles: 'rtc' })
    const { payload } = await jwtVerify(token, new TextEncoder().encode(server.secret))
    assert.equal((payload.exp ?? 0) - (payload.iat ?? 0), 600)
  })

  test('takes a secret of any language and length', async () => {
    for (const secret of ['x', 'тайна', '\u{1f511}'.repeat(500)]) {
      const token = await signToken({ apiKey: 'key', secret }, { roles: [] })
      await jwtVerify(token, new TextEncoder().encode(secret))
    }
  })

  test('refuses what is missing or cannot be, by name, and repeats no secret', async () => {
    const roles = { roles: ['rtc' as const] }
    await assert.rejects(signToken(server, {} as SignedClaims), { name: 'TypeError', message: /^roles is missing: / })
    await assert.rejects(signToken({ apiKey: '', secret: 's' }, roles), { name: 'TypeError', message: /^apiKey is / })
    for (const [secret, said] of [
      ['', 'a text of 0'],
      [12345, 'number'],
    ]) {
      await assert.rejects(signToken({ apiKey: 'k', secret } as KeyPair, roles), {
        name: 'TypeError',
        message: `secret is ${said}: it takes a text that is not empty`,
      })
    }
    for (const expiresInSeconds of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(signToken(server, roles, { expiresInSeconds }), {
        name: 'TypeError',
        message: `expiresInSeconds=${expiresInSeconds} is not understood: it takes a number above 0`,
      })
    }
  })
})
