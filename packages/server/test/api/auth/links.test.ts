import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SignIn } from '@rollcall/protocol'
import { createLink, linkLifetimeMs } from '../../../src/api/auth/sign-in-link.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

let server: TestServer
let now = Date.now()
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
})
after(() => server.stop())

async function makeCode(): Promise<string> {
  const key = await server.context.reads.keys.find(server.apiKey)
  assert.ok(key)
  const link = await createLink(key, server.url, server.context)
  const [, code] = /^http:\/\/127\.0\.0\.1:\d+\/#code=([\w-]{22})$/.exec(link) ?? []
  return code ?? assert.fail(link)
}

const redeem = (code: string) =>
  server.call<SignIn & { code: string }>('POST', '/v2/links/redeem', { code }, { token: null })

describe('a link’s code', () => {
  test('is exchanged for a token that calls the API and joins nothing', async () => {
    const { status, body } = await redeem(await makeCode())
    assert.equal(status, 200)
    const call = (path: string) => server.call('GET', path, undefined, { token: body.token })
    assert.equal((await call('/v2/sessions')).status, 200)
    assert.equal((await call('/v2/usage')).status, 200)
    const claims = JSON.parse(Buffer.from(body.token.split('.')[1] ?? '', 'base64url').toString())
    assert.deepEqual(claims.roles, ['crawler'])
  })

  test('works once, also for two at the same moment', async () => {
    const code = await makeCode()
    const statuses = (await Promise.all([redeem(code), redeem(code)])).map(({ status }) => status)
    assert.deepEqual(statuses.sort(), [200, 404])
    assert.equal((await redeem(code)).body.code, 'LINK_NOT_FOUND')
  })

  test('is too old after ten minutes', async () => {
    const [young, old] = [await makeCode(), await makeCode()]
    now += linkLifetimeMs - 1
    assert.equal((await redeem(young)).status, 200)
    now += 1
    assert.equal((await redeem(old)).status, 404)
  })

  test('is of no use once its key is disabled', async () => {
    const key = await server.context.writes.keys.add({ name: 'another', email: null })
    const link = await createLink(key, server.url, server.context)
    await server.context.writes.keys.disable(key)
    assert.equal((await redeem(link.split('#code=')[1] ?? '')).status, 404)
  })
})
