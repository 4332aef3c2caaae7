import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { webhookLimits } from '../../server/src/webhooks/limits.ts'
import { type Receiver, startReceiver } from '../../server/test/support/clients/webhook-receiver.ts'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { until } from '../../server/test/support/until.ts'

let server: TestServer
let receiver: Receiver
let rollcall: Rollcall
before(async () => {
  server = await startServer(
    { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' },
    { webhookLimits: { ...webhookLimits, perEndpoint: 4, pollMs: 20 } },
  )
  receiver = await startReceiver()
  rollcall = new Rollcall(server)
})
afterEach(async () => {
  receiver.answer = () => 200
  for await (const { id } of rollcall.webhooks.list()) await rollcall.webhooks.delete(id)
})
after(async () => {
  await server.stop()
  await receiver.stop()
})

const add = (events = ['*']) => rollcall.webhooks.create({ endPoint: receiver.url, events })

async function record(): Promise<string> {
  const { roomId } = await rollcall.rooms.create()
  const startAt = Date.now() - 10_000
  const stays = [{ participantId: 'anna', joinedAt: startAt, leftAt: startAt + 1000 }]
  return recordSession(server, { roomId, startAt, endAt: startAt + 2000, stays })
}

async function takenOf(id: string): Promise<number> {
  return (await rollcall.webhooks.deliveries(id, { state: 'delivered' }).page()).pageInfo.total
}

describe('webhooks', () => {
  test('an endpoint is made with its secret, which no later answer has, changed, and deleted', async () => {
    const { secret, ...made } = await add(['session-*'])
    assert.match(secret ?? '', /^whsec_/)
    assert.deepEqual(await rollcall.webhooks.get(made.id), made)
    assert.deepEqual((await rollcall.webhooks.list().page()).data, [made])

    const changed = await rollcall.webhooks.update(made.id, { events: ['participant-*'], enabled: false })
    assert.deepEqual([changed.endPoint, changed.events, changed.enabled], [receiver.url, ['participant-*'], false])
    const rotated = await rollcall.webhooks.rotateSecret(made.id)
    assert.notEqual(rotated.secret, secret)
    assert.notEqual(rotated.previousSecretUntil, null)

    assert.equal((await rollcall.webhooks.delete(made.id)).id, made.id)
    await assert.rejects(rollcall.webhooks.get(made.id), { statusCode: 404, code: 'WEBHOOK_NOT_FOUND' })
  })

  test('what is wrong is refused by name', async () => {
    await assert.rejects(rollcall.webhooks.create({ endPoint: 'ftp://example.org', events: ['*'] }), {
      code: 'BAD_REQUEST',
      message: /^endPoint/,
    })
    await assert.rejects(rollcall.webhooks.get(''), { name: 'TypeError', message: /^webhook id is / })
    const { id } = await add()
    await assert.rejects(rollcall.webhooks.replay(id, 'none'), { code: 'DELIVERY_NOT_FOUND' })
    await assert.rejects(rollcall.webhooks.replay(id, {}), { code: 'BAD_REQUEST' })
    await rollcall.webhooks.update(id, { enabled: false })
    await assert.rejects(rollcall.webhooks.test(id), { code: 'CONFLICT', message: /disabled/ })
  })

  test('a test is sent, and its delivery tells what it was answered', async () => {
    receiver.answer = () => ({ status: 200, body: 'thanks' })
    const { id } = await add(['session-*'])
    const { id: deliveryId } = await rollcall.webhooks.test(id)
    await until(async () => (await takenOf(id)) === 1)
    const [delivery] = (await rollcall.webhooks.deliveries(id).page()).data
    assert.deepEqual(
      [delivery?.id, delivery?.webhookType, delivery?.attempts, delivery?.lastStatus, delivery?.lastResponse],
      [deliveryId, 'test', 1, 200, 'thanks'],
    )
  })

  test('deliveries are walked newest first, and sent again one by one, by time, or where they failed', async () => {
    receiver.answer = ({ webhook }) => (webhook.webhookType === 'session-ended' ? 500 : 200)
    const { id } = await add()
    await record()
    await until(async () => (await takenOf(id)) === 3)
    await until(async () => {
      const [last] = (await rollcall.webhooks.deliveries(id, { state: 'pending' }).page()).data
      return last?.lastStatus === 500
    })
    const walked: string[] = []
    for await (const { webhookType } of rollcall.webhooks.deliveries(id, { perPage: 1 })) walked.push(webhookType)
    assert.deepEqual(walked, ['session-ended', 'participant-left', 'participant-joined', 'session-started'])

    receiver.answer = () => 200
    assert.equal(await rollcall.webhooks.replay(id, { failed: true }), 1)
    await until(async () => (await takenOf(id)) === 4)
    const [delivery] = (await rollcall.webhooks.deliveries(id).page()).data
    const before = receiver.taken.length
    assert.equal(await rollcall.webhooks.replay(id, delivery?.id ?? ''), 1)
    await until(() => receiver.taken.length === before + 1)
    assert.equal(receiver.taken.at(-1)?.id, delivery?.id)
    assert.equal(await rollcall.webhooks.replay(id, { from: new Date(0), to: new Date() }), 4)
  })
})
