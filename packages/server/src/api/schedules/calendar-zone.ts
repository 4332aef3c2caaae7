import { Temporal } from 'temporal-polyfill'

/** What has changed the clocks by one rule for so many years does so for ever: each day of the rule was on each weekday by then. */
const ruleYears = 28

/** A change of the clocks: when, by the clocks from before it, and the offsets before and after. */
type Onset = { local: Temporal.PlainDateTime; from: string; to: string; isForward: boolean }

/**
 * A time zone as an iCalendar file defines it (RFC 5545 section 3.6.5), by the rules that this process has. What changes by
 * one rule every year is written as that, any other change by its date.
 * @param firstLocal the first time that is used of it: yyyy-mm-ddThh:mm:ss
 * @param now epoch milliseconds
 */
export function writeZone(timeZone: string, firstLocal: string, now: number): string[] {
  const before = Temporal.PlainDateTime.from(firstLocal).subtract({ days: 1 }).toZonedDateTime(timeZone)
  const lastYear = Math.max(before.year, new Date(now).getUTCFullYear()) + ruleYears
  const begin = { local: before.toPlainDateTime(), from: before.offset, to: before.offset, isForward: false }
  const yearly: string[] = []
  const listed = new Map<string, Onset[]>([['', [begin]]])
  for (const run of toRuns(onsetsOf(before, lastYear))) {
    const [first, last] = [run[0], run.at(-1)]
    if (first === undefined || last === undefined) continue
    const key = `${first.from}${first.to}`
    if (run.length >= ruleYears && last.local.year === lastYear) yearly.push(...toObservance(first, toRule(run)))
    else listed.set(key, [...(listed.get(key) ?? []), ...run])
  }
  const dated = [...listed.values()].flatMap(toDated)
  return ['BEGIN:VTIMEZONE', `TZID:${timeZone}`, `X-LIC-LOCATION:${timeZone}`, ...dated, ...yearly, 'END:VTIMEZONE']
}

function onsetsOf(begin: Temporal.ZonedDateTime, lastYear: number): Onset[] {
  const onsets: Onset[] = []
  let before = begin
  for (;;) {
    const after = before.getTimeZoneTransition('next')
    if (after === null || after.year > lastYear) return onsets
    const { offset: from, offsetNanoseconds } = before
    const { offset: to } = after
    const local = after.withTimeZone(from).toPlainDateTime()
    if (from !== to) onsets.push({ local, from, to, isForward: after.offsetNanoseconds > offsetNanoseconds })
    before = after
  }
}

/** Those that one rule may give: from year to year at the same time, on the same weekday of a week that the rule names. */
function toRuns(onsets: Onset[]): Onset[][] {
  const runs: Onset[][] = []
  for (const onset of onsets) {
    const { local, from, to } = onset
    const run = runs.findLast(([first]) => first?.from === from && first.to === to)
    const last = run?.at(-1)?.local
    const days = run?.map((one) => one.local.day) ?? []
    const isNext =
      last !== undefined &&
      local.year === last.year + 1 &&
      local.month === last.month &&
      local.dayOfWeek === last.dayOfWeek &&
      local.toPlainTime().equals(last.toPlainTime()) &&
      Math.max(...days, local.day) - Math.min(...days, local.day) < 7
    if (isNext) run?.push(onset)
    else runs.push([onset])
  }
  return runs
}

function toRule(run: Onset[]): string {
  const [{ month = 1, dayOfWeek = 1 } = {}] = run.map(({ local }) => local)
  const weekday = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'][dayOfWeek - 1]
  const firstDay = Math.min(...run.map(({ local }) => local.day))
  const isLast = run.every(({ local }) => local.day + 7 > local.daysInMonth)
  const week = Array.from({ length: 7 }, (_, n) => firstDay + n).join(',')
  const which = isLast ? '-1' : firstDay % 7 === 1 ? `${(firstDay + 6) / 7}` : undefined
  const days = which === undefined ? `BYMONTHDAY=${week};BYDAY=${weekday}` : `BYDAY=${which}${weekday}`
  return `RRULE:FREQ=YEARLY;BYMONTH=${month};${days}`
}

/** The first is named among the others too, where there are any: some readers leave a start out that has dates beside it. */
function toDated(onsets: Onset[]): string[] {
  const [first, ...others] = onsets
  if (first === undefined) return []
  return toObservance(first, ...(others.length === 0 ? [] : onsets.map(({ local }) => `RDATE:${toText(local)}`)))
}

function toObservance({ local, from, to, isForward }: Onset, ...recurrence: string[]): string[] {
  const kind = isForward ? 'DAYLIGHT' : 'STANDARD'
  const offset = (text: string) => text.replaceAll(':', '')
  const times = [`DTSTART:${toText(local)}`, `TZOFFSETFROM:${offset(from)}`, `TZOFFSETTO:${offset(to)}`]
  return [`BEGIN:${kind}`, ...times, ...recurrence, `END:${kind}`]
}

function toText(local: Temporal.PlainDateTime): string {
  return local.toString({ smallestUnit: 'second' }).replaceAll(/[-:]/g, '')
}
