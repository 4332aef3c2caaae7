import { toCleanText, webhookResponseMaxBytes } from '@rollcall/protocol'
import { coalesce } from '../coalesce.ts'
import type { Context } from '../context.ts'
import type { ChangeSignal } from '../feed/signal.ts'
import { FetchFailure, type GuardedAnswer, type GuardedFetch } from '../guarded-fetch.ts'
import { repeat } from '../repeat.ts'
import { createSigningKey } from '../signing-key.ts'
import type { Attempt, DueDelivery } from '../store/store.ts'
import { deliveryTimeoutMs, retryAfterMaxMs, type WebhookLimits } from './limits.ts'
import { createSigner } from './sign.ts'

export type Webhooks = {
  /** Looks at once what a key has to send. */
  wake(keyId: number): void
  stop(): Promise<void>
}

/**
 * Plans and sends the webhooks of all keys. What it knows is in the store: the changes, the cursors, the deliveries. Whatever was
 * under way when the process stopped is sent again, under the same id.
 */
export function startWebhooks(
  { reads, writes, clock, log }: Pick<Context, 'reads' | 'writes' | 'clock' | 'log'>,
  { guardedFetch, signal, limits }: { guardedFetch: GuardedFetch; signal: ChangeSignal; limits: WebhookLimits },
): Webhooks {
  const sign = createSigner(createSigningKey({ reads, writes }))
  const looks = new Map<number, () => Promise<void>>()
  /** Under way, by key and endpoint: the ids of deliveries. */
  const underWay = new Map<string, Set<string>>()
  let isStopping = false
  const failed = (err: unknown) => log.error({ err }, 'webhooks could not be looked after; the next look tries again')

  const look = (keyId: number): Promise<void> => {
    const known = looks.get(keyId) ?? coalesce(() => planAndSend(keyId))
    looks.set(keyId, known)
    return known()
  }
  const wake = (keyId: number) => {
    look(keyId).catch(failed)
  }
  const unlisten = signal.listen((keyId) => {
    for (const id of reads.webhookKeys()) if (keyId === undefined || keyId === id) wake(id)
  })
  const lookAtAll = async () => {
    await Promise.all([...reads.webhookKeys()].map(look))
  }
  const polling = repeat(limits.pollMs, lookAtAll, failed)
  lookAtAll().catch(failed)

  return {
    wake,
    async stop() {
      isStopping = true
      unlisten()
      await polling.stop()
      await Promise.all([...looks.values()].map((look) => look()))
    },
  }

  async function planAndSend(keyId: number): Promise<void> {
    if (isStopping) return
    if (await reads.isAnythingToPlan(keyId)) while ((await writes.planWebhooks({ keyId })) && !isStopping);
    const now = clock.now()
    for (const endpointId of await reads.listDueEndpoints(keyId, now)) {
      const busy = busyAt(keyId, endpointId)
      if (busy.size >= limits.perEndpoint) continue
      const due = await reads.listDue(keyId, endpointId, now, limits.perEndpoint + busy.size)
      for (const one of due) {
        if (busy.size < limits.perEndpoint && !busy.has(one.delivery.id) && !isStopping) deliver(one, busy)
      }
    }
  }

  function busyAt(keyId: number, endpointId: string): Set<string> {
    const name = `${keyId} ${endpointId}`
    const busy = underWay.get(name) ?? new Set()
    underWay.set(name, busy)
    return busy
  }

  /** Nobody waits for a slow receiver but what is on its way to it. */
  function deliver(due: DueDelivery, busy: Set<string>): void {
    busy.add(due.delivery.id)
    sendAndSettle(due)
      .finally(() => busy.delete(due.delivery.id))
      .then(() => wake(due.delivery.keyId), failed)
  }

  async function sendAndSettle(due: DueDelivery): Promise<void> {
    const { keyId, id } = due.delivery
    const attempt = await send(due)
    // The store is on its way out: as nobody knows what became of it, it is sent again after the next start.
    if (!isStopping) await writes.settleDelivery({ keyId, id, attempt })
  }

  async function send({ delivery, endpoint }: DueDelivery): Promise<Attempt> {
    const attemptedAt = clock.now()
    const startedMs = performance.now()
    const since = () => ({ attemptedAt, durationMs: Math.round(performance.now() - startedMs) })
    try {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Rollcall-Webhooks',
        ...(await sign(delivery, endpoint, attemptedAt)),
      }
      const answer = await guardedFetch.send(endpoint.endPoint, {
        method: 'POST',
        headers,
        body: delivery.body,
        timeoutMs: deliveryTimeoutMs,
        enoughBytes: webhookResponseMaxBytes,
      })
      return { ...since(), ...toOutcome(answer, attemptedAt) }
    } catch (error) {
      if (!(error instanceof FetchFailure)) throw error
      return { ...since(), status: null, answer: null, error: error.message, retryAfterMs: 0 }
    }
  }
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

/** Seconds, or a date: HTTP knows both. */
function readRetryAfter(text: string | undefined, now: number): number {
  if (text === undefined) return 0
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), retryAfterMaxMs)
}
