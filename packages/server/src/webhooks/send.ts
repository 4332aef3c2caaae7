import { toCleanText, webhookResponseMaxBytes } from '@rollcall/protocol'
import type { Clock } from '../runtime/clock.ts'
import { FetchFailure, type GuardedAnswer, type GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Tracing } from '../runtime/tracing.ts'
import type { DueDelivery } from '../store/outbox/deliveries.ts'
import type { Attempt } from '../store/outbox/queue.ts'
import { retryAfterMaxMs, type WebhookLimits } from './limits.ts'
import type { createSigner } from './sign.ts'

export type Send = (due: DueDelivery) => Promise<Attempt>

/** Makes the function that attempts a delivery once. */
export function createSender({
  guardedFetch,
  sign,
  clock,
  limits,
}: {
  guardedFetch: GuardedFetch
  sign: ReturnType<typeof createSigner>
  clock: Clock
  limits: Pick<WebhookLimits, 'deliveryTimeoutMs'>
}): Send {
  return async ({ delivery, endpoint, origins }: DueDelivery) => {
    const attemptedAt = clock.now()
    const startedMs = performance.now()
    const since = () => ({ attemptedAt, durationMs: Math.round(performance.now() - startedMs) })
    try {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Rollcall-Webhooks',
        ...(await sign(delivery, endpoint, { origins, now: attemptedAt })),
      }
      const answer = await guardedFetch.send(endpoint.endPoint, {
        method: 'POST',
        headers,
        body: delivery.body,
        timeoutMs: limits.deliveryTimeoutMs,
        enoughBytes: webhookResponseMaxBytes,
      })
      return { ...since(), ...toOutcome(answer, attemptedAt) }
    } catch (error) {
      if (!(error instanceof FetchFailure)) throw error
      return { ...since(), status: null, answer: null, error: error.message, retryAfterMs: 0 }
    }
  }
}

/** Each attempt is a span. */
export function traceAttempts(send: Send, tracing: Tracing): Send {
  return (due) =>
    tracing.span('webhook attempt', async (note) => {
      const attempt = await send(due)
      note({
        'rollcall.webhook.type': due.delivery.type,
        'rollcall.webhook.endpoint': due.endpoint.id,
        'rollcall.webhook.delivery': due.delivery.id,
        'rollcall.webhook.attempt': due.delivery.attempts + 1,
        ...(attempt.status !== null && { 'http.response.status_code': attempt.status }),
        ...(attempt.error !== null && { 'error.type': attempt.status === null ? 'no answer' : 'not taken' }),
      })
      return attempt
    })
}

function toOutcome(
  { status, headers, body }: GuardedAnswer,
  attemptedAt: number,
): Omit<Attempt, 'attemptedAt' | 'durationMs'> {
  const answer = toCleanText(body.toString())
  if (status >= 200 && status < 300) return { status, answer, error: null, retryAfterMs: 0 }
  const why = status >= 300 && status < 400 ? ': a redirect is not followed' : ''
  const retryAfterMs = readRetryAfter(headers['retry-after'], attemptedAt)
  return { status, answer, error: `it answered ${status}${why}`, retryAfterMs }
}

/** Seconds or a date, as HTTP has it. */
function readRetryAfter(text: string | undefined, now: number): number {
  if (text === undefined) return 0
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), retryAfterMaxMs)
}
