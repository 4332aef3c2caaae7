import { toIso } from '@rollcall/protocol'
import type { Over } from '../noun.ts'
import { disableEndpoint, setFailingSince, type WebhookEndpoint, webhooks } from './endpoints.ts'
import { settleLane } from './lanes.ts'
import { failingMaxMs, retryWaitMs } from './limits.ts'
import { planDisabled } from './plan.ts'
import { type Attempt, findDelivery, noteAttempt } from './queue.ts'

/** Gone: whoever answers so wants nothing more. */
const goneStatus = 410

/** Notes an attempt: it was taken, or is made again later, or never more by itself. In a transaction of the caller's. */
export async function settleAttempt(
  over: Over,
  { keyId, id, attempt: { retryAfterMs, ...outcome } }: { keyId: number; id: string; attempt: Attempt },
): Promise<void> {
  const { db, now } = over
  const delivery = await findDelivery(db, keyId, id)
  if (delivery === undefined) return
  const { endpointId, attempts: before } = delivery
  const endpoint = await webhooks.reads.find(over, keyId, endpointId)
  const attempts = before + 1
  const { attemptedAt, status, error } = outcome
  const attempt = { attempts, ...outcome }
  if (error === null) {
    await noteAttempt(db, delivery, { ...attempt, state: 'delivered', nextAt: null })
    if (endpoint?.disabledAt === null) await settleLane(db, now(), delivery)
    if (endpoint !== undefined && endpoint.failingSince !== null) {
      await setFailingSince(over, keyId, endpointId, null)
    }
    return
  }
  const waitMs = retryWaitMs(attempts)
  const isOver = waitMs === undefined || endpoint === undefined
  await noteAttempt(db, delivery, {
    ...attempt,
    state: isOver ? 'parked' : 'pending',
    nextAt: isOver || endpoint.disabledAt !== null ? null : attemptedAt + Math.max(waitMs, retryAfterMs),
  })
  if (endpoint === undefined || endpoint.disabledAt !== null) return
  const failingSince = endpoint.failingSince ?? attemptedAt
  if (endpoint.failingSince === null) await setFailingSince(over, keyId, endpointId, failingSince)
  if (status === goneStatus) {
    await disable(over, endpoint, 'it answered 410: gone', attemptedAt)
  } else if (attemptedAt - failingSince >= failingMaxMs) {
    const since = toIso(failingSince)
    await disable(over, endpoint, `it took nothing since ${since}; the last time: ${error}`, attemptedAt)
  } else if (isOver) {
    await settleLane(db, now(), delivery)
  }
}

/** Nothing more is sent there, and the key's other endpoints are told so. */
async function disable(over: Over, endpoint: WebhookEndpoint, reason: string, at: number): Promise<void> {
  await disableEndpoint(over, endpoint.keyId, endpoint.id, reason)
  await planDisabled(over, { ...endpoint, disabledReason: reason }, at)
}
