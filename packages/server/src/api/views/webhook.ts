import {
  type WebhookDelivery as ApiDelivery,
  type WebhookEndpoint as ApiEndpoint,
  toIso,
  toIsoOrNull,
} from '@rollcall/protocol'
import type { WebhookEndpoint } from '../../store/outbox/endpoints.ts'
import type { WebhookDelivery } from '../../store/outbox/queue.ts'

/**
 * An endpoint as the API shows it.
 * @param now epoch milliseconds
 * @param isNew its secret was just made: it is shown this once
 */
export function toWebhookEndpoint(endpoint: WebhookEndpoint, now: number, { isNew = false } = {}): ApiEndpoint {
  const { id, endPoint, events, roomId, secret, previousSecret, previousUntil } = endpoint
  const overlaps = previousSecret !== null && now < (previousUntil ?? 0)
  return {
    id,
    endPoint,
    events,
    roomId,
    ...(isNew && { secret }),
    previousSecretUntil: overlaps ? toIsoOrNull(previousUntil) : null,
    enabled: endpoint.disabledAt === null,
    disabledReason: endpoint.disabledReason,
    failingSince: toIsoOrNull(endpoint.failingSince),
    createdAt: toIso(endpoint.createdAt),
    updatedAt: toIso(endpoint.updatedAt),
  }
}

export function toDelivery(delivery: WebhookDelivery): ApiDelivery {
  const { id, type, sessionId, state, attempts, nextAt, attemptedAt, createdAt, body } = delivery
  return {
    id,
    webhookType: type,
    sessionId: sessionId === id ? null : sessionId,
    state,
    attempts,
    nextAttemptAt: toIsoOrNull(nextAt),
    lastAttemptAt: toIsoOrNull(attemptedAt),
    lastStatus: delivery.status,
    lastResponse: delivery.answer,
    lastDurationMs: delivery.durationMs,
    lastError: delivery.error,
    createdAt: toIso(createdAt),
    body,
  }
}
