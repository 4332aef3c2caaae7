const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Waits before each further attempt, in milliseconds; after the last one a delivery is parked. */
export const retryWaitsMs = [
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
]
/** A wait is longer by up to this part of it, so that what failed together does not come back together. */
const jitterPart = 0.1
/** What happened longer before it was recorded is history that somebody brought, and nobody is told of it, in milliseconds. */
export const historyAfterMs = 24 * hourMs
/** An endpoint that took nothing for this long, though it was sent something, is disabled, in milliseconds: 5 days. */
export const failingMaxMs = 5 * 24 * hourMs

/** The wait after so many attempts; undefined: no more are made. */
export function retryWaitMs(attempts: number): number | undefined {
  const waitMs = retryWaitsMs[attempts - 1]
  return waitMs === undefined ? undefined : Math.round(waitMs * (1 + Math.random() * jitterPart))
}
