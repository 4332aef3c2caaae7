import assert from 'node:assert/strict'
import { createHmac, createPublicKey } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { sendRaw } from '../../support/clients/raw-client.ts'
import { addNeighbour, recordSession } from '../../support/record-session.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
})
after(() => server.stop())

/** A token of exactly this head and these claims, the claims as text where JSON.stringify would not write them so. */
function forge(claims: object | string, secret: string | Buffer, head: object = {}): string {
  const toPart = (part: object | string) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
  const signed = `${toPart({ alg: 'HS256', typ: 'JWT', ...head })}.${toPart(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

const ask = (token: string | null, path = '/v2/sessions', headers = {}) =>
  server.call('GET', path, undefined, { token, headers })

async function assertRefused(token: string): Promise<void> {
  const { status, body } = await ask(token)
  assert.deepEqual([status, body.code], [401, 'TOKEN_INVALID'], token)
}

describe('a forged token', () => {
  test('that brings or names a key of its own is judged by the secret of its apikey alone', async () => {
    const { apiKey: apikey } = server
    const own = Buffer.from('a secret of the forger')
    for (const head of [
      { kid: 'unknown' },
      { kid: '../../../../../../dev/null' },
      { kid: "x' union select 'a secret of the forger" },
      { kid: (await addNeighbour(server)).apiKey },
      { jku: 'https://evil.example/keys' },
      { x5u: 'https://evil.example/cert' },
      { jwk: { kty: 'oct', k: own.toString('base64url') } },
    ]) {
      await assertRefused(forge({ apikey }, own, head))
      await assertRefused(forge({ apikey }, '', head))
      assert.equal((await ask(forge({ apikey }, server.secret, head))).status, 200, JSON.stringify(head))
    }
  })

  test('that asks for what is not understood is refused', async () => {
    const { apiKey: apikey, secret } = server
    for (const head of [{ crit: ['exp'] }, { crit: ['b64'], b64: false }, { crit: [] }, { crit: ['x'], x: 1 }]) {
      await assertRefused(forge({ apikey }, secret, head))
    }
    for (const alg of ['hs256', 'HS256 ', ['HS256'], null, 'none'])
      await assertRefused(forge({ apikey }, secret, { alg }))
  })

  test('signed with the server’s public key as if that were a secret is refused', async () => {
    const { body } = await server.call<{ publicKey: string }>('GET', '/v2/public/rsa-public-key', undefined, {
      token: null,
    })
    const pem = body.publicKey
    const key = createPublicKey(pem)
    for (const secret of [
      pem,
      pem.trim(),
      pem.replaceAll('\n', ''),
      Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64'),
      key.export({ type: 'spki', format: 'der' }),
      key.export({ type: 'spki', format: 'pem' }),
    ]) {
      for (const alg of ['HS256', 'RS256']) await assertRefused(forge({ apikey: server.apiKey }, secret, { alg }))
    }
  })

  test('that names two keys is of the last, and good by the secret of that alone', async () => {
    const neighbour = await addNeighbour(server)
    const roomId = (await server.context.writes.rooms.create({ keyId: await keyIdOf(neighbour.apiKey) })).roomId
    await recordSession({ ...server, apiKey: neighbour.apiKey }, { roomId, startAt: Date.now() - 1000 })
    const both = (first: string, last: string) => `{"apikey":"${first}","roles":["crawler"],"apikey":"${last}"}`
    const theirs = await ask(forge(both(server.apiKey, neighbour.apiKey), neighbour.secret))
    assert.match(theirs.text, new RegExp(roomId))
    const ours = await ask(forge(both(neighbour.apiKey, server.apiKey), server.secret))
    assert.equal(ours.status, 200)
    assert.doesNotMatch(ours.text, new RegExp(roomId))
    await assertRefused(forge(both(server.apiKey, neighbour.apiKey), server.secret))
    await assertRefused(forge(both(neighbour.apiKey, server.apiKey), neighbour.secret))
  })

  test('whose claims are no object, or are named like the parts of one, is refused', async () => {
    const { apiKey, secret } = server
    for (const claims of ['null', '[]', '"x"', '7', '', '{', `["${apiKey}"]`, `{"__proto__":{"apikey":"${apiKey}"}}`]) {
      await assertRefused(forge(claims, secret))
    }
  })

  test('with parts too few, too many, or written otherwise is refused', async () => {
    const good = forge({ apikey: server.apiKey }, server.secret)
    const [head = '', claims = '', signature = ''] = good.split('.')
    for (const token of [
      `${head}.${claims}`,
      `${head}.${claims}.`,
      `${good}.`,
      `${good}.x.y`,
      `${head}.${claims}.${signature}AA`,
      `${head} .${claims}.${signature}`,
    ]) {
      await assertRefused(token)
    }
    assert.equal((await ask(good)).status, 200)
  })
})

describe('a good token', () => {
  test('is taken from its header alone: in a query, a cookie or a body it is no token', async () => {
    const token = await server.sign()
    for (const name of ['token', 'authorization', 'Authorization', 'access_token', 'apikey']) {
      assert.equal((await ask(null, `/v2/sessions?${name}=${token}`)).body.code, 'TOKEN_MISSING')
      assert.equal((await ask(null, '/v2/sessions', { cookie: `${name}=${token}` })).body.code, 'TOKEN_MISSING')
      const { body } = await server.call('POST', '/v2/rooms', { [name]: token }, { token: null })
      assert.equal(body.code, 'TOKEN_MISSING')
    }
    for (const name of ['x-authorization', 'proxy-authorization', 'x-forwarded-authorization']) {
      assert.equal((await ask(null, '/v2/sessions', { [name]: token })).body.code, 'TOKEN_MISSING')
    }
  })

  test('behind a bad one in the same request is not looked at', async () => {
    const good = await server.sign()
    const sendBoth = (first: string, second: string) =>
      sendRaw(
        server,
        `GET /v2/sessions HTTP/1.1\r\nhost: a\r\nauthorization: ${first}\r\nauthorization: ${second}\r\nconnection: close\r\n\r\n`,
      )
    assert.match(await sendBoth('bad', good), /^HTTP\/1\.1 401 /)
    assert.match(await sendBoth(good, 'bad'), /^HTTP\/1\.1 200 /)
  })
})

async function keyIdOf(apiKey: string): Promise<number> {
  const key = await server.context.reads.keys.find(apiKey)
  return key?.keyId ?? assert.fail(`no key ${apiKey}`)
}
