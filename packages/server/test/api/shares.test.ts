import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { SharedReport, ShareList, ShareWithUrl } from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const startAt = Date.parse('2026-03-02T09:00:00Z')

let now = startAt + 3_600_000
let server: TestServer
let sessionId: string
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
  const { roomId } = await makeRoom(server, { customRoomId: 'planning' })
  const stays = [
    { participantId: 'ann', name: 'Ann', joinedAt: startAt, leftAt: startAt + 600_000 },
    { participantId: 'ben', name: 'Ben', joinedAt: startAt, leftAt: startAt + 60_000 },
  ]
  sessionId = await recordSession(server, { roomId, startAt, endAt: startAt + 600_000, stays })
  const { keyId = 0 } = (await server.context.reads.keys.find(server.apiKey)) ?? {}
  while ((await server.context.writes.people.gather({ keyId })) > 0);
})
after(() => server.stop())

async function share(of: object): Promise<ShareWithUrl & { sharedCode: string }> {
  const { status, text, body } = await server.call<ShareWithUrl>('POST', '/v2/shares', of)
  assert.equal(status, 200, text)
  const [, sharedCode = ''] = /\/shared#([\w-]{32})$/.exec(body.url) ?? []
  return { ...body, sharedCode }
}

const open = (code: string) =>
  server.call<SharedReport & { code?: string; requestId?: string }>(
    'POST',
    '/v2/shares/open',
    { code },
    { token: null },
  )

test('a shared report of a session is opened without signing in, and has what is of that session alone', async () => {
  const { sharedCode } = await share({ sessionId })
  const { status, body, text } = await open(sharedCode)
  assert.equal(status, 200)
  assert.deepEqual(
    body.session?.people.map(({ name, seconds }) => [name, seconds]),
    [
      ['Ann', 600],
      ['Ben', 60],
    ],
  )
  assert.equal(body.person, undefined)
  assert.ok(!text.includes(server.apiKey))
  // What it ends in is neither a token nor a cookie.
  assert.equal((await server.call('GET', '/v2/sessions', undefined, { token: sharedCode })).status, 401)
})

test('a shared report of a person has their own hours', async () => {
  const { sharedCode } = await share({ personId: 'ann' })
  const { body, text } = await open(sharedCode)
  assert.deepEqual([body.person?.name, body.person?.totalSeconds, body.session], ['Ann', 600, undefined])
  assert.ok(!text.includes('Ben'))
})

test('a link that is over, was taken back, whose person was erased, or that never was, is answered alike', async () => {
  const [over, back, gone] = [
    await share({ sessionId, expiresInSeconds: 60 }),
    await share({ sessionId }),
    await share({ personId: 'ben' }),
  ]
  const { body: listed } = await server.call<ShareList>('GET', '/v2/shares')
  const ids = [over, back, gone].map(({ shareId }) => shareId)
  assert.ok(ids.every((id) => listed.data.some(({ shareId }) => shareId === id)))
  assert.equal((await server.call('DELETE', `/v2/shares/${back.shareId}`)).status, 200)
  assert.equal((await server.call('DELETE', '/v2/participants/ben')).status, 200)
  now += 60_000
  const answers = await Promise.all(['never was', over.sharedCode, back.sharedCode, gone.sharedCode].map(open))
  const told = answers.map(({ status, body }) => ({ status, body: { ...body, requestId: '' } }))
  assert.equal(told[0]?.body.code, 'SHARE_NOT_FOUND')
  assert.deepEqual(told.slice(1), [told[0], told[0], told[0]])
  const { body } = await server.call<ShareList>('GET', '/v2/shares')
  assert.ok(ids.every((id) => !body.data.some(({ shareId }) => shareId === id)))
})

test('what a link ends in is kept as a digest alone', async () => {
  const { sharedCode } = await share({ sessionId })
  const { keyId = 0 } = (await server.context.reads.keys.find(server.apiKey)) ?? {}
  assert.ok(!JSON.stringify(await server.context.reads.shares.list(keyId)).includes(sharedCode))
  assert.equal(await server.context.reads.shares.find(sharedCode), undefined)
})
