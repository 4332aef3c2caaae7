import type { ExpectedPerson, LeftEvent, NewSchedule } from '@rollcall/protocol'
import type { CalendarResponse, VEvent } from 'node-ical'
import { Refusal } from '../../error.ts'
import { isTimeZone } from '../../runtime/calendar/calendar.ts'
import { toInstant, toLocal } from '../../runtime/calendar/recurrence.ts'
import { turns } from '../../runtime/turns.ts'
import { createCalendarLines, freeName } from './calendar-lines.ts'
import { participantUri } from './calendar-out.ts'

/** An event as a schedule; `location`: what it says of its place. */
export type ReadEvent = { uid: string; location: string | undefined; schedule: Omit<NewSchedule, 'roomIds'> }

const minuteMs = 60_000
type Zoned = Date & { tz?: string; dateOnly?: boolean }

/** Lines that the library reads in one turn of the loop, and such as are made ready for it. */
const linesTogether = 100
const linesStraightened = 1000
/** Events that are made schedules in one turn. */
const eventsTogether = 20

/**
 * The events of an iCalendar file, and those that cannot be schedules, with why. Guesses nothing that the file leaves open.
 * @param whose takes turns with others while a long one is read
 */
export async function readCalendar(text: string, whose: number): Promise<{ events: ReadEvent[]; left: LeftEvent[] }> {
  if (!/^\s*BEGIN:VCALENDAR/i.test(text.replace(/^\ufeff/, ''))) {
    throw new Refusal('BAD_REQUEST', 'The body is no iCalendar file: it takes one that begins with BEGIN:VCALENDAR')
  }
  const lines = text
    .replace(/^\s+/, '')
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
  const straight = createCalendarLines()
  for (const [n, line] of lines.entries()) {
    if (n % linesStraightened === 0) await turns.next(whose, lines)
    straight.add(line)
  }
  const calendar = await parse(straight.finish())
  const events: ReadEvent[] = []
  const left: LeftEvent[] = []
  for (const [n, component] of Object.values(calendar).entries()) {
    if (n % eventsTogether === 0) await turns.next(whose, calendar)
    if (component?.type !== 'VEVENT') continue
    const event = component as VEvent
    const uid = straight.uidOf(event.uid)
    if (uid === undefined) continue
    const read = straight.reasons.get(event.uid) ?? readEvent(event, uid)
    if (typeof read === 'string') left.push({ uid, name: textOf(event.summary) ?? '', reason: read })
    else events.push({ uid, ...read })
  }
  for (const reason of straight.unnamed) left.push({ uid: '', name: '', reason })
  return { events, left }
}

/** Some lines a turn; `ctx`, `stack` and `startIndex` are for the library itself. */
type ParseLines = (
  lines: string[],
  batchSize: number,
  ctx: undefined,
  stack: undefined,
  startIndex: number,
  done: (error: Error | null, calendar: CalendarResponse) => void,
) => void

let underWay: Promise<unknown> = Promise.resolve()

/** One file after the other: the library reads some lines in a turn of the loop, but of each file that is under way. */
async function parse(lines: string[]): Promise<CalendarResponse> {
  const { default: ical } = await import('node-ical')
  const parseLines = ical.parseLines as ParseLines
  const parsed = underWay.then(
    () =>
      new Promise<CalendarResponse>((resolve, reject) => {
        // It is about what the file says.
        const done = (error: Error | null, calendar: CalendarResponse) =>
          error === null
            ? resolve(calendar)
            : reject(new Refusal('BAD_REQUEST', `The file is not understood: ${error.message}`))
        parseLines(lines, linesTogether, undefined, undefined, 0, done)
      }),
  )
  underWay = parsed.catch(() => {})
  return parsed
}

/** Why not, in words, where it cannot be one. */
function readEvent(event: VEvent, uid: string): Omit<ReadEvent, 'uid'> | string {
  const start = event.start as Zoned | undefined
  if (start === undefined || Number.isNaN(start.getTime())) return 'it has no start'
  if (event.datetype === 'date') return 'it is of whole days: it has no time of day'
  if (event.status === 'CANCELLED') return 'it was cancelled'
  const timeZone = toZone(start.tz)
  if (timeZone === undefined) return unknownZone(start.tz)
  const end = event.end as Zoned | undefined
  if (end?.dateOnly) return 'its end has no time of day'
  if (end !== undefined && toZone(end.tz) === undefined) return unknownZone(end.tz)
  const durationMinutes = lengthOf(event) / minuteMs
  if (!(durationMinutes > 0)) return 'it has no end after its start'
  const left = readExceptions(event, timeZone)
  if (typeof left === 'string') return left
  const rrule = event.rrule?.toString().match(/RRULE:(.*)/)?.[1]
  return {
    location: textOf(event.location),
    schedule: {
      name: textOf(event.summary) ?? uid,
      start: toLocal(start.getTime(), timeZone),
      durationMinutes,
      timeZone,
      ...(rrule !== undefined && { rrule }),
      exdates: left,
      ...(event.attendee !== undefined && { roster: [event.attendee].flat().flatMap(toExpected) }),
    },
  }
}

/** The days on which it is left out: one that another event stands for is not, unless it is the same time. */
function readExceptions(event: VEvent, timeZone: string): string[] | string {
  const startAt = (event.start as Date).getTime()
  const timeOfDay = toLocal(startAt, timeZone).slice(10)
  const days = new Set<string>()
  for (const date of Object.values(event.exdate ?? {}) as Zoned[]) {
    if (!date.dateOnly && toZone(date.tz) === undefined) return unknownZone(date.tz)
    if (date.dateOnly || toLocal(date.getTime(), timeZone).slice(10) === timeOfDay) days.add(toDay(date, timeZone))
  }
  const lengthMs = lengthOf(event)
  for (const one of Object.values(event.recurrences ?? {}) as (Partial<VEvent> & { recurrenceid: Zoned })[]) {
    const { recurrenceid, start, end = start, status } = one
    if (!recurrenceid.dateOnly && toZone(recurrenceid.tz) === undefined) return unknownZone(recurrenceid.tz)
    const day = toDay(recurrenceid, timeZone)
    if (status === 'CANCELLED') days.add(day)
    else if (start === undefined || end === undefined) return `its occurrence of ${day} has no start`
    else if (start.getTime() !== recurrenceid.getTime() || lengthOf({ ...one, end }) !== lengthMs) {
      return `its occurrence of ${day} was moved`
    }
  }
  return [...days]
}

/** In milliseconds. A duration is counted from the moment that the library has for the start. */
function lengthOf({ start, end, duration }: Partial<VEvent>): number {
  if (start === undefined || end === undefined) return 0
  return duration === undefined ? toMoment(end) - toMoment(start) : end.getTime() - start.getTime()
}

/** Of a time that is twice, as the clocks go back, RFC 5545 means the first, and the library has the second. */
function toMoment(time: Zoned): number {
  const zone = time.dateOnly ? undefined : toZone(time.tz)
  return zone === undefined ? time.getTime() : toInstant(toLocal(time.getTime(), zone), zone)
}

/** A day without a time is by no clocks: the library has it by those of the process. */
function toDay(date: Zoned, timeZone: string): string {
  if (!date.dateOnly) return toLocal(date.getTime(), timeZone).slice(0, 10)
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => `${part}`.padStart(2, '0')).join('-')
}

function unknownZone(tz: string | undefined): string {
  return `its time zone ${tz} is none that IANA or Windows names`
}

function toExpected(
  attendee: NonNullable<VEvent['attendee']> extends (infer A)[] | infer A ? A : never,
): ExpectedPerson[] {
  const [address, params] =
    typeof attendee === 'string'
      ? [attendee, {} as { [name: string]: string }]
      : [String(attendee.val), attendee.params as { [name: string]: string }]
  // Rooms and projectors are invited too.
  if (/^(ROOM|RESOURCE|GROUP)$/i.test(params.CUTYPE ?? '')) return []
  const participantId = toId(address)
  return participantId === '' ? [] : [{ participantId, ...(params.CN && { name: freeName(params.CN) }) }]
}

function toId(address: string): string {
  if (!address.startsWith(participantUri)) return address.replace(/^mailto:/i, '')
  try {
    return decodeURIComponent(address.slice(participantUri.length))
  } catch (error) {
    if (error instanceof URIError) return address
    throw error
  }
}

function toZone(tz: string | undefined): string | undefined {
  if (tz === undefined || !isTimeZone(tz)) return undefined
  return /^(Etc\/)?(UTC|Z)$/.test(tz) ? 'UTC' : tz
}

/** A text may come with its parameters. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === 'object' && value !== null && 'val' in value ? value.val : value
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined
}
