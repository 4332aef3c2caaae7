/** A clock is wrong where it is further from ours than this, in milliseconds: what is reported as wrong is corrected. */
export const wrongMs = 5000
/**
 * What is sent again, or waits behind that, carries the time of its first try: so late, in milliseconds, a delivery may be by a
 * clock that is right.
 */
export const lateMaxMs = 60_000
/** A correction stays as it is while the clock is found within this of it, in milliseconds: some clocks tell whole seconds. */
export const steadyMs = 2000
/** How late deliveries came is forgotten after so long, in milliseconds: clocks drift, and are set. At most twice as long. */
const spanMs = 600_000
/** Where many come, less time shows as much: what differs by two seconds in ten minutes differs by about half of one in two. */
const busy = { spanMs: 120_000, withinMs: 500, deliveriesMin: 5 }

/** How far one sender's clock is from ours, as far as the times of its deliveries tell. */
export type SenderClock = {
  /**
   * A delivery has arrived, so late by the sender's clock: negative where that is ahead. Gives by how much the sender's times are
   * to be moved, in milliseconds; 0 where its clock is right, or may be.
   */
  note(lagMs: number, now: number): number
  /** How far it is was measured, or is what the record was corrected by: that needs no further evidence. */
  take(measuredMs: number, now: number): void
  /** By how much its times are to be moved, as of the last of these. */
  readonly skewMs: number
}

/** A stretch of time, the least lag in it, and how many deliveries that were sent a second or more apart. */
type Span = { since: number; leastMs: number; deliveries: number; sentAt: number }

/**
 * Each delivery is late by the difference of the clocks and by its own way; a way takes from no time to days, where it is sent
 * again, and never less than none. So the clock is as far behind as the least late of many deliveries. One ahead is told by one
 * delivery that was sent after it came. One behind looks as deliveries do that waited: it is believed once the least late of
 * each of two spans, one after the other, are as late as each other, which what waited is not: it is worked off.
 */
export function createSenderClock(): SenderClock {
  let skewMs = 0
  const patient = createSpans({ spanMs, withinMs: steadyMs, deliveriesMin: 1 })
  const all = [patient, createSpans(busy)]

  return {
    note(lagMs, now) {
      const wasSetBack = skewMs < 0 && Math.abs(lagMs) <= wrongMs && lagMs - skewMs > lateMaxMs
      const isLessBehind = skewMs > 0 && lagMs < skewMs - steadyMs
      if (wasSetBack || isLessBehind) forget()
      noteLag(lagMs, now)
      const leastMs = patient.leastMs()
      if (leastMs < -wrongMs) correctBy(leastMs)
      else if (leastMs > lateMaxMs && all.some((spans) => spans.areAlike(leastMs))) correctBy(leastMs)
      else if (skewMs < 0) skewMs = 0
      return skewMs
    },
    take(measuredMs, now) {
      const isRight = Math.abs(measuredMs) <= wrongMs
      if (isRight ? skewMs === 0 : Math.abs(measuredMs - skewMs) <= steadyMs) return
      forget()
      noteLag(measuredMs, now)
      if (!isRight) skewMs = measuredMs
    },
    get skewMs() {
      return skewMs
    },
  }

  function forget(): void {
    skewMs = 0
    for (const spans of all) spans.forget()
  }

  function noteLag(lagMs: number, now: number): void {
    for (const spans of all) spans.note(lagMs, now)
  }

  function correctBy(ms: number): void {
    if (Math.abs(ms - skewMs) > steadyMs) skewMs = ms
  }
}

type Spans = {
  note(lagMs: number, now: number): void
  forget(): void
  /** Of the present span and the one before. */
  leastMs(): number
  /** Whether the two before the present one were as late as each other, and as the least late of all. */
  areAlike(leastMs: number): boolean
}

type SpanLimits = { spanMs: number; withinMs: number; deliveriesMin: number }

function createSpans({ spanMs, withinMs, deliveriesMin }: SpanLimits): Spans {
  /** The present one first, at most three. */
  let spans: Span[] = []

  return {
    note(lagMs, now) {
      const sentAt = now - lagMs
      const [span] = spans
      if (span === undefined || now - span.since >= spanMs) {
        spans = [{ since: now, leastMs: lagMs, deliveries: 1, sentAt }, ...spans.slice(0, 2)]
        return
      }
      span.leastMs = Math.min(span.leastMs, lagMs)
      if (sentAt - span.sentAt < 1000) return
      span.deliveries += 1
      span.sentAt = sentAt
    },
    forget() {
      spans = []
    },
    leastMs: () => Math.min(...spans.slice(0, 2).map((span) => span.leastMs)),
    areAlike(leastMs) {
      const [, one, other] = spans
      if (one === undefined || other === undefined) return false
      const areMany = Math.min(one.deliveries, other.deliveries) >= deliveriesMin
      return areMany && Math.abs(one.leastMs - other.leastMs) <= withinMs && one.leastMs - leastMs <= steadyMs
    },
  }
}
