import type { Context } from '../context.ts'
import type { ChangeSignal } from '../record/change-signal.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import { repeat } from '../runtime/repeat.ts'
import { coalesce } from '../runtime/single-flight.ts'
import type { DueDelivery } from '../store/store.ts'
import type { WebhookLimits } from './limits.ts'
import { createPace } from './pace.ts'
import { createSender } from './send.ts'
import { createSigner } from './sign.ts'
import { createSigningKey } from './signing-key.ts'

export type Webhooks = {
  /** Looks soon what a key has to send. */
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

/** Deliveries planned for one that may be sent: most wait for another of their session. */
const planPerSend = 8
/** Endpoints looked at for one delivery that may be sent. */
const endpointsPerSend = 4

/**
 * Plans and sends the webhooks of all keys, a look at a time. What it knows is in the store: the changes, the cursors, the
 * deliveries. Whatever was under way when the process stopped is sent again, under the same id.
 */
export function startWebhooks(
  { reads, writes, clock, log }: Pick<Context, 'reads' | 'writes' | 'clock' | 'log'>,
  { guardedFetch, signal, limits, factsWaiting, isMine }: WebhookParts,
): Webhooks {
  const send = createSender({ guardedFetch, sign: createSigner(createSigningKey({ reads, writes })), clock, limits })
  const pace = createPace(factsWaiting)
  /** Keys that may have something to plan or to send. */
  const woken = new Set<number>()
  /** Under way, by key and endpoint: the ids of deliveries. */
  const underWay = new Map<string, Set<string>>()
  /** The endpoint at which the last look of a key ended. */
  const places = new Map<number, string>()
  /** Deliveries that were planned beyond what was wanted, by key. */
  const tooMany = new Map<number, number>()
  let isStopping = false
  const failed = (err: unknown) => log.error({ err }, 'webhooks could not be looked after; the next look tries again')

  const look = coalesce(async () => {
    let budget = await pace.next()
    const keyIds = [...woken]
    woken.clear()
    for (const [i, keyId] of keyIds.entries()) {
      if (isStopping || !isMine()) return
      // Each gets its part, and what those before it left.
      const part = Math.ceil(budget / (keyIds.length - i))
      const { sent, isMore } = await planAndSend(keyId, part)
      budget -= sent
      if (isMore) woken.add(keyId)
    }
    if (woken.size > 0) look().catch(failed)
  })
  const wake = (keyId: number) => {
    // Another process is told of it, or sees it at its next look.
    if (!isMine()) return
    woken.add(keyId)
    look().catch(failed)
  }
  const unlisten = signal.listen((keyId) => {
    for (const id of reads.webhookKeys()) if (keyId === undefined || keyId === id) wake(id)
  })
  const wakeAll = async () => {
    if (!isMine()) return
    for (const keyId of reads.webhookKeys()) woken.add(keyId)
    if (woken.size > 0) await look()
  }
  const polling = repeat(limits.pollMs, wakeAll, failed)
  wakeAll().catch(failed)

  return {
    wake,
    async stop() {
      isStopping = true
      unlisten()
      await polling.stop()
      woken.clear()
      await look()
    },
  }

  async function planAndSend(keyId: number, budget: number): Promise<{ sent: number; isMore: boolean }> {
    const isToPlan = await plan(keyId, budget * planPerSend)
    const { sent, isAll } = await sendDue(keyId, budget)
    return { sent, isMore: isToPlan || !isAll }
  }

  /** One change may make more deliveries than are wanted now: the next looks plan so many less. True where more are to be planned. */
  async function plan(keyId: number, most: number): Promise<boolean> {
    if (!(await reads.isAnythingToPlan(keyId))) return false
    const wanted = most - (tooMany.get(keyId) ?? 0)
    const { deliveries, isMore } =
      wanted > 0 ? await writes.planWebhooks({ keyId, most: wanted }) : { deliveries: 0, isMore: true }
    tooMany.set(keyId, Math.max(0, deliveries - wanted))
    return isMore
  }

  /** From endpoint to endpoint, on from where the last look ended, until all were looked at or enough was sent. */
  async function sendDue(keyId: number, budget: number): Promise<{ sent: number; isAll: boolean }> {
    const now = clock.now()
    const first = places.get(keyId) ?? ''
    let place = first
    let isSecondHalf = false
    let sent = 0
    for (let steps = 0; sent < budget && steps < budget * endpointsPerSend; steps++) {
      const next = await reads.findWaitingEndpoint(keyId, place)
      if (next === undefined && !isSecondHalf) {
        isSecondHalf = true
        place = ''
        continue
      }
      if (next === undefined || (isSecondHalf && next.endpointId > first)) return { sent, isAll: true }
      place = next.endpointId
      places.set(keyId, place)
      if (next.at <= now) sent += await sendTo(keyId, place, { now, most: budget - sent })
    }
    return { sent, isAll: false }
  }

  /** Gives how many went off. */
  async function sendTo(keyId: number, endpointId: string, { now, most }: { now: number; most: number }) {
    const busy = busyAt(keyId, endpointId)
    const room = Math.min(limits.perEndpoint - busy.size, most)
    if (room <= 0) return 0
    const due = await reads.listDue(keyId, endpointId, now, room + busy.size)
    const free = isStopping ? [] : due.filter(({ delivery }) => !busy.has(delivery.id)).slice(0, room)
    for (const one of free) deliver(one, busy)
    return free.length
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
}
