import { Temporal } from 'temporal-polyfill'

/** What time is counted by, in some time zone: a week begins on Monday. */
export type Unit = 'day' | 'week' | 'month'

/** A day, week or month: `start` as yyyy-mm-dd there, and from when until when that is, in epoch milliseconds. */
export type Step = { start: string; from: number; to: number }

/** Whether there is such a time zone, as IANA names it. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // Offsets such as +01:00 are none that a calendar has.
    return /^[A-Z]/i.test(name)
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/**
 * The days, weeks or months that a time reaches into, in order: a day has 23 or 25 hours where the clocks change.
 * @param to epoch milliseconds, exclusive; a moment of no length lies in one step
 */
export function* stepsOf(from: number, to: number, timeZone: string, unit: Unit): Generator<Step> {
  let date = firstOf(dateOf(from, timeZone), unit)
  for (let at = startOf(date, timeZone); ; ) {
    const next = date.add(unit === 'day' ? { days: 1 } : unit === 'week' ? { weeks: 1 } : { months: 1 })
    const end = startOf(next, timeZone)
    yield { start: date.toString(), from: at, to: end }
    if (end >= to) return
    date = next
    at = end
  }
}

/** The day that it is then, there. */
function dateOf(at: number, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate()
}

function firstOf(date: Temporal.PlainDate, unit: Unit): Temporal.PlainDate {
  if (unit === 'day') return date
  return unit === 'week' ? date.subtract({ days: date.dayOfWeek - 1 }) : date.with({ day: 1 })
}

function startOf(date: Temporal.PlainDate, timeZone: string): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds
}
