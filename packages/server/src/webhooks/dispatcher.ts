import type { Context } from '../context.ts'
import type { ChangeSignal } from '../record/change-signal.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import { repeat } from '../runtime/repeat.ts'
import { coalesce } from '../runtime/single-flight.ts'
import type { WebhookLimits } from './limits.ts'
import { createOutbox } from './outbox.ts'
import { createPace } from './pace.ts'
import { createSender, traceAttempts } from './send.ts'
import { createSigner } from './sign.ts'
import { createSigningKey } from './signing-key.ts'

export type Webhooks = {
  /** Plans and sends soon what a key has to send. */
  wake(keyId: number): void
  stop(): Promise<void>
}

export type WebhookParts = {
  guardedFetch: GuardedFetch
  signal: ChangeSignal
  limits: WebhookLimits
  /** How many facts wait for the disk. */
  factsWaiting(): number
  /** Whether it is this process that plans and sends. */
  isMine(): boolean
}

/**
 * Plans and sends the webhooks of all keys, a round at a time. Its state is in the store: the changes, the cursors, the
 * deliveries. Whatever was under way when the process stopped is sent again, under the same id.
 */
export function startWebhooks(
  {
    reads,
    writes,
    known,
    clock,
    log,
    tracing,
  }: Pick<Context, 'reads' | 'writes' | 'known' | 'clock' | 'log' | 'tracing'>,
  { guardedFetch, signal, limits, factsWaiting, isMine }: WebhookParts,
): Webhooks {
  let isStopping = false
  const failed = (err: unknown) => log.error({ err }, 'webhook round failed; the next one tries again')
  const send = createSender({ guardedFetch, sign: createSigner(createSigningKey({ reads, writes })), clock, limits })
  const outbox = createOutbox(
    { reads, writes, clock },
    {
      send: tracing === undefined ? send : traceAttempts(send, tracing),
      limits,
      isStopping: () => isStopping,
      isMine,
      settled: (keyId) => wake(keyId),
      failed,
    },
  )
  const pace = createPace(factsWaiting)
  /** Keys that may have something to plan or to send. */
  const woken = new Set<number>()

  const runRound = coalesce(async () => {
    let budget = await pace.next()
    const keyIds = [...woken]
    woken.clear()
    for (const [i, keyId] of keyIds.entries()) {
      if (isStopping || !isMine()) return
      // Each key gets an equal part of what those before it left.
      const part = Math.ceil(budget / (keyIds.length - i))
      const { sent, isMore } = await outbox.planAndSend(keyId, part)
      budget -= sent
      if (isMore) woken.add(keyId)
    }
    if (woken.size > 0) runRound().catch(failed)
  })
  const wake = (keyId: number) => {
    // The process that sends is notified of the same change, or finds it when it polls.
    if (!isMine()) return
    woken.add(keyId)
    runRound().catch(failed)
  }
  const wakeAll = async () => {
    if (!isMine()) return
    for (const keyId of known.webhookKeys) woken.add(keyId)
    if (woken.size > 0) await runRound()
  }
  const unlisten = signal.listen((keyId) => {
    for (const id of known.webhookKeys) if (keyId === undefined || keyId === id) wake(id)
  })
  const polling = repeat(limits.pollMs, wakeAll, failed)
  wakeAll().catch(failed)

  return {
    wake,
    async stop() {
      isStopping = true
      unlisten()
      await polling.stop()
      woken.clear()
      await runRound()
    },
  }
}
