import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../error.ts'

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

/** @param patienceMs for every sender alike, in place of its own */
export function createPatience(patienceMs?: number): Patience {
  const stopping = new AbortController()
  /** Deliveries that are held: there is no room. */
  let held = 0
  // The wall clock's jumps are nothing to how long somebody waits.
  const deadlineOf = (ofSenderMs: number) => performance.now() + (patienceMs ?? ofSenderMs)

  return {
    async untilRoom(ofSenderMs) {
      const deadline = deadlineOf(ofSenderMs)
      while (held > 0 && performance.now() < deadline && (await pause()));
    },

    async hold(ofSenderMs, work) {
      const deadline = deadlineOf(ofSenderMs)
      let isHeld = false
      try {
        for (;;) {
          try {
            return await work()
          } catch (error) {
            if (!(error instanceof Refusal) || error.code !== 'BUSY') throw error
            if (!isHeld) held += 1
            isHeld = true
            if (performance.now() + retryMs > deadline || !(await pause())) throw error
          }
        }
      } finally {
        if (isHeld) held -= 1
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
