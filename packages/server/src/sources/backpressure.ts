import { setTimeout as delay } from 'node:timers/promises'
import { Refusal } from '../error.ts'

/** Work that was refused as BUSY is retried this often, in milliseconds. */
export const retryMs = 50

/**
 * Delays deliveries while the queue of facts is full: accepted ones are retried and new ones are not read, for as long as
 * their senders wait without harm.
 */
export type Backpressure = {
  /** Resolves when the queue may have room again, or after `maxWaitMs`. Await it before reading a body. */
  untilReady(maxWaitMs: number): Promise<void>
  /** Does the work, and retries it where it is refused as BUSY, until `maxWaitMs` are over. */
  retryWhileBusy<T>(maxWaitMs: number, work: () => Promise<T>): Promise<T>
  /** Waits for one retry interval. False where the server stops: whoever waits has to give up. */
  pause(): Promise<boolean>
  /** Ends all waiting: delayed deliveries are refused, and their senders keep them. */
  stop(): void
}

/** @param fixedMaxWaitMs applies to every sender, in place of its own */
export function createBackpressure(fixedMaxWaitMs?: number): Backpressure {
  const stopping = new AbortController()
  /** Deliveries that were refused as BUSY and are being retried: the queue is full while there are any. */
  let delayed = 0
  // A monotonic clock: jumps of the wall clock change no waiting time.
  const deadlineOf = (maxWaitMs: number) => performance.now() + (fixedMaxWaitMs ?? maxWaitMs)

  return {
    async untilReady(maxWaitMs) {
      const deadline = deadlineOf(maxWaitMs)
      while (delayed > 0 && performance.now() < deadline && (await pause()));
    },

    async retryWhileBusy(maxWaitMs, work) {
      const deadline = deadlineOf(maxWaitMs)
      let isDelayed = false
      try {
        for (;;) {
          try {
            return await work()
          } catch (error) {
            if (!(error instanceof Refusal) || error.code !== 'BUSY') throw error
            if (!isDelayed) delayed += 1
            isDelayed = true
            if (performance.now() + retryMs > deadline || !(await pause())) throw error
          }
        }
      } finally {
        if (isDelayed) delayed -= 1
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
