import { toIso } from '@rollcall/protocol'
import type { WebhookEndpoint } from '../rows.ts'
import type { Attempt } from '../store.ts'
import type { WebhookStore } from './deliveries.ts'
import { failingMaxMs, retryWaitMs } from './limits.ts'
import { planDisabled } from './plan.ts'

/** Gone: whoever answers so wants nothing more. */
const goneStatus = 410

/** Notes an attempt: it was taken, or is made again later, or never more by itself. In a transaction of the caller's. */
export async function settleDelivery(
  webhooks: WebhookStore,
  keyId: number,
  id: string,
  { retryAfterMs, ...outcome }: Attempt,
): Promise<void> {
  const delivery = await webhooks.findDelivery(keyId, id)
  if (delivery === undefined) return
  const { endpointId, attempts: before } = delivery
  const endpoint = await webhooks.find(keyId, endpointId)
  const attempts = before + 1
  const { attemptedAt, status, error } = outcome
  const attempt = { attempts, ...outcome }
  if (error === null) {
    await webhooks.noteAttempt(delivery, { ...attempt, state: 'delivered', nextAt: null })
    if (endpoint?.disabledAt === null) await webhooks.settleLane(delivery)
    if (endpoint !== undefined && endpoint.failingSince !== null) {
      await webhooks.setFailingSince(keyId, endpointId, null)
    }
    return
  }
  const waitMs = retryWaitMs(attempts)
  const isOver = waitMs === undefined || endpoint === undefined
  await webhooks.noteAttempt(delivery, {
    ...attempt,
    state: isOver ? 'parked' : 'pending',
    nextAt: isOver || endpoint.disabledAt !== null ? null : attemptedAt + Math.max(waitMs, retryAfterMs),
  })
  if (endpoint === undefined || endpoint.disabledAt !== null) return
  const failingSince = endpoint.failingSince ?? attemptedAt
  if (endpoint.failingSince === null) await webhooks.setFailingSince(keyId, endpointId, failingSince)
  if (status === goneStatus) {
    await disable(webhooks, endpoint, 'it answered 410: gone', attemptedAt)
  } else if (attemptedAt - failingSince >= failingMaxMs) {
    const since = toIso(failingSince)
    await disable(webhooks, endpoint, `it took nothing since ${since}; the last time: ${error}`, attemptedAt)
  } else if (isOver) {
    await webhooks.settleLane(delivery)
  }
}

/** Nothing more is sent there, and the key's other endpoints are told so. */
async function disable(webhooks: WebhookStore, endpoint: WebhookEndpoint, reason: string, at: number): Promise<void> {
  await webhooks.disable(endpoint.keyId, endpoint.id, reason)
  await planDisabled(webhooks, { ...endpoint, disabledReason: reason }, at)
}
