import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from './error.ts'

/** A delivery that is held tries again this often, in milliseconds. */
export const retryMs = 50

/**
 * What becomes of deliveries while too many facts wait for the disk: they are held, and new ones are not read, for as long
 * as their senders wait without harm.
 */
export type Patience = {
  /** Resolves when there may be room again, or when `patienceMs` are over: to be awaited before a body is read. */
  untilRoom(patienceMs: number): Promise<void>
  /** Does the work; again where it is refused as BUSY, until `patienceMs` are over. */
  hold<T>(patienceMs: number, work: () => Promise<T>): Promise<T>
  /** Waits for a moment. False where the server stops: there is no more waiting. */
  pause(): Promise<boolean>
  /** Whoever is held is refused now: their senders keep what they have. */
  stop(): void
}

export function createPatience(): Patience {
  const stopping = new AbortController()
  // The wall clock's jumps are nothing to how long somebody waits.
  let fullUntil = 0

  return {
    async untilRoom(patienceMs) {
      const deadline = performance.now() + patienceMs
      while (performance.now() < Math.min(fullUntil, deadline) && (await pause()));
    },

    async hold(patienceMs, work) {
      const deadline = performance.now() + patienceMs
      for (;;) {
        try {
          return await work()
        } catch (error) {
          if (!(error instanceof Refusal) || error.code !== 'BUSY') throw error
          // Longer than until the next try, which may find it full again.
          fullUntil = performance.now() + 2 * retryMs
          if (performance.now() + retryMs > deadline || !(await pause())) throw error
        }
      }
    },

    pause,

    stop() {
      stopping.abort()
    },
  }

  function pause(): Promise<boolean> {
    return delay(retryMs, true, { signal: stopping.signal }).catch(() => false)
  }
}
