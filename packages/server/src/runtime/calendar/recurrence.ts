import { Temporal } from 'temporal-polyfill'

/** What recurs by the clocks of a time zone: at the same time of day, also where they change. */
export type Recurrence = {
  /** The first, as yyyy-mm-ddThh:mm:ss there. */
  startLocal: string
  timeZone: string
  /** As `parseRule` gives it; empty: once. */
  rrule: string
  /** Days, as yyyy-mm-dd there, on which it is left out. */
  exdates: string[]
}

/** Of a rule that counts, no more is walked than these years from its first. */
export const countedYearsMax = 10
const yearMs = 366 * 24 * 3600 * 1000
/** Walked at once: some milliseconds of work. */
const windowMs = 92 * 24 * 3600 * 1000

const weekday = '(MO|TU|WE|TH|FR|SA|SU)'
const list = (one: string) => new RegExp(`^${one}(,${one}){0,30}$`)
const dayOfMonth = '-?([1-9]|[12]\\d|3[01])'
/**
 * The parts of a rule that are taken, and their values. Others are refused by name: what recurs within a day, and what makes a
 * library search for years.
 */
const parts: { [name: string]: RegExp } = {
  FREQ: /^(DAILY|WEEKLY|MONTHLY|YEARLY)$/,
  INTERVAL: /^0*[1-9]\d{0,2}$/,
  COUNT: /^[1-9]\d{0,3}$/,
  UNTIL: /^\d{8}(T\d{6}Z?)?$/,
  BYDAY: list(`[+-]?[1-5]?${weekday}`),
  BYMONTHDAY: list(dayOfMonth),
  BYMONTH: list('([1-9]|1[0-2])'),
  BYSETPOS: list(dayOfMonth),
  WKST: new RegExp(`^${weekday}$`),
}

/** The rule in one form, or what is wrong with it in words. */
export function parseRule(text: string): { rule: string } | { wrong: string } {
  const named = new Map<string, string>()
  for (const part of text
    .trim()
    .replace(/^RRULE:/i, '')
    .toUpperCase()
    .split(';')
    .filter(Boolean)) {
    const [name = '', value = ''] = part.split('=')
    const takes = Object.hasOwn(parts, name) ? parts[name] : undefined
    if (takes === undefined) return { wrong: `${name} is not taken` }
    if (named.has(name)) return { wrong: `${name} is there twice` }
    if (!takes.test(value)) return { wrong: `${name}=${value.slice(0, 40)} is not understood` }
    named.set(name, value)
  }
  const freq = named.get('FREQ')
  if (freq === undefined) return { wrong: 'FREQ is missing' }
  if (named.has('COUNT') && named.has('UNTIL')) return { wrong: 'it has COUNT and UNTIL' }
  const byMonth = freq === 'MONTHLY' || freq === 'YEARLY'
  if (!byMonth && /\d/.test(named.get('BYDAY') ?? '')) return { wrong: `BYDAY with a number is not of ${freq}` }
  if (!byMonth && named.has('BYSETPOS')) return { wrong: `BYSETPOS is not of ${freq}` }
  if (freq === 'WEEKLY' && named.has('BYMONTHDAY')) return { wrong: 'BYMONTHDAY is not of WEEKLY' }
  const until = named.get('UNTIL')
  if (until !== undefined && !isTime(until)) return { wrong: `UNTIL=${until} is no time` }
  return {
    rule: Object.keys(parts)
      .flatMap((name) => (named.has(name) ? `${name}=${named.get(name)}` : []))
      .join(';'),
  }
}

function isTime(until: string): boolean {
  return readLocal(until.replace(/Z$/, '')) !== undefined
}

/** Also as iCalendar writes it. Undefined where there is no such time. */
export function readLocal(text: string): Temporal.PlainDateTime | undefined {
  try {
    return Temporal.PlainDateTime.from(text)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Epoch milliseconds of a local time: one that the clocks pass over is as much later, of two the first. */
export function toInstant(local: string, timeZone: string): number {
  return Temporal.PlainDateTime.from(local).toZonedDateTime(timeZone).epochMilliseconds
}

/** By the clocks there: yyyy-mm-ddThh:mm:ss. */
export function toLocal(at: number, timeZone: string): string {
  const there = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
  return there.toPlainDateTime().toString({ smallestUnit: 'second' })
}

/** How far the clocks there are from UTC at a moment, such as +01:00. */
export function offsetAt(at: number, timeZone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).offset
}

/**
 * When it begins each time, in epoch milliseconds and in order, from `from` inclusive to `to` exclusive. Without end where neither it nor
 * `to` ends.
 * @param pause awaited between slices of the work, each some milliseconds
 */
export async function* occurrencesOf(
  recurrence: Recurrence,
  { from, to }: { from: number; to: number },
  pause: () => Promise<void> = async () => {},
): AsyncGenerator<number, void> {
  const { startLocal, timeZone, rrule, exdates } = recurrence
  const startAt = toInstant(startLocal, timeZone)
  if (rrule === '') {
    if (startAt >= from && startAt < to) yield startAt
    return
  }
  const { count, untilAt, rule } = await openRule(recurrence)
  const left = new Set(exdates)
  // What counts is counted from the first.
  let at = count === undefined ? Math.max(startAt, from) : startAt
  const last = Math.min(
    to - 1,
    untilAt,
    count === undefined ? Number.POSITIVE_INFINITY : startAt + countedYearsMax * yearMs,
  )
  for (let n = 0; at <= last; ) {
    const end = Math.min(at + windowMs - 1, last)
    for (const next of rule.between(new Date(at), new Date(end), true)) {
      n += 1
      if (count !== undefined && n > count) return
      const begins = next.epochMilliseconds
      if (begins >= from && !left.has(toLocal(begins, timeZone).slice(0, 10))) yield begins
    }
    at = end + 1
    await pause()
  }
}

/** How often a rule recurs that counts, when it ends, and the rule without either: the library walks a rule without end by what is asked of it. */
async function openRule({ startLocal, timeZone, rrule }: Recurrence) {
  const { RRuleTemporal } = await import('rrule-temporal')
  const named = new Map(rrule.split(';').map((part) => part.split('=') as [string, string]))
  const [count, until] = [named.get('COUNT'), named.get('UNTIL')]
  named.delete('COUNT')
  named.delete('UNTIL')
  const text = [...named].map((part) => part.join('=')).join(';')
  const start = startLocal.replaceAll(/[-:]/g, '')
  return {
    count: count === undefined ? undefined : Number(count),
    untilAt: until === undefined ? Number.POSITIVE_INFINITY : toUntil(until, timeZone),
    rule: new RRuleTemporal({ rruleString: `DTSTART;TZID=${timeZone}:${start}\nRRULE:${text}` }),
  }
}

/** The last moment: a day is meant to its end. */
function toUntil(until: string, timeZone: string): number {
  if (until.endsWith('Z'))
    return Temporal.PlainDateTime.from(until.slice(0, -1)).toZonedDateTime('UTC').epochMilliseconds
  const isDay = until.length === 8
  const local = Temporal.PlainDateTime.from(until)
  return (isDay ? local.add({ days: 1 }) : local).toZonedDateTime(timeZone).epochMilliseconds - (isDay ? 1 : 0)
}
