import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { AuditPage, OwnerKey, OwnerKeyList, OwnerKeyWithSecret } from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { dataParent } from '../support/data-parent.ts'
import { recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const hourMs = 3_600_000
let nowMs = Date.parse('2026-03-02T09:00:00.000Z')
let server: TestServer
before(async () => {
  server = await startServer({}, { clock: { now: () => nowMs } })
})
after(() => server.stop())

async function add(body: object, on = server): Promise<OwnerKeyWithSecret> {
  const added = await on.call<OwnerKeyWithSecret>('POST', '/v2/keys', body)
  assert.equal(added.status, 200, added.text)
  return added.body
}

function tokenOf({ apiKey, secret }: Pick<OwnerKeyWithSecret, 'apiKey' | 'secret'>, claims: object = {}) {
  return signToken({ apiKey, secret }, { roles: ['crawler'], ...claims }, { now: nowMs, lifetimeMs: 24 * hourMs })
}

async function ask(key: OwnerKeyWithSecret, path = '/v2/sessions'): Promise<number> {
  return (await server.call('GET', path, undefined, { token: await tokenOf(key) })).status
}

async function find(apiKey: string): Promise<OwnerKey | undefined> {
  const { body } = await server.call<OwnerKeyList>('GET', '/v2/keys')
  return body.data.find((key) => key.apiKey === apiKey)
}

describe('a further key of an owner', () => {
  test('sees the same record as the first, and the sessions that it brings are the owner’s', async () => {
    const reader = await add({ name: 'reports', scopes: ['read'] })
    const bringer = await add({ name: 'media server', scopes: ['ingest'] })
    const at = new Date(nowMs - hourMs).toISOString()
    const event = { id: 'e1', type: 'participant-joined', at, roomId: 'shared', participantId: 'anna' }
    const brought = await server.call('POST', '/v2/events', { events: [event] }, { token: await tokenOf(bringer) })
    assert.equal(brought.status, 200, brought.text)
    const path = '/v2/sessions?customRoomId=shared'
    const seen = await server.call<{ data: object[] }>('GET', path, undefined, { token: await tokenOf(reader) })
    assert.equal(seen.body.data.length, 1)
    assert.deepEqual(seen.body, (await server.call('GET', path)).body)
  })

  test('has its secret in the answer that makes it, and in no other', async () => {
    const { secret, ...shown } = await add({ name: 'app', scopes: ['all'] })
    assert.match(secret, /^[0-9a-f]{64}$/)
    assert.deepEqual(await find(shown.apiKey), shown)
    assert.ok(!(await server.call('GET', '/v2/keys')).text.includes(secret))
  })

  test('is refused from when it expires, when it is disabled, and when it is deleted', async () => {
    const key = await add({ name: 'for a day', scopes: ['read'], expiresAt: new Date(nowMs + hourMs).toISOString() })
    assert.equal(await ask(key), 200)
    nowMs += hourMs
    assert.equal(await ask(key), 401)
    const path = `/v2/keys/${key.apiKey}`
    assert.equal((await server.call('PATCH', path, { expiresAt: 'never' })).status, 200)
    assert.equal(await ask(key), 200)
    assert.equal((await server.call('PATCH', path, { disabled: true })).status, 200)
    assert.equal(await ask(key), 401)
    assert.equal((await server.call('PATCH', path, { disabled: false })).status, 200)
    assert.equal(await ask(key), 200)
    assert.equal((await server.call('DELETE', path)).status, 200)
    assert.equal(await ask(key), 401)
    assert.equal(await find(key.apiKey), undefined)
  })

  test('gets a new secret, beside which the old one is good for as long as was said', async () => {
    const old = await add({ name: 'rotated', scopes: ['read'] })
    const path = `/v2/keys/${old.apiKey}/rotate-secret`
    const { body: rotated } = await server.call<OwnerKeyWithSecret>('POST', path, { overlapSeconds: 60 })
    assert.notEqual(rotated.secret, old.secret)
    assert.deepEqual([await ask(old), await ask(rotated)], [200, 200])
    nowMs += 60_000
    assert.deepEqual([await ask(old), await ask(rotated)], [401, 200])
  })

  test('says when it was last used', async () => {
    const env = { ROLLCALL_DATA: await mkdtemp(join(dataParent, 'rollcall-test-')) }
    const clock = { now: () => nowMs }
    const own = await startServer(env, { clock })
    const { apiKey, secret } = await add({ name: 'used', scopes: ['read'] }, own)
    const token = await tokenOf({ apiKey, secret })
    assert.equal((await own.call('GET', '/v2/sessions', undefined, { token })).status, 200)
    // What a server remembers it writes down each minute, and when it stops.
    await own.stop()
    const again = await startServer(env, { clock })
    const { body } = await again.call<OwnerKeyList>('GET', '/v2/keys')
    assert.equal(body.data.find((key) => key.apiKey === apiKey)?.lastUsedAt, new Date(nowMs).toISOString())
    await again.stop()
    await rm(env.ROLLCALL_DATA, { recursive: true })
  })

  test('is refused what is not in its scopes in words that name them', async () => {
    const key = await add({ name: 'reader', scopes: ['read'] })
    const { status, body } = await server.call('POST', '/v2/rooms', {}, { token: await tokenOf(key) })
    assert.equal(status, 403)
    assert.match(String(body.error), /This key may read: this route takes one whose scopes have rooms or all/)
  })

  test('is no more than a key: another owner’s is not found, and the first of its own stays', async () => {
    const other = await server.context.writes.keys.add({ name: 'another owner', email: null })
    const theirs = await server.context.writes.scopedKeys.add({
      ...{ keyId: other.keyId, name: 'theirs', scopes: ['all'], expiresAt: null },
    })
    for (const apiKey of [other.apiKey, theirs.apiKey, 'none']) {
      for (const [method, path] of [
        ['PATCH', `/v2/keys/${apiKey}`],
        ['DELETE', `/v2/keys/${apiKey}`],
        ['POST', `/v2/keys/${apiKey}/rotate-secret`],
      ] as const) {
        const { status, body } = await server.call(method, path, method === 'PATCH' ? { name: 'x' } : {})
        assert.deepEqual([status, body.code], [404, 'KEY_NOT_FOUND'], `${method} ${path}`)
      }
    }
    assert.equal((await server.call('DELETE', `/v2/keys/${server.apiKey}`)).status, 409)
    assert.equal((await server.call('PATCH', `/v2/keys/${server.apiKey}`, { disabled: true })).status, 409)
    const renamed = await server.call('PATCH', `/v2/keys/${server.apiKey}`, { name: 'School' })
    assert.deepEqual([renamed.body.name, renamed.body.isFirst, renamed.body.scopes], ['School', true, ['all']])
  })

  test('is disabled with the first', async () => {
    const owner = await server.context.writes.keys.add({ name: 'closed', email: null })
    const theirs = await server.context.writes.scopedKeys.add({
      ...{ keyId: owner.keyId, name: 'theirs', scopes: ['all'], expiresAt: null },
    })
    const call = async () => server.call('GET', '/v2/sessions', undefined, { token: await tokenOf(theirs) })
    assert.equal((await call()).status, 200)
    await server.context.writes.keys.disable(owner)
    assert.equal((await call()).status, 401)
  })

  test('is refused with an end that is past, scopes that there are not, or none', async () => {
    for (const body of [
      { name: 'x', scopes: ['read'], expiresAt: '2020-01-01T00:00:00Z' },
      { name: 'x', scopes: ['write'] },
      { name: 'x', scopes: [] },
      { name: ' ', scopes: ['read'] },
      { name: 'x', scopes: ['read'], expires: 'never' },
    ]) {
      assert.equal((await server.call('POST', '/v2/keys', body)).status, 400, JSON.stringify(body))
    }
  })
})

describe('the audit log', () => {
  test('has who ended, removed, changed and took away what, newest first', async (t) => {
    const own = await startOwn(t)
    const deputy = await add({ name: 'deputy', scopes: ['all'] }, own)
    const token = await tokenOf(deputy, { participantId: 'mx' })
    const room = await makeRoom(own)
    const stays = [{ participantId: 'anna', joinedAt: nowMs - hourMs }]
    const sessionId = await recordSession(own, { roomId: room.roomId, startAt: nowMs - hourMs, stays })
    const calls = [
      ['POST', '/v2/sessions/participants/remove', { sessionId, participantId: 'anna' }],
      ['POST', '/v2/sessions/end', { roomId: room.roomId }],
      ['POST', '/v2/sources', { type: 'generic', name: 'ours' }],
      ['GET', '/v2/attendance?format=csv', undefined],
    ] as const
    for (const [method, path, body] of calls) {
      nowMs += 1000
      assert.equal((await own.call(method, path, body, { token })).status, 200, path)
    }
    // What only looks, and what is refused, leaves nothing.
    await own.call('HEAD', '/v2/attendance?format=csv', undefined, { token })
    await own.call('GET', '/v2/sessions', undefined, { token })
    await own.call('GET', '/v2/attendance', undefined, { token })
    await own.call('POST', '/v2/sessions/end', { roomId: 'none' }, { token })
    const { body } = await own.call<AuditPage>('GET', '/v2/audit')
    const sourceId = body.data[1]?.about.id ?? ''
    assert.match(sourceId, /^generic-/)
    assert.deepEqual(
      body.data.map(({ action, keyName, asParticipant, participantId, about }) => [
        ...[action, keyName, asParticipant, participantId, about],
      ]),
      [
        ['getAttendance', 'deputy', 'mx', null, {}],
        ['createSource', 'deputy', 'mx', null, { id: sourceId }],
        ['endSession', 'deputy', 'mx', null, { roomId: room.roomId }],
        ['removeParticipant', 'deputy', 'mx', 'anna', { sessionId }],
        ['createKey', 'Owner', null, null, { apiKey: deputy.apiKey }],
      ],
    )
  })

  test('is read page by page, by action, key and time, and as a table', async (t) => {
    const own = await startOwn(t)
    for (let n = 0; n < 5; n++) {
      nowMs += 1000
      await add({ name: `key ${n}`, scopes: ['read'] }, own)
    }
    const at: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const path: string = `/v2/audit?perPage=2${cursor && `&cursor=${cursor}`}`
      const { body } = await own.call<AuditPage>('GET', path)
      at.push(...body.data.map((entry) => entry.at))
      cursor = body.nextCursor
    }
    assert.equal(at.length, 5)
    assert.deepEqual(at, at.toSorted().toReversed())
    const count = async (query: string) => (await own.call<AuditPage>('GET', `/v2/audit?${query}`)).body.data.length
    assert.equal(await count('action=createKey'), 5)
    assert.equal(await count('action=endSession'), 0)
    assert.equal(await count(`apiKey=${own.apiKey}`), 5)
    assert.equal(await count('apiKey=another'), 0)
    assert.equal(await count(`from=${at[1]}`), 2)
    assert.equal(await count(`to=${at[1]}`), 3)
    const { text } = await own.call('GET', '/v2/audit?format=csv')
    // That it was taken away is in it already.
    assert.equal(text.trim().split('\r\n').length, 1 + 6)
    assert.equal((await own.call('GET', '/v2/audit?cursor=x')).status, 400)
  })

  test('says that somebody was erased and not who, also where it named them before', async (t) => {
    const own = await startOwn(t)
    const room = await makeRoom(own)
    const stays = [{ participantId: 'anna-of-oslo', joinedAt: nowMs - hourMs }]
    const sessionId = await recordSession(own, { roomId: room.roomId, startAt: nowMs - hourMs, stays })
    await own.call('POST', '/v2/sessions/participants/remove', { sessionId, participantId: 'anna-of-oslo' })
    await own.call('POST', '/v2/sessions/end', { sessionId })
    nowMs += 60_000
    const erased = await own.call('DELETE', '/v2/participants/anna-of-oslo')
    assert.equal(erased.status, 200, erased.text)
    const { body, text } = await own.call<AuditPage>('GET', '/v2/audit')
    assert.ok(!text.includes('anna-of-oslo'), text)
    const entryOf = (action: string) => body.data.find((entry) => entry.action === action)
    assert.deepEqual(entryOf('erasePerson')?.about, { receipt: erased.body.id })
    assert.match(entryOf('removeParticipant')?.participantId ?? '', /^erased-/)
  })
})

async function startOwn(t: TestContext): Promise<TestServer> {
  const own = await startServer({}, { clock: { now: () => nowMs } })
  t.after(() => own.stop())
  return own
}
