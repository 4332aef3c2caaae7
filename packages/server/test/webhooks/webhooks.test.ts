import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Session, SessionPage, WebhookDelivery, WebhookEndpoint } from '@rollcall/protocol'
import { VideoSDK } from '@videosdk.live/server-sdk'
import { Webhook } from 'standardwebhooks'
import { createRandom } from '../../../../chaos/random.ts'
import { failingMaxMs, retryWaitsMs } from '../../src/store/outbox/limits.ts'
import { wants } from '../../src/store/outbox/patterns.ts'
import { webhookLimits } from '../../src/webhooks/limits.ts'
import { listSessions, makeRoom } from '../support/api-calls.ts'
import { type Received, type Receiver, startReceiver } from '../support/clients/webhook-receiver.ts'
import { dataParent } from '../support/data-parent.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { until } from '../support/until.ts'

const settings = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on', ROLLCALL_RATE_LIMIT: '0' }
const limits = { ...webhookLimits, perEndpoint: 4, pollMs: 20 }
const minuteMs = 60_000
/** Of what a receiver answers: WEBHOOKS_SEED=7 brings others. */
const seed = Number(process.env.WEBHOOKS_SEED ?? 1)
const dayMs = 24 * 60 * minuteMs
let now = Date.parse('2026-01-15T12:00:00.000Z')
let server: TestServer
const receivers: Receiver[] = []
before(async () => {
  server = await startServer(settings, { clock: { now: () => now }, webhookLimits: limits })
})
after(() => server.stop())
afterEach(async () => {
  // What a test leaves behind sends nothing into the next one.
  const { body } = await server.call<{ data: WebhookEndpoint[] }>('GET', '/v2/webhooks?perPage=1000')
  for (const { id } of body.data) await server.call('DELETE', `/v2/webhooks/${id}`)
  for (const receiver of receivers.splice(0)) await receiver.stop()
})

async function receive(): Promise<Receiver> {
  const receiver = await startReceiver()
  receivers.push(receiver)
  return receiver
}

async function addEndpoint({ url }: Receiver, events = ['*'], on = server): Promise<WebhookEndpoint> {
  const { status, text, body } = await on.call<WebhookEndpoint>('POST', '/v2/webhooks', { endPoint: url, events })
  assert.equal(status, 200, text)
  return body
}

async function getEndpoint(id: string, on = server): Promise<WebhookEndpoint> {
  return (await on.call<WebhookEndpoint>('GET', `/v2/webhooks/${id}`)).body
}

async function deliveriesOf(id: string, query = ''): Promise<WebhookDelivery[]> {
  const { body } = await server.call<{ data: WebhookDelivery[] }>('GET', `/v2/webhooks/${id}/deliveries${query}`)
  return body.data
}

/** A server by the clock that the verifiers go by. */
async function startReal(): Promise<TestServer & AsyncDisposable> {
  const real = await startServer(settings, { webhookLimits: limits })
  return { ...real, [Symbol.asyncDispose]: () => real.stop() }
}

function standardOf(headers: Received['headers']): { [name: string]: string } {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

/** A session of one person: four changes. */
async function record(roomId: string, { on = server, name = 'Anna' } = {}): Promise<string> {
  const startAt = (on === server ? now : Date.now()) - 10_000
  const stays = [{ participantId: 'anna', name, joinedAt: startAt + 5, leftAt: startAt + 1000 }]
  const id = await recordSession(on, { roomId, startAt, endAt: startAt + 2000, stays })
  if (on === server) now += 1000
  return id
}

const typesOf = (received: { webhook: { webhookType: string } }[]) => received.map(({ webhook }) => webhook.webhookType)
const four = ['session-started', 'participant-joined', 'participant-left', 'session-ended']

describe('a webhook', () => {
  test('says in the documented fields what happened, compact, and the same when it is written again', async () => {
    const receiver = await receive()
    await addEndpoint(receiver)
    const { roomId } = await makeRoom(server, { customRoomId: 'daily' })
    const at = (ms: number) => new Date(now - 10_000 + ms).toISOString().replace('Z', '+00:00')
    const [start, join, leave, end] = [at(0), at(5), at(1000), at(2000)]
    const sessionId = await record(roomId)
    await until(() => receiver.taken.length === 4)
    const who = { meetingId: roomId, sessionId, participantId: 'anna', participantName: 'Anna' }
    const customRoomId = 'daily'
    const bodies = [
      { webhookType: 'session-started', data: { sessionId, meetingId: roomId, start, at: start, customRoomId } },
      { webhookType: 'participant-joined', data: { ...who, at: join, customRoomId, kind: 'person' } },
      { webhookType: 'participant-left', data: { ...who, at: leave, customRoomId, kind: 'person' } },
      {
        webhookType: 'session-ended',
        data: { sessionId, meetingId: roomId, start, end, at: end, customRoomId, reason: 'session-ended' },
      },
    ]
    assert.deepEqual(
      receiver.taken.map(({ body }) => body),
      bodies.map((body) => JSON.stringify(body)),
    )
    for (const { body } of receiver.taken) assert.equal(JSON.stringify(JSON.parse(body)), body)
  })

  test('has U+FFFD in place of half characters', async () => {
    const receiver = await receive()
    await addEndpoint(receiver, ['participant-joined'])
    await record((await makeRoom(server)).roomId, { name: 'half \ud83d of one' })
    await until(() => receiver.taken.length === 1)
    const { body } = receiver.taken[0] ?? assert.fail()
    assert.match(body, /"participantName":"half \ufffd of one"/)
    assert.equal(JSON.stringify(JSON.parse(body)), body)
  })

  test('is verified by VideoSDK’s client and by that of Standard Webhooks, each unmodified', async () => {
    await using real = await startReal()
    const receiver = await receive()
    const { secret = '' } = await addEndpoint(receiver, ['*'], real)
    await record((await makeRoom(real)).roomId, { on: real, name: 'Ünïcödé 🙂' })
    await until(() => receiver.taken.length === 4)
    const client = new VideoSDK({ apiKey: real.apiKey, secret: real.secret, apiEndpoint: real.url })
    for (const { body, headers, webhook } of receiver.taken) {
      const signature = String(headers['videosdk-signature'])
      // Some verify what they have parsed and written again.
      for (const text of [body, JSON.stringify(webhook)]) {
        assert.equal((await client.webhooks.verify(text, signature)).webhookType, webhook.webhookType)
        assert.deepEqual(new Webhook(secret).verify(text, standardOf(headers)), webhook)
      }
      await assert.rejects(client.webhooks.verify(`${body} `, signature))
      assert.throws(() => new Webhook(secret).verify(`${body} `, standardOf(headers)))
    }
  })

  test('is signed with the old secret too for a day after there is a new one', async () => {
    await using real = await startReal()
    const receiver = await receive()
    const { id, secret: old = '' } = await addEndpoint(receiver, ['session-started'], real)
    const { body } = await real.call<WebhookEndpoint>('POST', `/v2/webhooks/${id}/rotate-secret`)
    const { secret = '', previousSecretUntil } = body
    assert.ok(Date.parse(previousSecretUntil ?? '') > Date.now() + dayMs - minuteMs)
    await record((await makeRoom(real)).roomId, { on: real })
    await until(() => receiver.taken.length === 1)
    const [{ body: text, headers }] = receiver.taken as [Received]
    for (const good of [secret, old]) new Webhook(good).verify(text, standardOf(headers))
    assert.throws(() => new Webhook('whsec_AAAA').verify(text, standardOf(headers)))

    const late = await receive()
    const rotated = await addEndpoint(late, ['session-started'])
    const { body: again } = await server.call<WebhookEndpoint>('POST', `/v2/webhooks/${rotated.id}/rotate-secret`)
    now += dayMs
    assert.equal((await getEndpoint(rotated.id)).previousSecretUntil, null)
    await record((await makeRoom(server)).roomId)
    await until(() => late.taken.length === 1)
    assert.equal(String(late.taken[0]?.headers['webhook-signature']).split(' ').length, 1)
    assert.notEqual(again.secret, rotated.secret)
  })

  test('goes where its room was told to send it: of that room alone, by exact names and globs', async () => {
    const [own, other, globs] = [await receive(), await receive(), await receive()]
    const webhook = (receiver: Receiver, ...events: string[]) => ({ webhook: { endPoint: receiver.url, events } })
    const room = await makeRoom(server, webhook(own, 'participant-joined', 'session-ended'))
    const second = await makeRoom(server, webhook(globs, 'session*', 'recording-*'))
    await makeRoom(server, webhook(other, '*'))
    for (const { roomId } of [room, second]) await record(roomId)
    await until(() => own.taken.length + globs.taken.length === 4)
    assert.deepEqual(typesOf(own.taken), ['participant-joined', 'session-ended'])
    assert.deepEqual(typesOf(globs.taken), ['session-started', 'session-ended'])
    assert.deepEqual(other.received, [])
    const { body } = await server.call<{ data: WebhookEndpoint[] }>('GET', `/v2/webhooks?roomId=${room.roomId}`)
    assert.deepEqual(
      body.data.map(({ roomId, endPoint, secret }) => [roomId, endPoint, secret]),
      [[room.roomId, own.url, undefined]],
    )
  })

  test('is wanted by exact names and by globs, whatever else is in the list', () => {
    const type = 'participant-joined'
    for (const pattern of ['*', type, 'participant*', 'participant-*', '*-joined', 'p*d', '*cip*join*', '**']) {
      assert.ok(wants(['x', pattern], type), pattern)
    }
    for (const pattern of ['', 'participant', 'Participant-joined', 'session*', '*-left', 'p*x', '*joined*joined']) {
      assert.ok(!wants([pattern], type), pattern)
    }
  })
})

describe('delivery', () => {
  test('counts nothing but 2xx, follows no redirect, and tells why in the delivery', async () => {
    const [receiver, target] = [await receive(), await receive()]
    const { id } = await addEndpoint(receiver, ['session-started'])
    const { roomId } = await makeRoom(server)
    const answers = [
      { status: 302, headers: { location: target.url } },
      { status: 404, headers: {} },
    ]
    receiver.answer = () => answers.shift() ?? 204
    await record(roomId)
    await until(() => receiver.received.length === 1)
    await until(async () => (await deliveriesOf(id))[0]?.attempts === 1)
    const [first] = await deliveriesOf(id)
    assert.deepEqual([first?.state, first?.lastStatus], ['pending', 302])
    assert.match(first?.lastError ?? '', /a redirect is not followed/)
    now += minuteMs
    await until(async () => (await deliveriesOf(id))[0]?.lastStatus === 404)
    now += 10 * minuteMs
    await until(async () => (await deliveriesOf(id))[0]?.state === 'delivered')
    assert.deepEqual(target.received, [])
    assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 1)
  })

  test('keeps the beginning of the answer, and how long it took; of an answer without an end no more is waited for', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver, ['session-started'])
    receiver.answer = () => ({ status: 200, body: 'ä\0'.repeat(1024 * 1024), isOpen: true })
    await record((await makeRoom(server)).roomId)
    await until(async () => (await deliveriesOf(id))[0]?.state === 'delivered')
    const [delivery] = await deliveriesOf(id)
    assert.equal(delivery?.lastResponse, `${'ä\uFFFD'.repeat(341)}\uFFFD`)
    assert.ok(Number.isInteger(delivery?.lastDurationMs))
  })

  test('is tried again after each wait and not before, then parked; what comes after goes on', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver, ['session-started', 'session-ended'])
    const { roomId } = await makeRoom(server)
    receiver.answer = ({ webhook }) => (webhook.webhookType === 'session-started' ? 500 : 200)
    await record(roomId)
    for (const [i, waitMs] of retryWaitsMs.entries()) {
      await until(async () => (await deliveriesOf(id)).some(({ attempts }) => attempts === i + 1))
      const waiting = (await deliveriesOf(id)).find(({ attempts }) => attempts === i + 1)
      const askedAt = Date.parse(waiting?.lastAttemptAt ?? '')
      const nextAt = Date.parse(waiting?.nextAttemptAt ?? '')
      assert.ok(nextAt >= askedAt + waitMs && nextAt <= askedAt + waitMs * 1.1, `attempt ${i + 2}`)
      now = nextAt - 1
      // Whatever is due is looked for meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 3 * limits.pollMs))
      assert.equal(receiver.received.length, i + 1)
      now = nextAt
    }
    await until(async () => (await deliveriesOf(id)).every(({ state }) => state !== 'pending'))
    assert.deepEqual(
      (await deliveriesOf(id)).map(({ state, attempts }) => [state, attempts]),
      [
        ['delivered', 1],
        ['parked', retryWaitsMs.length + 1],
      ],
    )
  })

  test('keeps the order within a session, while other sessions go on beside it', async () => {
    const receiver = await receive()
    await addEndpoint(receiver)
    const { roomId } = await makeRoom(server)
    const stuck = await record(roomId)
    receiver.answer = ({ body }) => (body.includes(stuck) && now < release ? 503 : 200)
    const release = now + 10 * minuteMs
    await until(() => receiver.received.some(({ body }) => body.includes(stuck)) || receiver.taken.length === 4)
    const others = [await record(roomId), await record(roomId)]
    const of = (id: string) => receiver.taken.filter(({ body }) => body.includes(id))
    await until(() => others.every((id) => of(id).length === 4))
    now = release + minuteMs
    await until(() => of(stuck).length === 4)
    for (const id of [stuck, ...others]) assert.deepEqual(typesOf(of(id)), four)
  })

  test('tells nobody of history: of what happened more than a day before it was recorded', async () => {
    const receiver = await receive()
    await addEndpoint(receiver)
    const { roomId } = await makeRoom(server)
    const stays = [{ participantId: 'anna', joinedAt: now - 2 * dayMs }]
    await recordSession(server, { roomId, startAt: now - 2 * dayMs, endAt: now - 2 * dayMs + 5000, stays })
    const sessionId = await record(roomId)
    await until(() => receiver.taken.length === 4)
    assert.ok(receiver.received.every(({ body }) => body.includes(sessionId)))
  })

  test('waits as long as Retry-After says', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver, ['session-started'])
    receiver.answer = () => ({ status: 429, headers: { 'retry-after': '3600' } })
    await record((await makeRoom(server)).roomId)
    await until(async () => (await deliveriesOf(id))[0]?.attempts === 1)
    const [delivery] = await deliveriesOf(id)
    const waitMs = Date.parse(delivery?.nextAttemptAt ?? '') - Date.parse(delivery?.lastAttemptAt ?? '')
    assert.equal(waitMs, 3_600_000)
  })

  test('ends where the receiver answers 410, of which others are told, until it is enabled again, and then nothing is missing', async () => {
    const [receiver, other] = [await receive(), await receive()]
    const { id } = await addEndpoint(receiver)
    await addEndpoint(other, ['endpoint-*'])
    const { roomId } = await makeRoom(server)
    receiver.answer = () => 410
    const first = await record(roomId)
    await until(async () => !(await getEndpoint(id)).enabled)
    assert.match((await getEndpoint(id)).disabledReason ?? '', /410/)
    await until(() => other.taken.length === 1)
    assert.deepEqual(other.taken[0]?.webhook, {
      webhookType: 'endpoint-disabled',
      data: {
        endpointId: id,
        endPoint: receiver.url,
        meetingId: null,
        reason: 'it answered 410: gone',
        at: new Date(now).toISOString().replace('Z', '+00:00'),
      },
    })
    const asked = receiver.received.length
    const second = await record(roomId)
    now += 7 * dayMs
    await new Promise((resolve) => setTimeout(resolve, 3 * limits.pollMs))
    assert.equal(receiver.received.length, asked)
    receiver.answer = () => 200
    const { body } = await server.call<WebhookEndpoint>('PATCH', `/v2/webhooks/${id}`, { enabled: true })
    assert.deepEqual([body.enabled, body.disabledReason], [true, null])
    await until(() => receiver.taken.length === 8)
    for (const sessionId of [first, second]) {
      assert.deepEqual(typesOf(receiver.taken.filter((one) => one.body.includes(sessionId))), four)
    }
  })

  test('ends where nothing was taken for days, and says so', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver, ['session-started'])
    const { roomId } = await makeRoom(server)
    receiver.answer = () => 'break'
    await record(roomId)
    await until(async () => (await getEndpoint(id)).failingSince !== null)
    assert.equal((await getEndpoint(id)).enabled, true)
    now += failingMaxMs
    await until(async () => !(await getEndpoint(id)).enabled)
    assert.match(
      (await getEndpoint(id)).disabledReason ?? '',
      /^it took nothing since 2026-.*; the last time: .*hang up/,
    )
  })

  test('to one endpoint is not held up by another that never answers, and neither is the record', async () => {
    const [hanging, quick] = [await receive(), await receive()]
    hanging.answer = () => 'hang'
    await addEndpoint(hanging)
    await addEndpoint(quick)
    const { roomId } = await makeRoom(server)
    for (let i = 0; i < 10; i++) await record(roomId)
    await until(() => quick.taken.length === 40 && hanging.received.length >= limits.perEndpoint)
    assert.equal(hanging.received.length, limits.perEndpoint)
  })

  test('to an address of this machine or its network is not made, and says what allows it', async () => {
    const guarded = await startServer({}, { webhookLimits: limits })
    try {
      const receiver = await receive()
      const refused = await guarded.call('POST', '/v2/webhooks', { endPoint: receiver.url, events: ['*'] })
      assert.equal(refused.status, 400)
      assert.match(refused.text, /endPoint is not taken: .*ROLLCALL_ALLOW_PRIVATE_ADDRESSES=on/)
      const { roomId } = await makeRoom(guarded, { webhook: { endPoint: receiver.url, events: ['session-started'] } })
      await record(roomId, { on: guarded })
      const { body } = await guarded.call<{ data: WebhookEndpoint[] }>('GET', '/v2/webhooks')
      const path = `/v2/webhooks/${body.data[0]?.id}/deliveries`
      const failed = async () => (await guarded.call<{ data: WebhookDelivery[] }>('GET', path)).body.data[0]
      await until(async () => ((await failed())?.attempts ?? 0) > 0)
      assert.match((await failed())?.lastError ?? '', /no public address/)
      assert.deepEqual(receiver.received, [])
    } finally {
      await guarded.stop()
    }
  })

  test('brings every change once, in the order of its session, over failures, silence, an hour without a network, and restarts of both sides', async (t) => {
    t.diagnostic(`seed ${seed}`)
    const dataFolder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const env = { ...settings, ROLLCALL_DATA: dataFolder }
    const webhookLimits = { ...limits, deliveryTimeoutMs: 1000 }
    const start = () => startServer(env, { clock: { now: () => now }, webhookLimits })
    let receiver = await startReceiver()
    const port = Number(new URL(receiver.url).port)
    const taken = [...receiver.taken]
    const random = createRandom(seed)
    let hangs = 0
    const times = new Map<string, number>()
    const answer: Receiver['answer'] = ({ id }) => {
      const time = (times.get(id) ?? 0) + 1
      times.set(id, time)
      // With the four of an hour without a network that is fewer than those after which a delivery is parked.
      if (time > 5) return 200
      const of = random.below(100)
      if (of < 20) return 500
      if (of < 30) return 'break'
      if (of >= 32 || hangs === 2) return 200
      hangs += 1
      return 'hang'
    }
    receiver.answer = answer
    let current = await start()
    try {
      const { id } = await addEndpoint(receiver, ['*'], current)
      const { roomId } = await makeRoom(current)
      const sessionIds: string[] = []
      for (let round = 0; round < 12; round++) {
        for (let i = 0; i < 3; i++) {
          now += 1000
          const startAt = now - 500
          const stays = ['anna', 'ben'].map((participantId) => ({
            participantId,
            joinedAt: startAt,
            leftAt: startAt + 5,
          }))
          sessionIds.push(await recordSession(current, { roomId, startAt, endAt: startAt + 10, stays }))
        }
        if (round % 4 === 1) {
          await current.stop()
          current = await start()
        }
        if (round % 4 === 3) {
          await receiver.stop()
          taken.push(...receiver.taken)
          // An hour without a network.
          for (let minutes = 0; minutes < 60; minutes += 5) {
            now += 5 * minuteMs
            await new Promise((resolve) => setTimeout(resolve, 2 * limits.pollMs))
          }
          receiver = await startReceiver(port)
          receiver.answer = answer
        }
        now += 6 * minuteMs
      }
      const isDone = async () => {
        // What hangs is given up by the real clock: days of the other one would go by meanwhile, and the endpoint be disabled.
        if (receiver.hanging === 0) now += 10 * minuteMs
        return (await pending(current, id)) === 0
      }
      await until(isDone)
      taken.push(...receiver.taken)
      const once = new Map(taken.map(({ id, webhook }) => [id, webhook]))
      const key = await current.context.reads.keys.find(current.apiKey)
      const changes = await current.context.reads.changes.after(key?.keyId ?? 0, 0, 10_000)
      assert.equal(changes.length, sessionIds.length * 6)
      assert.equal(once.size, changes.length)
      for (const sessionId of sessionIds) {
        const told = [...once.values()].filter(({ data }) => 'sessionId' in data && data.sessionId === sessionId)
        assert.deepEqual(
          told.map(({ webhookType, data }) => [webhookType, 'participantId' in data ? data.participantId : undefined]),
          changes
            .filter((change) => change.sessionId === sessionId)
            .map(({ type, participantId }) => [type.replace('.', '-'), participantId]),
        )
      }
    } finally {
      await receiver.stop()
      await current.stop()
      await rm(dataFolder, { recursive: true, force: true })
    }
  })
})

/** How many deliveries are not done with. */
async function pending(on: TestServer, id: string): Promise<number> {
  const path = `/v2/webhooks/${id}/deliveries?state=pending&perPage=1`
  const { body } = await on.call<{ pageInfo: { total: number } }>('GET', path)
  const key = await on.context.reads.keys.find(on.apiKey)
  return body.pageInfo.total + Number(await on.context.reads.deliveries.isAnyToPlan(key?.keyId ?? 0))
}

describe('sending again', () => {
  test('sends one delivery, those of a time, or all that failed, under the ids they had', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver)
    const { roomId } = await makeRoom(server)
    await record(roomId)
    await until(() => receiver.taken.length === 4)
    const [ended] = receiver.taken.slice(-1)
    const path = `/v2/webhooks/${id}`
    await until(async () => (await deliveriesOf(id, '?state=delivered')).length === 4)
    const one = await server.call('POST', `${path}/deliveries/${ended?.id}/replay`)
    assert.deepEqual(one.body, { replayed: 1 })
    await until(() => receiver.taken.length === 5)
    assert.deepEqual([receiver.taken[4]?.id, receiver.taken[4]?.body], [ended?.id, ended?.body])

    now += dayMs
    const from = new Date(now).toISOString()
    receiver.answer = () => 500
    await record(roomId)
    await until(() => receiver.received.length === 6)
    await until(async () => (await deliveriesOf(id)).some(({ lastStatus }) => lastStatus === 500))
    receiver.answer = () => 200
    const failed = await server.call('POST', `${path}/replay`, { failed: true })
    assert.deepEqual(failed.body, { replayed: 1 })
    await until(() => receiver.taken.length === 9)

    await until(async () => (await deliveriesOf(id, '?state=delivered')).length === 8)
    const range = await server.call('POST', `${path}/replay`, { from })
    assert.deepEqual(range.body, { replayed: 4 })
    await until(() => receiver.taken.length === 13)
    const idsOf = (from: number) => receiver.taken.slice(from, from + 4).map((taken) => taken.id)
    assert.deepEqual(idsOf(9), idsOf(5))
    assert.deepEqual(typesOf(receiver.taken.slice(9)), four)
    const none = await server.call('POST', `${path}/replay`, { to: '2020-01-01' })
    assert.deepEqual(none.body, { replayed: 0 })
  })

  test('of nothing in particular, of what is not there, or to what is disabled, is refused', async () => {
    const { id } = await addEndpoint(await receive())
    const path = `/v2/webhooks/${id}`
    assert.equal((await server.call('POST', `${path}/replay`, {})).status, 400)
    assert.equal((await server.call('POST', `${path}/replay`, { from: 'yesterday' })).status, 400)
    assert.equal((await server.call('POST', `${path}/deliveries/msg_x/replay`)).status, 404)
    await server.call('PATCH', path, { enabled: false })
    for (const call of ['replay', 'test']) {
      assert.equal((await server.call('POST', `${path}/${call}`, { failed: true })).status, 409)
    }
  })

  test('a test is sent whatever the events are, and belongs to no session', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver, ['session-ended'])
    const { body } = await server.call<WebhookDelivery>('POST', `/v2/webhooks/${id}/test`)
    await until(() => receiver.taken.length === 1)
    assert.deepEqual(
      receiver.taken.map(({ id, body }) => [id, body]),
      [[body.id, body.body]],
    )
    assert.deepEqual([body.webhookType, body.sessionId], ['test', null])
  })
})

describe('a session’s webhook', () => {
  test('says how many were sent of it and taken, by its id and in a list, also when it is sealed', async () => {
    const receiver = await receive()
    const { id } = await addEndpoint(receiver)
    const { roomId } = await makeRoom(server)
    receiver.answer = ({ webhook }) => (webhook.webhookType === 'session-ended' ? 500 : 200)
    const sessionId = await record(roomId)
    await until(async () => (await deliveriesOf(id)).some(({ lastStatus }) => lastStatus === 500))
    const expected = (success: number) => ({
      totalCount: 4,
      successCount: success,
      data: four.map((type, i) => ({ type, success: i < success })),
    })
    const shown = async () => [
      (await server.call<Session>('GET', `/v2/sessions/${sessionId}`)).body.webhook,
      (await listSessions(server, roomId))[0]?.webhook,
    ]
    assert.deepEqual(await shown(), [expected(3), expected(3)])
    now += 2000
    receiver.answer = () => 200
    now += minuteMs
    await until(async () => (await deliveriesOf(id, '?state=delivered')).length === 4)
    // Once sealed, its text has no place for what came after.
    const sealed = async () => {
      const key = await server.context.reads.keys.find(server.apiKey)
      const page = { page: 1, perPage: 1 }
      const { sessions } = await server.context.reads.sessions.list(key?.keyId ?? 0, { roomId }, page, 10)
      return sessions[0] !== undefined && 'sealed' in sessions[0]
    }
    await until(sealed)
    assert.deepEqual(await shown(), [expected(4), expected(4)])
  })

  test('costs no look at the database where the key never had an endpoint', async () => {
    const plain = await startServer()
    try {
      const sessionId = await record((await makeRoom(plain)).roomId, { on: plain })
      if (process.env.ROLLCALL_TEST_DATABASE_URL === undefined) {
        const tables = new DatabaseSync(join(plain.dataFolder, 'rollcall.db'))
        tables.exec('drop table webhook_deliveries')
        tables.close()
      }
      const nothing = { totalCount: 0, successCount: 0, data: [] }
      const { body: page } = await plain.call<SessionPage>('GET', '/v2/sessions')
      const { body: session } = await plain.call<Session>('GET', `/v2/sessions/${sessionId}`)
      assert.deepEqual([page.data[0]?.webhook, session.webhook], [nothing, nothing])
    } finally {
      await plain.stop()
    }
  })
})

describe('an endpoint', () => {
  test('shows its secret when it was just made, and never again; no file has it in clear', async () => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
    const other = await startServer({ ...settings, ROLLCALL_DATA: folder }, { webhookLimits: limits })
    const receiver = await receive()
    const { id, secret = '' } = await addEndpoint(receiver, ['*'], other)
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/)
    const rotated = await other.call<WebhookEndpoint>('POST', `/v2/webhooks/${id}/rotate-secret`)
    const second = rotated.body.secret ?? ''
    assert.notEqual(second, secret)
    const texts = [
      (await other.call('GET', `/v2/webhooks/${id}`)).text,
      (await other.call('GET', '/v2/webhooks')).text,
      (await other.call('PATCH', `/v2/webhooks/${id}`, { events: ['session*'] })).text,
      (await other.call('DELETE', `/v2/webhooks/${id}`)).text,
    ]
    for (const text of texts) assert.ok(!text.includes('whsec_'), text)
    await other.stop()
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file))
      for (const one of [secret, second]) assert.ok(!bytes.includes(one.slice(6)), `${file} holds a secret`)
    }
    await rm(folder, { recursive: true })
  })

  test('keeps what a change does not name; deleted it is sent nothing more', async () => {
    const receiver = await receive()
    const { secret: _, ...made } = await addEndpoint(receiver)
    const path = `/v2/webhooks/${made.id}`
    const { body } = await server.call<WebhookEndpoint>('PATCH', path, { events: ['session-ended'] })
    assert.deepEqual(body, { ...made, events: ['session-ended'], updatedAt: body.updatedAt })
    receiver.answer = () => 500
    const { roomId } = await makeRoom(server)
    await record(roomId)
    await until(() => receiver.received.length === 1)
    assert.equal((await server.call('DELETE', path)).status, 200)
    assert.equal((await server.call('DELETE', path)).status, 404)
    now += dayMs
    await record(roomId)
    await new Promise((resolve) => setTimeout(resolve, 5 * limits.pollMs))
    assert.equal(receiver.received.length, 1)
  })

  test('that lacks what it takes, or has it wrong, is refused by name', async () => {
    const wrong: [object, RegExp][] = [
      [{ events: ['*'] }, /^endPoint is missing: it takes an http or https address/],
      [{ endPoint: 'ftp://x', events: ['*'] }, /^endPoint=ftp:\/\/x is not understood: it takes an http/],
      [{ endPoint: 'https://example.org' }, /^events is missing: it takes a list/],
      [{ endPoint: 'https://example.org', events: [] }, /^events=\[\] is not understood/],
      [{ endPoint: 'https://example.org', events: 'see example' }, /^events=see example is not understood/],
    ]
    for (const [body, error] of wrong) {
      const answer = await server.call('POST', '/v2/webhooks', body)
      assert.equal(answer.status, 400)
      assert.match(String(answer.body.error), error)
    }
  })

  test('is another key’s thing to everybody else: not there, word for word', async () => {
    const { id } = await addEndpoint(await receive())
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, { roles: ['crawler'] }, { now, lifetimeMs: 60_000 })
    const nobody = 'ep_AAAAAAAAAAAAAAAAAAAAAA'
    for (const [method, path, body] of [
      ['GET', ''],
      ['PATCH', '', { enabled: false }],
      ['DELETE', ''],
      ['POST', '/rotate-secret'],
      ['GET', '/deliveries'],
      ['POST', '/deliveries/x/replay'],
      ['POST', '/replay', { failed: true }],
      ['POST', '/test'],
    ] as const) {
      const [theirs, none] = await Promise.all(
        [id, nobody].map((one) => server.call(method, `/v2/webhooks/${one}${path}`, body, { token })),
      )
      assert.deepEqual([theirs?.status, none?.status], [404, 404])
      assert.equal(theirs?.body.error, String(none?.body.error).replace(nobody, id))
    }
    assert.equal((await getEndpoint(id)).enabled, true)
  })
})
