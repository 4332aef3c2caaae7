import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Account, AuditPage, BrowserSignInList, UserRole, UserWithPassword } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { createPasswordTries } from '../../src/api/auth/password-tries.ts'
import { createLink } from '../../src/api/auth/sign-in-link.ts'
import { form, makeRoom, withoutTime } from '../support/api-calls.ts'
import { dataParent } from '../support/data-parent.ts'
import { quickHash } from '../support/quick-hash.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { type Answer, startServer, type TestServer } from '../support/start-server.ts'

const password = 'correct horse battery'

let server: TestServer
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
})
after(() => server.stop())

/** Whoever has no token: a browser with what it keeps. */
function asBrowser(cookie?: string, headers: { [name: string]: string } = {}) {
  return { token: null, headers: { ...(cookie !== undefined && { cookie }), ...headers } }
}

const signIn = (given: object, on = server, cookie?: string) =>
  on.call<Account & { code?: string }>('POST', '/v2/sign-in', given, asBrowser(cookie))

/** What a browser would send from now on. */
function cookieOf({ headers }: Pick<Answer<unknown>, 'headers'>): string {
  return headers['set-cookie']?.[0]?.split(';')[0] ?? assert.fail('no cookie was set')
}

async function addUser(name: string, role: UserRole, rooms?: string[]): Promise<UserWithPassword> {
  const { status, text, body } = await server.call<UserWithPassword>('POST', '/v2/users', {
    ...{ name, role, password },
    ...(rooms && { rooms }),
  })
  assert.equal(status, 200, text)
  return body
}

/** Adds a user, whose password is quickly looked at, and signs them in. */
async function enter(name: string, role: UserRole, rooms: string[] = []) {
  const { context, apiKey } = server
  const { keyId = 0 } = (await context.reads.keys.find(apiKey)) ?? {}
  const { userId } = await context.writes.users.add({ keyId, name, role, rooms, passwordHash: quickHash(password) })
  return { userId, cookie: cookieOf(await signIn({ name, password })) }
}

const statusBy = async (cookie: string, path = '/v2/account', method = 'GET', body?: object) =>
  (await server.call(method, path, body, asBrowser(cookie))).status

describe('a user signs in with name and password', () => {
  test('and stays so across tabs, and restarts of the server, by a cookie of which the server keeps a digest alone', async () => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    try {
      const first = await startServer({ ROLLCALL_DATA: folder })
      const { body } = await first.call<UserWithPassword>('POST', '/v2/users', { name: 'Anna', role: 'administrator' })
      const answer = await signIn({ name: 'ANNA', password: body.password }, first)
      assert.deepEqual([answer.body.user?.name, answer.body.role, answer.body.rooms], ['Anna', 'administrator', null])
      const cookie = cookieOf(answer)
      assert.match(answer.headers['set-cookie']?.[0] ?? '', /; HttpOnly; SameSite=Strict; Path=\/; Max-Age=2592000$/)
      const kept = JSON.stringify(await first.context.reads.signIns.list(body.userId))
      assert.ok(kept.includes('signInId') && !kept.includes(cookie.split('=')[1] ?? ''))
      await first.stop()
      const second = await startServer({ ROLLCALL_DATA: folder })
      const { status } = await second.call('GET', '/v2/sessions', undefined, asBrowser(cookie))
      await second.stop()
      assert.equal(status, 200)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('and an unknown name, a wrong password, and a user who sees nothing any more are answered alike', async () => {
    const { userId } = await addUser('Ben', 'viewer')
    const answers = [await signIn({ name: 'Ben', password: 'wrong password' })]
    answers.push(await signIn({ name: 'nobody', password: 'wrong password' }))
    await server.call('DELETE', `/v2/users/${userId}`)
    answers.push(await signIn({ name: 'Ben', password }))
    const told = answers.map(({ status, headers, body }) => ({ status, ...withoutTime(headers), code: body.code }))
    assert.deepEqual([told[0]?.status, told[0]?.code], [401, 'SIGN_IN_REFUSED'])
    assert.deepEqual(told.slice(1), [told[0], told[0]])
  })

  test('but a few times in a row alone, of one name from wherever', async () => {
    const limited = await startServer()
    try {
      const { keyId = 0 } = (await limited.context.reads.keys.find(limited.apiKey)) ?? {}
      const carla = { name: 'carla', role: 'viewer' as const, rooms: [], passwordHash: quickHash(password) }
      await limited.context.writes.users.add({ keyId, ...carla })
      const tryAs = async (name: string) => (await signIn({ name, password: 'wrong' }, limited)).status
      const ofOne = await Promise.all(Array.from({ length: 12 }, () => tryAs('carla')))
      assert.deepEqual(ofOne.sort(), [...Array.from({ length: 10 }, () => 401), 429, 429])
    } finally {
      await limited.stop()
    }
  })

  test('and from one address with whatever names', () => {
    const countTry = createPasswordTries({ keyRequestsPerSecond: 1 })
    const tryFrom = (ip: string, name: string) => countTry({ ip } as FastifyRequest, name)
    for (let i = 0; i < 30; i++) tryFrom('192.0.2.1', `somebody ${i}`)
    assert.throws(() => tryFrom('192.0.2.1', 'another'), { code: 'TOO_MANY_REQUESTS' })
    tryFrom('192.0.2.2', 'another')
  })

  test('under a prefix of the public address, and over TLS alone where that is https', async () => {
    const proxied = await startServer({ ROLLCALL_PUBLIC_URL: 'https://example.org/rollcall' })
    try {
      const { headers } = await signIn({ token: await proxied.sign({ roles: ['crawler'] }) }, proxied)
      assert.match(headers['set-cookie']?.[0] ?? '', /; Path=\/rollcall; Max-Age=\d+; Secure$/)
    } finally {
      await proxied.stop()
    }
  })
})

describe('the cookie', () => {
  let cookie: string
  before(async () => {
    ;({ cookie } = await enter('Dora', 'administrator'))
  })

  test('is refused from pages of other sites, whatever they ask for, and from other hosts of this one', async () => {
    const by = async (headers: { [name: string]: string }, method = 'POST', path = '/v2/rooms') =>
      (await server.call(method, path, undefined, asBrowser(cookie, headers))).status
    assert.equal(await by({ 'sec-fetch-site': 'cross-site', ...form }), 403)
    assert.equal(await by({ 'sec-fetch-site': 'same-site' }), 403)
    assert.equal(await by({ 'sec-fetch-site': 'cross-site' }, 'GET', '/v2/sessions'), 403)
    assert.equal(await by({ origin: 'https://elsewhere.example' }), 403)
    assert.equal(await by({ origin: 'null' }), 403)
    assert.equal(await by({ 'sec-fetch-site': 'same-origin', origin: server.url }), 200)
    assert.equal(await by({ origin: server.url }), 200)
    const elsewhere = asBrowser(undefined, { 'sec-fetch-site': 'cross-site' })
    const { status } = await server.call('POST', '/v2/sign-in', { name: 'Dora', password }, elsewhere)
    assert.equal(status, 403)
  })

  test('is no longer good once one signs out, and what it was tells nobody so', async () => {
    const fresh = cookieOf(await signIn({ name: 'Dora', password }))
    assert.equal(await statusBy(fresh), 200)
    const { headers } = await server.call('POST', '/v2/sign-out', {}, asBrowser(fresh))
    assert.match(headers['set-cookie']?.[0] ?? '', /^rollcall-sign-in=; .*Max-Age=0/)
    const [over, unknown] = await Promise.all(
      [fresh, 'rollcall-sign-in=nothing'].map((one) => server.call('GET', '/v2/account', undefined, asBrowser(one))),
    )
    assert.equal(over?.status, 401)
    assert.deepEqual({ ...over?.body, requestId: '' }, { ...unknown?.body, requestId: '' })
  })

  test('opens the stream, until the user is signed out', async () => {
    const { userId, cookie } = await enter('Emil', 'viewer')
    const abort = new AbortController()
    const stream = await fetch(`${server.url}/v2/stream`, { headers: { cookie }, signal: abort.signal })
    assert.equal(stream.status, 200)
    abort.abort()
    await server.call('DELETE', `/v2/users/${userId}/sign-ins`)
    assert.equal((await fetch(`${server.url}/v2/stream`, { headers: { cookie } })).status, 401)
  })
})

describe('a link or a token signs a browser in', () => {
  test('as whoever may do everything, and a link once', async () => {
    const key = (await server.context.reads.keys.find(server.apiKey)) ?? assert.fail()
    const [, code = ''] = (await createLink(key, server.url, server.context)).split('#code=')
    const answer = await signIn({ code })
    assert.deepEqual([answer.body.user, answer.body.role], [null, 'administrator'])
    assert.equal(await statusBy(cookieOf(answer), '/v2/users'), 200)
    assert.equal((await signIn({ code })).body.code, 'LINK_NOT_FOUND')
  })

  test('to the room that it is bound to, and no further', async () => {
    const [own, other] = [await makeRoom(server), await makeRoom(server)]
    const answer = await signIn({ token: await server.sign({ roles: ['crawler'], roomId: own.roomId }) })
    assert.deepEqual(
      answer.body.rooms?.map(({ roomId }) => roomId),
      [own.roomId],
    )
    const cookie = cookieOf(answer)
    assert.equal(await statusBy(cookie, `/v2/rooms/${own.roomId}`), 200)
    assert.equal(await statusBy(cookie, `/v2/rooms/${other.roomId}`), 404)
    assert.equal(await statusBy(cookie, '/v2/users'), 403)
  })

  test('for as long as the secret is good that signed it', async () => {
    const key = await server.context.writes.keys.add({ name: 'rotated', email: null })
    const token = await signToken(key, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 60_000 })
    const cookie = cookieOf(await signIn({ token: `Authorization: Bearer ${token}` }))
    assert.equal(await statusBy(cookie), 200)
    await server.context.writes.keys.rotate({ apiKey: key.apiKey, previousUntil: 0 })
    assert.equal(await statusBy(cookie), 401)
    assert.equal((await signIn({ token })).status, 401)
    assert.equal((await signIn({ token: await server.sign({ roles: ['rtc'] }) })).status, 403)
  })
})

describe('what a user may see', () => {
  test('is, of a host of several rooms, in each list what is of these, page by page', async () => {
    const rooms = [await makeRoom(server), await makeRoom(server), await makeRoom(server)]
    const now = Date.now()
    for (const [i, { roomId }] of [...rooms, ...rooms].entries()) {
      const startAt = now - i * 60_000
      await recordSession(server, {
        roomId,
        startAt,
        endAt: startAt + 1000,
        stays: [{ participantId: 'a', joinedAt: startAt }],
      })
    }
    const [one, two, three] = rooms.map(({ roomId }) => roomId)
    const { cookie } = await enter('Hanna', 'host', [one ?? '', two ?? ''])
    type List = { data: { roomId: string }[]; pageInfo: { total: number; nextCursor?: string } }
    const list = async (query: string) =>
      (await server.call<List>('GET', `/v2/sessions?${query}`, undefined, asBrowser(cookie))).body
    const roomsOf = ({ data }: List) => data.map(({ roomId }) => roomId)
    assert.deepEqual(roomsOf(await list('')), [one, two, one, two])
    const page = await list('perPage=3')
    assert.deepEqual([page.pageInfo.total, roomsOf(page)], [4, [one, two, one]])
    assert.deepEqual(roomsOf(await list(`perPage=3&cursor=${page.pageInfo.nextCursor}`)), [two])
    assert.deepEqual(roomsOf(await list('perPage=3&page=2')), [two])
    assert.deepEqual(roomsOf(await list('participantId=a&status=ended')), [one, two, one, two])
    assert.deepEqual(roomsOf(await list(`roomId=${two}`)), [two, two])
    assert.deepEqual(roomsOf(await list(`query=${three}`)), [])
    const { body } = await server.call<List>('GET', '/v2/rooms', undefined, asBrowser(cookie))
    assert.deepEqual(roomsOf(body).sort(), [one, two].sort())
    const report = async (query: string) =>
      server.call<List>('GET', `/v2/attendance?${query}`, undefined, asBrowser(cookie))
    assert.deepEqual(roomsOf((await report(`roomId=${two}`)).body), [two, two])
    assert.deepEqual([(await report(`roomId=${three}`)).status, (await report('')).status], [404, 400])
  })

  test('changes with their role, from the next call on', async () => {
    const { userId, cookie } = await enter('Ida', 'viewer')
    assert.equal(await statusBy(cookie, '/v2/users'), 403)
    await server.call('PATCH', `/v2/users/${userId}`, { role: 'administrator' })
    assert.equal(await statusBy(cookie, '/v2/users'), 200)
    await server.call('DELETE', `/v2/users/${userId}`)
    assert.equal(await statusBy(cookie, '/v2/sessions'), 401)
  })

  test('may be the records of several keys, one at a time, and of no other', async () => {
    const { userId, cookie } = await enter('Jan', 'administrator')
    const neighbour = (await server.context.reads.keys.find((await addNeighbour(server)).apiKey)) ?? assert.fail()
    const switchTo = (apiKey: string) => server.call<Account>('POST', '/v2/account/key', { apiKey }, asBrowser(cookie))
    const [unknown, foreign] = [await switchTo('no-such-key'), await switchTo(neighbour.apiKey)]
    assert.equal(
      foreign.text.replace(neighbour.apiKey, ''),
      unknown.text
        .replace('no-such-key', '')
        .replace(/"requestId":"[^"]+"/, /"requestId":"[^"]+"/.exec(foreign.text)?.[0] ?? ''),
    )
    await server.context.writes.users.letIn({ keyId: neighbour.keyId, userId, role: 'viewer', rooms: [] })
    const { body } = await switchTo(neighbour.apiKey)
    assert.deepEqual([body.key.apiKey, body.role, body.keys.length], [neighbour.apiKey, 'viewer', 2])
    assert.equal(await statusBy(cookie, '/v2/users'), 403)
    // An owner who shares a user does not hold what signs them in elsewhere.
    assert.equal((await server.call('POST', `/v2/users/${userId}/password`, {})).status, 409)
  })
})

describe('a password', () => {
  test('that its user changes is good in that browser on, and signs out the others', async () => {
    const { cookie } = await enter('Kim', 'viewer')
    const other = cookieOf(await signIn({ name: 'Kim', password }))
    const change = (current: string) =>
      server.call('POST', '/v2/account/password', { current, password: 'another horse' }, asBrowser(cookie))
    assert.equal((await change('wrong')).status, 403)
    assert.equal((await change(password)).status, 200)
    assert.deepEqual([await statusBy(cookie), await statusBy(other)], [200, 401])
    assert.equal((await signIn({ name: 'Kim', password })).status, 401)
    assert.equal((await signIn({ name: 'Kim', password: 'another horse' })).status, 200)
  })

  test('that an administrator resets is made where none is given, and signs out everywhere', async () => {
    const { userId, cookie } = await enter('Lea', 'viewer')
    const { body } = await server.call<UserWithPassword>('POST', `/v2/users/${userId}/password`, {})
    assert.equal(await statusBy(cookie), 401)
    assert.equal((await signIn({ name: 'Lea', password: body.password })).status, 200)
  })
})

describe('who is signed in where', () => {
  test('is listed for them and for administrators, and ended by either; another’s is not found', async () => {
    const { userId, cookie } = await enter('Mia', 'viewer')
    const other = cookieOf(await signIn({ name: 'Mia', password }))
    const list = async () =>
      (await server.call<BrowserSignInList>('GET', '/v2/account/sign-ins', undefined, asBrowser(cookie))).body.data
    const [newest] = await list()
    assert.deepEqual(
      (await list()).map(({ isThis }) => isThis),
      [false, true],
    )
    const stranger = await enter('Nina', 'administrator')
    assert.equal(await statusBy(stranger.cookie, `/v2/account/sign-ins/${newest?.signInId}`, 'DELETE'), 404)
    assert.equal(await statusBy(cookie, `/v2/account/sign-ins/${newest?.signInId}`, 'DELETE'), 200)
    assert.deepEqual([await statusBy(cookie), await statusBy(other)], [200, 401])
    const { body } = await server.call<BrowserSignInList>('DELETE', `/v2/users/${userId}/sign-ins`)
    assert.deepEqual([body.data.length, await statusBy(cookie)], [1, 401])
  })
})

test('the audit log names the user who did it, and that they signed in', async () => {
  const { userId, cookie } = await enter('Olga', 'administrator')
  const room = await makeRoom(server)
  const { roomId } = room
  await server.call('POST', '/v2/rooms/deactivate', { roomId }, asBrowser(cookie))
  const { body } = await server.call<AuditPage>('GET', '/v2/audit?perPage=2')
  assert.deepEqual(
    body.data.map(({ action, userName, about }) => ({ action, userName, about })),
    [
      { action: 'deactivateRoom', userName: 'Olga', about: { id: room.id, roomId, meetingId: roomId } },
      { action: 'signInHere', userName: 'Olga', about: { userId } },
    ],
  )
})

test('a user whose every key is removed is gone, and their name is free', async () => {
  const { apiKey } = await addNeighbour(server)
  const { keyId } = (await server.context.reads.keys.find(apiKey)) ?? assert.fail()
  const gone = { keyId, name: 'Pia', role: 'viewer' as const, rooms: [], passwordHash: null }
  await server.context.writes.users.add(gone)
  assert.equal((await server.call('POST', '/v2/users', { name: 'pia', role: 'viewer' })).status, 409)
  await server.context.writes.keys.remove({ apiKey })
  assert.equal((await server.call('POST', '/v2/users', { name: 'pia', role: 'viewer' })).status, 200)
})
