import { performance } from 'node:perf_hooks'

/** How much may be done in one look: deliveries sent, at least and at most. */
const leastPerLook = 2
const mostPerLook = 256
/** From the beginning of a look to the next, in milliseconds. */
const lookMs = 50
/** The share of its time for which the event loop may have something to do before webhooks give way. */
const busyShare = 0.8
/** Facts that wait for the disk before webhooks give way. */
const busyFacts = 100

export type Pace = {
  /** Resolves when the next look may begin, with how many deliveries it may send. */
  next(): Promise<number>
}

/**
 * Webhooks give way to the record: while facts wait for the disk, or the event loop is busy, each look does less and less, down to
 * a few; else twice as much as the one before. What is not sent now waits in the log of changes, and is lost to nobody.
 */
export function createPace(factsWaiting: () => number): Pace {
  let perLook = leastPerLook
  let last = performance.eventLoopUtilization()
  let lookedAt = Number.NEGATIVE_INFINITY
  return {
    async next() {
      const restMs = lookedAt + lookMs - performance.now()
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
      lookedAt = performance.now()
      const now = performance.eventLoopUtilization()
      const isBusy = factsWaiting() >= busyFacts || performance.eventLoopUtilization(now, last).utilization > busyShare
      last = now
      perLook = isBusy ? Math.max(leastPerLook, perLook / 4) : Math.min(mostPerLook, perLook * 2)
      return Math.floor(perLook)
    },
  }
}
