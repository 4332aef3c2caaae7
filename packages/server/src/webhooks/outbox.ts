import type { Context } from '../context.ts'
import { createFairPool } from '../runtime/fair-pool.ts'
import type { DueDelivery } from '../store/outbox/deliveries.ts'
import type { Attempt } from '../store/outbox/queue.ts'
import { underWayMax, type WebhookLimits } from './limits.ts'

/** What the keys have to send. */
export type Outbox = {
  /** Plans and sends for one key, as far as the budget goes. `isMore`: something is left. */
  planAndSend(keyId: number, budget: number): Promise<{ sent: number; isMore: boolean }>
}

export type OutboxParts = {
  send(due: DueDelivery): Promise<Attempt>
  limits: WebhookLimits
  isStopping(): boolean
  /** Whether it is this process that sends, at the moment. */
  isMine(): boolean
  /** Called when a delivery of a key is settled: another may be due in its place. */
  settled(keyId: number): void
  failed(error: unknown): void
}

/** Deliveries planned for one that may be sent: most wait for another of their session. */
const planPerSend = 8
/** Endpoints visited for one delivery that may be sent: most have nothing due. */
const endpointsPerSend = 4

export function createOutbox(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { send, limits, isStopping, isMine, settled, failed }: OutboxParts,
): Outbox {
  /** Ids of deliveries under way, by key and endpoint. */
  const underWay = new Map<string, Set<string>>()
  const pool = createFairPool(underWayMax)
  /** The endpoint at which the last round of a key ended. */
  const places = new Map<number, string>()
  /** Deliveries that were planned beyond what was wanted, by key. */
  const surplus = new Map<number, number>()

  return {
    async planAndSend(keyId, budget) {
      const isMoreToPlan = await plan(keyId, budget * planPerSend)
      const { sent, isAll } = await sendDue(keyId, budget)
      return { sent, isMore: isMoreToPlan || !isAll }
    },
  }

  /** One change may make more deliveries than are wanted: the next rounds plan so many less. True where more are to be planned. */
  async function plan(keyId: number, most: number): Promise<boolean> {
    if (!(await reads.deliveries.isAnyToPlan(keyId))) return false
    const wanted = most - (surplus.get(keyId) ?? 0)
    const { deliveries, isMore } =
      wanted > 0 ? await writes.deliveries.plan({ keyId, most: wanted }) : { deliveries: 0, isMore: true }
    surplus.set(keyId, Math.max(0, deliveries - wanted))
    return isMore
  }

  /** From endpoint to endpoint, on from where the last round ended, until all were visited or enough was sent. */
  async function sendDue(keyId: number, budget: number): Promise<{ sent: number; isAll: boolean }> {
    const now = clock.now()
    const first = places.get(keyId) ?? ''
    let place = first
    let isSecondHalf = false
    let sent = 0
    for (let steps = 0; sent < budget && steps < budget * endpointsPerSend; steps++) {
      const next = await reads.deliveries.findWaitingEndpoint(keyId, place)
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

  /** Gives how many it began to send. */
  async function sendTo(keyId: number, endpointId: string, { now, most }: { now: number; most: number }) {
    const busy = busyAt(keyId, endpointId)
    const room = Math.min(limits.perEndpoint - busy.size, most)
    if (room <= 0) return 0
    // What is read may be from before one of them was settled, which is under way no more by then.
    const wasBusy = new Set(busy)
    const due = await reads.deliveries.listDue(keyId, endpointId, now, room + busy.size)
    const free = isStopping() || !isMine() ? [] : due.filter(({ delivery }) => !wasBusy.has(delivery.id)).slice(0, room)
    let sent = 0
    for (const one of free) {
      if (!pool.take(keyId)) break
      deliver(one, busy)
      sent += 1
    }
    return sent
  }

  function busyAt(keyId: number, endpointId: string): Set<string> {
    const name = `${keyId} ${endpointId}`
    const busy = underWay.get(name) ?? new Set()
    underWay.set(name, busy)
    return busy
  }

  /** In the background: a slow receiver delays only its own deliveries. */
  function deliver(due: DueDelivery, busy: Set<string>): void {
    busy.add(due.delivery.id)
    sendAndSettle(due)
      .finally(() => {
        busy.delete(due.delivery.id)
        pool.release(due.delivery.keyId)
      })
      .then(() => settled(due.delivery.keyId), failed)
  }

  async function sendAndSettle(due: DueDelivery): Promise<void> {
    const { keyId, id } = due.delivery
    const attempt = await send(due)
    // The store is closing: the attempt is forgotten, and the delivery sent again after the next start.
    if (!isStopping()) await writes.deliveries.settle({ keyId, id, attempt })
  }
}
