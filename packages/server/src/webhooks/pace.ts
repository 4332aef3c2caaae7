import { performance } from 'node:perf_hooks'

/** Deliveries sent in one round, at least: so that webhooks go on under any load. */
const leastPerRound = 2
/** Deliveries sent in one round, at most: so that facts wait for one round only briefly. */
const mostPerRound = 256
/** From the beginning of a round to the next, in milliseconds. */
const roundMs = 50
/** The share of its time that the event loop may be busy before webhooks give way. */
const busyShare = 0.8
/** Facts that wait for the disk before webhooks give way. */
const busyFacts = 100

export type Pace = {
  /** Resolves when the next round may begin, with how many deliveries it may send. */
  next(): Promise<number>
}

/**
 * Webhooks give way to the record: while facts wait for the disk, or the event loop is busy, each round sends a quarter of
 * the one before, down to a few; else twice as much. What is not sent now waits in the log of changes, and is not lost.
 */
export function createPace(factsWaiting: () => number): Pace {
  let perRound = leastPerRound
  let last = performance.eventLoopUtilization()
  let beganAt = Number.NEGATIVE_INFINITY
  return {
    async next() {
      const restMs = beganAt + roundMs - performance.now()
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
      beganAt = performance.now()
      const now = performance.eventLoopUtilization()
      const isBusy = factsWaiting() >= busyFacts || performance.eventLoopUtilization(now, last).utilization > busyShare
      last = now
      perRound = isBusy ? Math.max(leastPerRound, perRound / 4) : Math.min(mostPerRound, perRound * 2)
      return Math.floor(perRound)
    },
  }
}
