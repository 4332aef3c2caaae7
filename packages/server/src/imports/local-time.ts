import { Temporal } from 'temporal-polyfill'
import { Refusal } from '../error.ts'
import { quote } from '../runtime/explain.ts'
import type { DateOrder } from './format.ts'

/**
 * Epoch milliseconds of a time as a file writes it; undefined where it is none. Of the two that an hour has which the clock goes through
 * twice, the first that is not before `notBefore`.
 */
export type ReadTime = (text: string | undefined, notBefore?: number) => number | undefined

type Clock = { hour: number; minute: number; second: number; millisecond: number }
/** What a text says. `day` and `month` are `pair` where only the order tells them apart. */
type Parts = Clock & {
  year: number
  month: number | undefined
  day: number | undefined
  pair: [number, number] | undefined
  /** Such as Z or +02:00; undefined where the text names none. */
  zone: string | undefined
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const clock = String.raw`(?<hour>\d{1,2})[:.](?<minute>\d\d)(?:[:.](?<second>\d\d)(?:[.,](?<fraction>\d{1,9}))?)?(?:\s*(?<half>[ap])\.?m\.?)?`
const zone = String.raw`(?:\s*(?<zone>Z|UTC|GMT|[+-]\d\d:?\d\d))?`
const patterns = [
  String.raw`(?<year>\d{4})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})[T,\s]+`,
  String.raw`(?<a>\d{1,2})[-/.](?<b>\d{1,2})[-/.](?<year>\d{4}|\d\d)[,\s]+`,
  String.raw`(?<name>[a-z]{3})[a-z]*\.?\s+(?<day>\d{1,2}),?\s+(?<year>\d{4})[,\s]+`,
  String.raw`(?<day>\d{1,2})\.?\s+(?<name>[a-z]{3})[a-z]*\.?,?\s+(?<year>\d{4})[,\s]+`,
].map((date) => new RegExp(`^${date}${clock}${zone}$`, 'i'))
const timeOfDay = new RegExp(`^${clock}$`, 'i')
const dayMs = 86_400_000

/**
 * How the times of a file are read. What they leave open is not guessed: a `Refusal` asks for the zone where one names none, and for the
 * order of day and month where no date shows it.
 * @param texts all times of the file: together they may show the order
 */
export function createTimeReader(
  texts: (string | undefined)[],
  { tz, dateOrder }: { tz?: string | undefined; dateOrder?: DateOrder | undefined },
): ReadTime {
  const parsed = new Map<string, Parts | undefined>()
  for (const text of texts) if (text !== undefined && !parsed.has(text)) parsed.set(text, parseParts(text))
  const order = dateOrder ?? findOrder(parsed)
  const local = [...parsed].find(([, parts]) => parts !== undefined && parts.zone === undefined)
  if (local !== undefined) requireZone(tz, local[0])
  const toInstant = createZone(tz ?? 'UTC')
  return (text, notBefore) => {
    const parts = text === undefined ? undefined : (parsed.get(text) ?? parseParts(text))
    if (parts === undefined) return undefined
    const [first, second] = parts.pair ?? []
    const [day, month] = order === 'mdy' ? [second, first] : [first, second]
    return toInstant({ ...parts, day: parts.day ?? day ?? 0, month: parts.month ?? month ?? 0 }, notBefore)
  }
}

/** The same for times that name no day: they are of `date`, or, after midnight, of the day after it. */
export function createTimeOfDayReader(date: string, tz: string | undefined): ReadTime {
  requireZone(tz, date)
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number)
  const toInstant = createZone(tz)
  return (text, notBefore) => {
    const { groups } = timeOfDay.exec(simplify(text ?? '')) ?? {}
    const read = groups && toClock(groups)
    if (read === undefined) return undefined
    const at = toInstant({ year, month, day, ...read, zone: undefined })
    return at !== undefined && notBefore !== undefined && at < notBefore ? at + dayMs : at
  }
}

/** Milliseconds of a duration such as `1h 27m 51s`, `58 min`, `1 hr 2 min` or `1:00:00`; undefined for anything else. */
export function parseLength(text = ''): number | undefined {
  const words =
    /^(?:(\d+)\s*(?:hours?|hrs?|std\.?|godz\.?|h)\s*)?(?:(\d+)\s*(?:minutes?|mins?|m)\.?\s*)?(?:(\d+)\s*(?:seconds?|secs?|sek\.?|s)\s*)?$/i
  const found = /^(\d+):(\d\d):(\d\d)$/.exec(text) ?? words.exec(text)
  if (found === null || text === '') return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = found
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
}

function requireZone(tz: string | undefined, example: string): asserts tz is string {
  if (tz !== undefined) return
  throw new Refusal(
    'BAD_REQUEST',
    `The file does not say of which time zone ${quote(example)} is: say tz (--tz), such as Europe/Berlin or UTC`,
  )
}

function parseParts(given: string): Parts | undefined {
  const text = simplify(given)
  for (const pattern of patterns) {
    const { groups } = pattern.exec(text) ?? {}
    if (groups !== undefined) return toParts(groups)
  }
  return undefined
}

/** Spaces of any kind are one space, and marks of the direction of writing are none. */
function simplify(text: string): string {
  return text
    .replaceAll(/[\u200e\u200f]/g, '')
    .replaceAll(/\s+/gu, ' ')
    .trim()
}

type Groups = { [name: string]: string | undefined }

function toParts(groups: Groups): Parts | undefined {
  const { year = '', month, day, name, a, b, zone } = groups
  const read = toClock(groups)
  const monthOfName = name === undefined ? undefined : months.indexOf(name.toLowerCase()) + 1
  if (read === undefined || monthOfName === 0) return undefined
  return {
    ...read,
    year: year.length === 2 ? 2000 + Number(year) : Number(year),
    month: month === undefined ? monthOfName : Number(month),
    day: day === undefined ? undefined : Number(day),
    pair: a === undefined || b === undefined ? undefined : [Number(a), Number(b)],
    zone,
  }
}

function toClock({ hour, minute, second = '0', fraction = '0', half }: Groups): Clock | undefined {
  const given = Number(hour)
  if (half !== undefined && (given < 1 || given > 12)) return undefined
  const hours = half === undefined ? given : (given % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
  const millisecond = Math.floor(Number(`0.${fraction}`) * 1000)
  return { hour: hours, minute: Number(minute), second: Number(second), millisecond }
}

/** By a date with a number that can be no month. Undefined where every date is the same either way. */
function findOrder(parsed: Map<string, Parts | undefined>): DateOrder | undefined {
  const pairs = [...parsed].flatMap(([text, parts]) => (parts?.pair ? { text, pair: parts.pair } : []))
  const dayFirst = pairs.find(({ pair: [a] }) => a > 12)
  const monthFirst = pairs.find(({ pair: [, b] }) => b > 12)
  if (dayFirst !== undefined && monthFirst !== undefined) {
    throw new Refusal(
      'BAD_REQUEST',
      `The dates of the file have no one order: ${quote(dayFirst.text)} begins with the day, and ${quote(monthFirst.text)} with the month`,
    )
  }
  if (dayFirst !== undefined) return 'dmy'
  if (monthFirst !== undefined) return 'mdy'
  const open = pairs.find(({ pair: [a, b] }) => a !== b)
  if (open === undefined) return undefined
  throw new Refusal(
    'BAD_REQUEST',
    `Whether ${quote(open.text)} begins with the day or the month cannot be seen: say dateOrder (--date-order), dmy or mdy`,
  )
}

type Local = Clock & { year: number; month: number; day: number; zone: string | undefined }

/** How far the clocks of a zone are from UTC is asked for once a day, unless they change on it: a look-up takes some 0.1 ms. */
function createZone(tz: string): (local: Local, notBefore?: number) => number | undefined {
  requireKnownZone(tz)
  const offsets = new Map<number, number | undefined>()
  return (local, notBefore = Number.NEGATIVE_INFINITY) => {
    const utc = toUtc(local)
    if (utc === undefined) return undefined
    if (local.zone !== undefined) return utc - offsetOf(local.zone)
    const day = Math.floor(utc / dayMs) * dayMs
    if (!offsets.has(day)) offsets.set(day, offsetOfDay(day, tz))
    const offset = offsets.get(day)
    if (offset !== undefined) return utc - offset
    const earlier = toInstant(utc, tz, 'earlier')
    // An hour that the clock left out: the zone is not the file's.
    if (isLeftOut(utc, tz)) return undefined
    return earlier < notBefore ? toInstant(utc, tz, 'later') : earlier
  }
}

function requireKnownZone(tz: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: tz })
  } catch {
    throw new Refusal(
      'BAD_REQUEST',
      `tz=${quote(tz)} is not understood: it takes the name of a zone, such as Europe/Berlin or UTC`,
    )
  }
}

/** The numbers as if they were UTC; undefined where there is no such day or time. */
function toUtc({ year, month, day, hour, minute, second, millisecond }: Local): number | undefined {
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, millisecond)
  const date = new Date(utc)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? utc : undefined
}

/** Undefined where the clocks of the zone change on that day. */
function offsetOfDay(day: number, tz: string): number | undefined {
  const [first, last] = [day - toInstant(day, tz, 'earlier'), day + dayMs - toInstant(day + dayMs, tz, 'later')]
  return first === last ? first : undefined
}

function isLeftOut(utc: number, tz: string): boolean {
  return toPlain(utc).toZonedDateTime(tz).toPlainDateTime().toString() !== toPlain(utc).toString()
}

function toInstant(utc: number, tz: string, disambiguation: 'earlier' | 'later'): number {
  return toPlain(utc).toZonedDateTime(tz, { disambiguation }).epochMilliseconds
}

function toPlain(utc: number): Temporal.PlainDateTime {
  return Temporal.Instant.fromEpochMilliseconds(utc).toZonedDateTimeISO('UTC').toPlainDateTime()
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone) ?? []
  return sign === undefined ? 0 : (sign === '-' ? -60_000 : 60_000) * (Number(hours) * 60 + Number(minutes))
}
