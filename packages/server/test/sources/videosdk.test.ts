import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Source } from '@rollcall/protocol'
import { refetchMs } from '../../src/sources/engines/public-keys.ts'
import { servePublicKey } from '../support/senders/senders.ts'
import { addSource, deliver, getSource, listSeen } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const start = Date.UTC(2022, 1, 22, 7, 57, 11)
const time = { now: start }

let server: TestServer
let keys: Awaited<ReturnType<typeof servePublicKey>>
let source: Source
before(async () => {
  server = await startServer({ ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }, { clock: { now: () => time.now } })
})
after(() => server.stop())
beforeEach(async (t) => {
  keys = await servePublicKey()
  if ('after' in t) t.after(() => keys.close())
  source = await addSource(server, 'videosdk', { publicKeyUrl: keys.url })
})

/** The webhooks of one session, as they are documented: participants' without any time. */
function createSession(meetingId: string, sessionId = `s-${meetingId}`) {
  const of = { meetingId, sessionId }
  const zoned = (at: number) => new Date(start + at).toISOString().replace('Z', '+00:00')
  const webhook = (webhookType: string, data: object) => ({ webhookType, data })
  return {
    started: (at: number) => webhook('session-started', { ...of, start: zoned(at) }),
    ended: (at: number, endAt: number) => webhook('session-ended', { ...of, start: zoned(at), end: zoned(endAt) }),
    joined: (participantId: string, more: object = {}) =>
      webhook('participant-joined', { ...of, participantId, participantName: participantId.toUpperCase(), ...more }),
    left: (participantId: string, more: object = {}) =>
      webhook('participant-left', { ...of, participantId, participantName: participantId.toUpperCase(), ...more }),
    webhook,
    zoned,
  }
}

/** Sends a webhook that comes `at` milliseconds after the start; gives the outcomes. */
async function send(at: number, webhook: object): Promise<string[]> {
  time.now = start + at
  const body = JSON.stringify(webhook)
  const answer = await deliver(source.url, body, keys.sign(body))
  assert.equal(answer.status, 200, answer.text)
  return answer.body.results.map(({ outcome }) => outcome)
}

/** What is seen of a room, in milliseconds after the start. */
async function see(roomId: string) {
  const { body } = await server.call<{ data: { customRoomId: string; roomId: string }[] }>('GET', '/v2/sessions')
  const shown = body.data.findIndex((session) => [session.customRoomId, session.roomId].includes(roomId))
  const session = (await listSeen(server)).toReversed()[shown]
  const since = (at: number | null) => (at === null ? '' : at - start)
  return (
    session && {
      session: `${since(session.start)}-${since(session.end)}`,
      people: session.people.map(({ id, timelog }) => [
        id,
        ...timelog.map((entry) => `${since(entry.start)}-${since(entry.end)}`),
      ]),
    }
  )
}

describe('a VideoSDK session', () => {
  test('is recorded in its own room, people by when their webhooks came', async () => {
    const session = createSession('abcd-xyzw-lmno')
    await send(400, session.started(0))
    await send(1500, session.joined('but3ihic'))
    await send(2500, session.joined('anna'))
    await send(9000, session.left('but3ihic'))
    await send(20_000, session.joined('but3ihic'))
    await send(30_000, session.left('but3ihic'))
    await send(31_000, session.left('anna'))
    await send(32_000, session.ended(0, 31_800))
    assert.deepEqual(await see('abcd-xyzw-lmno'), {
      session: '0-31800',
      people: [
        ['but3ihic', '1500-9000', '20000-30000'],
        ['anna', '2500-31000'],
      ],
    })
  })

  test('is right though each webhook comes twice: the state tells what is a repeat', async () => {
    const session = createSession('twice')
    for (const [at, webhook] of [
      [100, session.started(0)],
      [1000, session.joined('anna')],
      [9000, session.left('anna')],
      [20_000, session.joined('anna')],
      [30_000, session.left('anna')],
      [31_000, session.ended(0, 30_500)],
    ] as const) {
      await send(at, webhook)
      await send(at + 700, webhook)
    }
    assert.deepEqual(await see('twice'), { session: '0-30500', people: [['anna', '1000-9000', '20000-30000']] })
  })

  test('ends people at the latest when it ended, in whichever order their leaves and its end come', async () => {
    const webhooks = (name: string) => {
      const session = createSession(name)
      return [session.left('anna'), session.ended(0, 30_000)]
    }
    for (const [name, inOrder] of [
      ['leave first', webhooks('leave first')],
      ['end first', webhooks('end first').toReversed()],
    ] as const) {
      await send(1000, createSession(name).joined('anna'))
      for (const [i, webhook] of inOrder.entries()) await send(36_000 + i, webhook)
      assert.deepEqual(await see(name), { session: '0-30000', people: [['anna', '1000-30000']] })
    }
  })

  test('is whole though its start and the leaves are lost', async () => {
    const session = createSession('lossy')
    await send(1000, session.joined('anna'))
    await send(31_000, session.ended(0, 30_500))
    assert.deepEqual(await see('lossy'), { session: '0-30500', people: [['anna', '1000-30500']] })
  })

  test('of another Rollcall has the times that it tells, however late and often it tells them', async () => {
    const session = createSession('other-rollcall')
    const left = session.left('anna', { at: session.zoned(9000), customRoomId: null, reason: 'closed' })
    assert.deepEqual(await send(60_000, left), ['waiting'])
    const joined = session.joined('anna', { at: session.zoned(1000), customRoomId: null })
    assert.deepEqual(await send(61_000, joined), ['recorded'])
    assert.deepEqual([...(await send(62_000, joined)), ...(await send(63_000, left))], ['duplicate', 'duplicate'])
    assert.deepEqual((await see('other-rollcall'))?.people, [['anna', '1000-9000']])
  })

  test('takes webhooks that say nothing of attendance, and keeps what nobody understands', async () => {
    const session = createSession('other-webhooks')
    const { webhook } = session
    assert.deepEqual(await send(0, webhook('recording-started', { meetingId: 'x' })), [])
    assert.deepEqual(await send(0, webhook('room-painted', { meetingId: 'x' })), ['ignored'])
    assert.deepEqual(await send(0, webhook('participant-joined', { meetingId: 'x' })), ['ignored'])
    assert.deepEqual(await send(0, webhook('session-started', { ...session.started(0).data, start: 'x' })), ['ignored'])
  })
})

describe('the signature of a VideoSDK webhook', () => {
  const body = JSON.stringify(createSession('signed').started(0))
  const statusOf = async (headers: { [name: string]: string }, sent = body) =>
    (await deliver(source.url, sent, headers)).status

  test('is checked with the key at the source’s address, which is asked for once', async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => statusOf(keys.sign(body))))
    assert.deepEqual(answers, [200, 200, 200, 200, 200])
    assert.equal(await statusOf(keys.sign(body)), 200)
    assert.equal(keys.asked(), 1)
  })

  test('is refused of another key, of another body, and where there is none', async () => {
    const other = await servePublicKey()
    assert.equal(await statusOf(other.sign(body)), 401)
    other.close()
    assert.equal(await statusOf(keys.sign(body), `${body} `), 401)
    assert.equal(await statusOf({}), 401)
    assert.equal(await statusOf({ 'videosdk-signature': '' }), 401)
    assert.equal(await statusOf({ 'videosdk-signature': 'no base64 at all' }), 401)
  })

  test('of a new key is taken as soon as it may be asked for again: at most once a minute', async () => {
    assert.equal(await statusOf(keys.sign(body)), 200)
    keys.renew()
    assert.equal(await statusOf(keys.sign(body)), 401)
    time.now += refetchMs - 1
    assert.equal(await statusOf(keys.sign(body)), 401)
    assert.equal(keys.asked(), 1)
    time.now += 1
    assert.equal(await statusOf(keys.sign(body)), 200)
    assert.equal(keys.asked(), 2)
    for (let n = 0; n < 5; n++) assert.equal(await statusOf({ 'videosdk-signature': 'AAAA' }), 401)
    assert.equal(keys.asked(), 2)
  })

  test('that cannot be checked, as the key cannot be had, is not refused but to be sent again', async () => {
    keys.fail(true)
    assert.equal(await statusOf(keys.sign(body)), 503)
    const { health } = await getSource(server, source.id)
    assert.match(health.lastError ?? '', /The public key at http:\S+ cannot be had: it answers 500/)
    keys.fail(false)
    assert.equal(await statusOf(keys.sign(body)), 503)
    time.now += refetchMs
    assert.equal(await statusOf(keys.sign(body)), 200)
    // A key that is known serves also while the address does not answer.
    keys.fail(true)
    time.now += refetchMs
    assert.equal(await statusOf(keys.sign(body)), 200)
    assert.equal(await statusOf({ 'videosdk-signature': 'AAAA' }), 503)
  })

  test('is checked with no key of this machine or its network, unless that is allowed', async () => {
    const strict = await startServer()
    const added = await addSource(strict, 'videosdk')
    // As it would be had the name meant something else when the source was added.
    const { context, apiKey } = strict
    const key = await context.reads.keys.find(apiKey)
    await context.writes.sources.update({
      keyId: key?.keyId ?? 0,
      id: added.id,
      settings: { publicKeyUrl: keys.url },
    })
    const { status } = await deliver(added.url, body, keys.sign(body))
    const { health } = await getSource(strict, added.id)
    await strict.stop()
    assert.deepEqual([status, keys.asked()], [503, 0])
    assert.match(health.lastError ?? '', /no public address: set ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on/)
  })
})
