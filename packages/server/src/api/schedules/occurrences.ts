import { occurrencesOf } from '../../runtime/calendar/recurrence.ts'
import { turns } from '../../runtime/turns.ts'
import type { Schedule } from '../../store/schedules.ts'
import type { Span } from '../reports/spans.ts'

const minuteMs = 60_000
/** So far around a period is looked for the occurrence before and the one after. */
const aroundMs = 8 * 24 * 3600 * 1000

/** One time that it should take place, and what the ones before and after leave to it. Epoch milliseconds. */
export type Planned = Span & { notBefore: number; notAfter: number }

/** Those that begin in a period, in order. */
export async function* plannedIn(schedule: Schedule, { from, to }: Span): AsyncGenerator<Planned, void> {
  const lengthMs = schedule.durationMinutes * minuteMs
  const around = { from: from - aroundMs, to: to + aroundMs }
  let before: number | undefined
  let current: number | undefined
  const plan = (at: number, next: number | undefined): Planned => ({
    from: at,
    to: at + lengthMs,
    notBefore: before === undefined ? Number.NEGATIVE_INFINITY : before + lengthMs,
    notAfter: next ?? Number.POSITIVE_INFINITY,
  })
  for await (const at of occurrencesOf(schedule, around, () => turns.next(schedule.keyId))) {
    if (current !== undefined && current >= from && current < to) yield plan(current, at)
    if (at >= to) return
    before = current
    current = at
  }
  if (current !== undefined && current >= from && current < to) yield plan(current, undefined)
}
