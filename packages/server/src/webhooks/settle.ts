import type { Attempt } from '../store/store.ts'
import type { WebhookStore } from '../store/webhooks.ts'
import { failingMaxMs, retryWaitMs } from './limits.ts'

/** Gone: whoever answers so wants nothing more. */
const goneStatus = 410

/** Notes an attempt: it was taken, or is made again later, or never more by itself. In a transaction of the caller's. */
export async function settleDelivery(
  webhooks: WebhookStore,
  keyId: number,
  id: string,
  { attemptedAt, status, error, retryAfterMs }: Attempt,
): Promise<void> {
  const delivery = await webhooks.findDelivery(keyId, id)
  if (delivery === undefined) return
  const { endpointId, attempts: before } = delivery
  const endpoint = await webhooks.find(keyId, endpointId)
  const attempts = before + 1
  const attempt = { attempts, attemptedAt, status, error }
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
    await webhooks.disable(keyId, endpointId, 'it answered 410: gone')
  } else if (attemptedAt - failingSince >= failingMaxMs) {
    const since = new Date(failingSince).toISOString()
    await webhooks.disable(keyId, endpointId, `it took nothing since ${since}; the last time: ${error}`)
  } else if (isOver) {
    await webhooks.settleLane(delivery)
  }
}
