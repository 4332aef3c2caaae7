import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { HeldDuty, SharedDuties } from '../store/duties.ts'
import type { ClusterLimits } from './limits.ts'

/** Work that one process does for all that run before one database. */
export type Duty = 'sweep' | 'seal' | 'retain' | 'auto-close' | 'webhooks' | 'reconcile'
const allDuties: Duty[] = ['sweep', 'seal', 'retain', 'auto-close', 'webhooks', 'reconcile']

/**
 * The duties of this process. Each is a lease in the database, whose fence grows as it is renewed: whoever has it does the work
 * for `dutyMs` after the last renewal began, and another takes it that saw the fence stand still for longer. Each by its own
 * monotonic clock: no two have it at one time, whatever becomes of connections, locks or clocks.
 */
export type Duties = {
  isMine(duty: Duty): boolean
  /** Renews those that this process has, and takes those that no process has, or renewed. */
  take(): Promise<void>
  /** Lets others take them at once; where the database does not hear of it, once they lapse. */
  release(): Promise<void>
}

export function createDuties(log: Logger, { shared, limits }: { shared: SharedDuties; limits: ClusterLimits }): Duties {
  const holder = randomUUID()
  let mine = new Set<string>()
  /** By the monotonic clock. */
  let until = Number.NEGATIVE_INFINITY
  /** Duties of others, as they were seen first so. */
  let seen = new Map<string, HeldDuty & { since: number }>()

  return {
    isMine: (duty) => mine.has(duty) && performance.now() < until,
    async take() {
      const began = performance.now()
      const renewed = new Set(await shared.renew(holder))
      for (const duty of mine) if (!renewed.has(duty)) log.debug({ duty }, 'duty lost')
      if (renewed.size < allDuties.length) await takeOthers(renewed)
      for (const duty of renewed) if (!mine.has(duty)) log.debug({ duty }, 'duty taken')
      mine = renewed
      // From before it was asked: others see the new fence later than that.
      until = began + limits.dutyMs
      log.trace({ duties: [...mine], validMs: Math.floor(until - performance.now()) }, 'duties renewed')
    },
    async release() {
      mine = new Set()
      log.trace('duties let go')
      try {
        await shared.release(holder)
      } catch (err) {
        log.warn({ err }, 'duties not given back; they lapse by themselves')
      }
    },
  }

  async function takeOthers(renewed: Set<string>): Promise<void> {
    const held = new Map((await shared.list()).map((one) => [one.duty, one]))
    const before = seen
    seen = new Map()
    for (const duty of allDuties.filter((one) => !renewed.has(one))) {
      const other = held.get(duty)
      if (other !== undefined && !isLapsed(other, before.get(duty))) continue
      if (await shared.take(duty, holder, other)) renewed.add(duty)
    }
  }

  function isLapsed(other: HeldDuty, before: (HeldDuty & { since: number }) | undefined): boolean {
    const now = performance.now()
    const isSame = before?.holder === other.holder && before.fence === other.fence
    const since = isSame ? before.since : now
    seen.set(other.duty, { ...other, since })
    return now - since >= limits.dutyMs + limits.dutyMarginMs
  }
}
