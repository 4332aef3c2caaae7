import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Attempt } from '../../src/store/outbox/queue.ts'
import { webhookLimits } from '../../src/webhooks/limits.ts'
import { createOutbox } from '../../src/webhooks/outbox.ts'
import { keep } from '../support/kept.ts'

const at = Date.UTC(2026, 0, 5, 9)
const taken: Attempt = { attemptedAt: at, durationMs: 1, status: 200, answer: '', error: null, retryAfterMs: 0 }

test('a webhook that is settled while what is due is read, from before that, is not sent again', async () => {
  const kept = await keep()
  const store = await kept.open(() => at)
  try {
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    await store.writes.webhooks.add({ keyId, endPoint: 'http://receiver.test/', events: ['*'] })
    const joined = {
      type: 'participant-joined',
      source: 'sfu',
      roomId: 'r',
      participantId: 'ann',
      connectionId: 'c',
    } as const
    await store.record(keyId, [{ ...joined, id: 'one', at, receivedAt: at, kind: 'person' }])

    const sent: string[] = []
    const answered = Promise.withResolvers<Attempt>()
    const settled = Promise.withResolvers<void>()
    let reading = 0
    const outbox = createOutbox(
      {
        clock: { now: () => at },
        writes: store.writes,
        reads: {
          ...store.reads,
          deliveries: {
            ...store.reads.deliveries,
            async listDue(...asked) {
              const due = await store.reads.deliveries.listDue(...asked)
              reading += 1
              if (reading === 2) {
                answered.resolve(taken)
                await settled.promise
              }
              return due
            },
          },
        },
      },
      {
        send(due) {
          sent.push(due.delivery.id)
          return answered.promise
        },
        limits: webhookLimits,
        isStopping: () => false,
        isMine: () => true,
        settled: () => settled.resolve(),
        failed: settled.reject,
      },
    )
    assert.equal((await outbox.planAndSend(keyId, 10)).sent, 1)
    await outbox.planAndSend(keyId, 10)
    assert.equal(reading, 2)
    assert.equal(new Set(sent).size, sent.length)
  } finally {
    await store.close()
    await kept.remove()
  }
})
