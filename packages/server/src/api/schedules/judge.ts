import type { AttendanceStatus } from '@rollcall/protocol'
import type { Span } from '../reports/spans.ts'

/** One time that a schedule takes place, and when its rooms were really used for it. */
export type Occurrence = Span & {
  /** In order, none overlaps another. */
  actual: Span[]
}

/** What somebody’s stays amount to, held against one occurrence. Times are epoch milliseconds. */
export type Verdict = {
  status: AttendanceStatus
  lateMs: number
  leftEarlyMs: number
  presentMs: number
  /** Of a hundred; null where nothing of it is over, or where it did not take place. */
  ofScheduled: number | null
  ofActual: number | null
  joinedAt: number | null
  leftAt: number | null
}

/**
 * Whether somebody was there when they should have been.
 * @param stays when they were inside, in order; those that overlap are one; what goes on ends after `now`
 */
export function judge(
  { from, to, actual }: Occurrence,
  stays: Span[],
  { graceMs, now }: { graceMs: number; now: number },
): Verdict {
  const inside = stays.filter((stay) => reaches(stay, from, to))
  const [first, last] = [inside[0], inside.at(-1)]
  const actualMs = sum(actual, now)
  const overMs = Math.min(to, now) - from
  if (first === undefined || last === undefined) {
    const isOver = now > from + graceMs
    const none = { lateMs: 0, leftEarlyMs: 0, presentMs: 0, joinedAt: null, leftAt: null }
    const share = isOver && overMs > 0 ? 0 : null
    return {
      status: isOver ? 'absent' : 'expected',
      ...none,
      ofScheduled: share,
      ofActual: actualMs > 0 ? share : null,
    }
  }
  const lateMs = Math.max(0, first.from - from)
  const leftEarlyMs = last.to > now ? 0 : Math.max(0, to - last.to)
  const presentMs = overlap(inside, [{ from, to: Math.min(to, now) }])
  return {
    status: statusOf(lateMs > graceMs, leftEarlyMs > graceMs),
    lateMs,
    leftEarlyMs,
    presentMs,
    ofScheduled: toPercent(presentMs, overMs),
    ofActual: toPercent(overlap(stays, actual, now), actualMs),
    joinedAt: first.from,
    leftAt: last.to > now ? null : last.to,
  }
}

/** Of a hundred, to a tenth. */
export function toPercent(part: number, whole: number): number | null {
  return whole > 0 ? Math.round((part / whole) * 1000) / 10 : null
}

/** Also a stay of no length is one. */
export function reaches(stay: Span, from: number, to: number): boolean {
  return stay.from < to && (stay.to > from || (stay.from === stay.to && stay.from >= from))
}

function statusOf(isLate: boolean, isEarly: boolean): AttendanceStatus {
  if (isLate) return isEarly ? 'late-and-left-early' : 'late'
  return isEarly ? 'left-early' : 'on-time'
}

/** For how long both were. */
function overlap(stays: Span[], spans: Span[], now = Number.POSITIVE_INFINITY): number {
  let ms = 0
  for (const stay of stays)
    for (const span of spans) {
      ms += Math.max(0, Math.min(stay.to, span.to, now) - Math.max(stay.from, span.from))
    }
  return ms
}

export function sum(spans: Span[], now: number): number {
  return spans.reduce((ms, span) => ms + Math.max(0, Math.min(span.to, now) - span.from), 0)
}
