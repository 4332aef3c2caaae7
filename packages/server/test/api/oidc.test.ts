import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import type { Account } from '@rollcall/protocol'
import Provider from 'oidc-provider'
import { readConfig } from '../../src/config.ts'
import { findFreePort } from '../support/ports.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const clientSecret = 'shared with the provider'
/** Who signs in at the provider next, and what it says of them. */
const people: { [sub: string]: { [claim: string]: unknown } } = {
  ada: { email: 'ada@example.org', email_verified: true, roles: ['staff', 'administrator'] },
  bob: { email: 'bob@example.org', email_verified: true },
  eve: { email: 'bob@example.org', email_verified: false, preferred_username: 'eve' },
}
let who = 'ada'
let deniesNext = false

let server: TestServer
let issuer: string
let stopProvider: () => Promise<void>
before(async () => {
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  ;({ issuer, stop: stopProvider } = await startProvider(url))
  server = await startServer({
    ...{ PORT: String(port), ROLLCALL_OIDC_ISSUER: issuer, ROLLCALL_OIDC_CLIENT_ID: 'rollcall' },
    ...{ ROLLCALL_OIDC_CLIENT_SECRET: clientSecret, ROLLCALL_OIDC_ROLE_CLAIM: 'roles', ROLLCALL_RATE_LIMIT: '0' },
  })
})
after(async () => {
  await server.stop()
  await stopProvider()
})

const toCookie = (text: string) => Buffer.from(text).toString('base64url')

/** A real provider, at which whoever comes is `who`. */
async function startProvider(client: string) {
  const http = createServer()
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as { port: number }
  const issuer = `http://127.0.0.1:${port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        ...{ client_id: 'rollcall', client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_post' },
        ...{ redirect_uris: [`${client}/v2/oidc/callback`], post_logout_redirect_uris: [`${client}/`] },
      },
    ],
    claims: { openid: ['sub', 'roles'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    findAccount: (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId, ...people[accountId] }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ clientId: 'rollcall', accountId: oidc.session?.accountId ?? '' })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
  })
  const answer = provider.callback()
  http.on('request', (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response)
    const denied = { error: 'access_denied', error_description: 'not on Sundays' }
    const result = deniesNext ? denied : { login: { accountId: who } }
    deniesNext = false
    return provider.interactionFinished(request, response, result)
  })
  return {
    issuer,
    async stop() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}

/** A browser, as far as it follows redirects and keeps cookies. */
function openBrowser() {
  const jar = new Map<string, Map<string, string>>()
  const cookiesOf = (url: string) => {
    const { host } = new URL(url)
    const kept = jar.get(host) ?? new Map<string, string>()
    jar.set(host, kept)
    return kept
  }
  const ask = async (url: string, init: RequestInit = {}) => {
    const kept = cookiesOf(url)
    const cookie = [...kept].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(url, { redirect: 'manual', ...init, headers: { cookie, ...init.headers } })
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(set)) kept.delete(name)
      else kept.set(name, value)
    }
    return answer
  }
  return {
    ask,
    cookiesOf,
    /** Goes where it is sent, until something is there or the step says to stop. */
    async walk(from: string, stopAt = (_: string) => false): Promise<string> {
      for (let url = from; ; ) {
        if (stopAt(url)) return url
        const answer = await ask(url)
        await answer.body?.cancel()
        const next = answer.headers.get('location')
        if (next === null) return url
        url = new URL(next, url).href
      }
    },
    account: async () => (await (await ask(`${server.url}/v2/account`)).json()) as Account & { code?: string },
    ways: async () =>
      (await (await ask(`${server.url}/v2/sign-in`)).json()) as { oidcUrl: string | null; refused: string | null },
  }
}

async function signInAs(sub: string) {
  who = sub
  const browser = openBrowser()
  const { oidcUrl } = await browser.ways()
  await browser.walk(oidcUrl ?? assert.fail('no way to a provider'))
  return browser
}

describe('a provider of sign-ins', () => {
  test('signs in whom it gives a role, as a user like others, each time the same, with the role that it gives then', async () => {
    const first = await signInAs('ada')
    const { user, role, hasPassword } = await first.account()
    assert.deepEqual([user?.name, role, hasPassword], ['ada@example.org', 'administrator', false])
    people.ada = { ...people.ada, roles: 'viewer' }
    const again = await (await signInAs('ada')).account()
    assert.deepEqual([again.user?.userId, again.role], [user?.userId, 'viewer'])
    const { body } = await server.call<{ data: { name: string }[] }>('GET', '/v2/users')
    assert.deepEqual(
      body.data.map(({ name }) => name),
      ['ada@example.org'],
    )
  })

  test('signs in whom an administrator has added under the address that it verified, and nobody else', async () => {
    const refused = await signInAs('bob')
    assert.match((await refused.ways()).refused ?? '', /^bob@example\.org is no user here/)
    assert.equal((await refused.ways()).refused, null)
    assert.equal((await refused.account()).code, 'TOKEN_MISSING')
    await server.call('POST', '/v2/users', { name: 'Bob@example.org', role: 'viewer' })
    const eve = await signInAs('eve')
    assert.match((await eve.ways()).refused ?? '', /^eve is no user here/)
    assert.equal((await (await signInAs('bob')).account()).role, 'viewer')
  })

  test('is taken at its word alone where state, nonce and verifier are those of this very browser', async () => {
    who = 'ada'
    const [browser, other] = [openBrowser(), openBrowser()]
    const atCallback = (url: string) => url.startsWith(`${server.url}/v2/oidc/callback`)
    const start = `${server.url}/v2/oidc/start`
    const stolen = await browser.walk(start, atCallback)
    await other.walk(stolen)
    assert.match((await other.ways()).refused ?? '', /was not begun in this browser/)
    await other.walk(start, atCallback)
    await other.walk(stolen)
    assert.match((await other.ways()).refused ?? '', /did not sign you in/)
    assert.equal((await other.account()).code, 'TOKEN_MISSING')
    await browser.walk(stolen)
    assert.equal((await browser.account()).user?.name, 'ada@example.org')
  })

  test('is not asked for whoever comes back with a cookie that no sign-in here began', async () => {
    const cookies = [
      '',
      'x',
      toCookie('null'),
      toCookie('{"state":"b"}'),
      toCookie('{"verifier":1,"state":[],"nonce":{}}'),
    ]
    for (const cookie of cookies) {
      const { status, headers } = await fetch(`${server.url}/v2/oidc/callback?code=a&state=b`, {
        headers: { cookie: `rollcall-oidc=${cookie}` },
        redirect: 'manual',
      })
      const told = /rollcall-oidc-refused=([\w-]+)/.exec(headers.getSetCookie().join())?.[1] ?? ''
      assert.equal(status, 302, cookie)
      assert.match(Buffer.from(told, 'base64url').toString(), /not begun in this browser/)
    }
  })

  test('that refuses, or is away, is named with what it said', async () => {
    deniesNext = true
    const denied = await signInAs('ada')
    assert.equal((await denied.ways()).refused, `${issuer} did not sign you in: access_denied, not on Sundays`)
    const away = await startServer({
      ...{ ROLLCALL_OIDC_ISSUER: 'http://127.0.0.1:9', ROLLCALL_OIDC_CLIENT_ID: 'a', ROLLCALL_OIDC_CLIENT_SECRET: 'b' },
    })
    try {
      const answer = await fetch(`${away.url}/v2/oidc/start`, { redirect: 'manual' })
      assert.deepEqual([answer.status, answer.headers.get('location')], [302, `${away.url}/`])
      const [, kept = ''] = /^rollcall-oidc-refused=([^;]+)/.exec(answer.headers.getSetCookie()[0] ?? '') ?? []
      assert.match(Buffer.from(kept, 'base64url').toString(), /^http:\/\/127\.0\.0\.1:9 is not reached/)
    } finally {
      await away.stop()
    }
  })

  test('is where one signs out too', async () => {
    const browser = await signInAs('ada')
    const answer = await browser.ask(`${server.url}/v2/sign-out`, { method: 'POST' })
    const { continueAt } = (await answer.json()) as { continueAt?: string }
    assert.match(continueAt ?? '', new RegExp(`^${issuer}/session/end\\?.*client_id=rollcall`))
    assert.equal((await browser.account()).code, 'TOKEN_MISSING')
  })
})

test('a part of the settings of a provider stops the start', () => {
  assert.throws(() => readConfig({ ROLLCALL_OIDC_ISSUER: 'https://id.example.org' }), /go together: set all, or none/)
  const secrets = { ROLLCALL_OIDC_CLIENT_ID: 'a', ROLLCALL_OIDC_CLIENT_SECRET: 'b' }
  assert.throws(
    () => readConfig({ ROLLCALL_OIDC_ISSUER: 'id', ...secrets }),
    /ROLLCALL_OIDC_ISSUER=id is not understood/,
  )
})
