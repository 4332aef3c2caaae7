import type { ExpectedPerson, LeftEvent, NewSchedule } from '@rollcall/protocol'
import ical, { type CalendarResponse, type VEvent } from 'node-ical'
import { Refusal } from '../../error.ts'
import { isTimeZone } from '../../runtime/calendar/calendar.ts'
import { toLocal } from '../../runtime/calendar/recurrence.ts'
import { turns } from '../../runtime/turns.ts'
import { participantUri } from './calendar-out.ts'

/** An event as a schedule; `location`: what it says of its place. */
export type ReadEvent = { uid: string; location: string | undefined; schedule: Omit<NewSchedule, 'roomIds'> }

const minuteMs = 60_000
type Zoned = Date & { tz?: string }

/** Lines that are read in one turn of the loop, and such as are made ready for it. */
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
  const lines = text.replaceAll(/\r?\n[ \t]/g, '').split(/\r?\n/)
  const untold = createUntold()
  for (const [n, line] of lines.entries()) {
    if (n % linesStraightened === 0) await turns.next(whose, lines)
    lines[n] = straighten(line)
    untold.note(lines[n])
  }
  const calendar = await parse(lines)
  const events: ReadEvent[] = []
  const left: LeftEvent[] = []
  for (const [n, component] of Object.values(calendar).entries()) {
    if (n % eventsTogether === 0) await turns.next(whose, calendar)
    if (component?.type !== 'VEVENT') continue
    const event = component as VEvent
    const { uid } = event
    const read = untold.reasons.get(uid) ?? readEvent(event)
    if (typeof read === 'string') left.push({ uid, name: textOf(event.summary) ?? '', reason: read })
    else events.push({ uid, ...read })
  }
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
function parse(lines: string[]): Promise<CalendarResponse> {
  const parseLines = ical.parseLines as ParseLines
  const parsed = underWay.then(
    () =>
      new Promise<CalendarResponse>((resolve, reject) => {
        const done = (error: Error | null, calendar: CalendarResponse) =>
          error === null ? resolve(calendar) : reject(error)
        parseLines(lines, linesTogether, undefined, undefined, 0, done)
      }),
  )
  underWay = parsed.catch(() => {})
  return parsed
}

/** Why not, in words, where it cannot be one. */
function readEvent(event: VEvent): Omit<ReadEvent, 'uid'> | string {
  const start = event.start as Zoned | undefined
  if (start === undefined || Number.isNaN(start.getTime())) return 'it has no start'
  if (event.datetype === 'date') return 'it is of whole days: it has no time of day'
  if (event.status === 'CANCELLED') return 'it was cancelled'
  if (event.rdate !== undefined) return 'it has RDATE, dates beside its rule'
  const timeZone = toZone(start.tz)
  if (timeZone === undefined) return `its time zone ${start.tz} is none that IANA or Windows names`
  const end = event.end as Date | undefined
  const durationMinutes = end === undefined ? 0 : (end.getTime() - start.getTime()) / minuteMs
  if (!(durationMinutes > 0)) return 'it has no end after its start'
  const left = readExceptions(event, timeZone)
  if (typeof left === 'string') return left
  const rrule = event.rrule?.toString().match(/RRULE:(.*)/)?.[1]
  return {
    location: textOf(event.location),
    schedule: {
      name: textOf(event.summary) ?? event.uid,
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
  const start = toLocal((event.start as Date).getTime(), timeZone)
  const days = new Set<string>()
  for (const date of Object.values(event.exdate ?? {})) {
    const local = toLocal((date as Date).getTime(), timeZone)
    if (local.slice(10) === start.slice(10)) days.add(local.slice(0, 10))
  }
  const lengthMs = (event.end as Date).getTime() - (event.start as Date).getTime()
  for (const one of Object.values(event.recurrences ?? {}) as (VEvent & { recurrenceid: Date })[]) {
    const day = toLocal(one.recurrenceid.getTime(), timeZone).slice(0, 10)
    if (one.status === 'CANCELLED') days.add(day)
    else if (
      one.start.getTime() !== one.recurrenceid.getTime() ||
      (one.end ?? one.start).getTime() - one.start.getTime() !== lengthMs
    ) {
      return `its occurrence of ${day} was moved`
    }
  }
  return [...days]
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
  return participantId === '' ? [] : [{ participantId, ...(params.CN && { name: toName(params.CN) }) }]
}

/** Stands for a semicolon within quotes, where the library would cut a name in two: a letter that no file has. */
const heldSemicolon = '\u{e000}'

/** A line as the library reads it: names in capitals, and no semicolon within the quotes of who is invited. */
function straighten(line: string): string {
  const [head = ''] = /^[\w-]+(?:;[\w-]+=[^";:]*)*/.exec(line) ?? []
  const names = head.replaceAll(/(?:^|;)[\w-]+/g, (name) => name.toUpperCase())
  const rest = line.slice(head.length)
  if (names === 'BEGIN' || names === 'END') return names + rest.toUpperCase()
  if (!names.startsWith('ATTENDEE')) return names + rest
  return names + rest.replaceAll(/"[^"]*"/g, (quoted) => quoted.replaceAll(';', heldSemicolon))
}

function toName(name: string): string {
  return name.replaceAll(/^"|"$/g, '').replaceAll(heldSemicolon, ';')
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

/** Why events cannot be schedules, by their UID, where the library says nothing of it: so it is found in the straightened lines. */
function createUntold(): { reasons: Map<string, string>; note(line: string): void } {
  const reasons = new Map<string, string>()
  let [uid, reason] = ['', '']
  return {
    reasons,
    note(line) {
      if (line.startsWith('BEGIN:VEVENT')) [uid, reason] = ['', '']
      else if (/^UID[:;]/.test(line)) uid = line.slice(line.indexOf(':') + 1)
      // It takes the zone of the process for a start that names none.
      else if (/^DTSTART(?!.*(;TZID|;VALUE=DATE(?!-)|Z\s*$))/.test(line)) reason = 'its start names no time zone'
      // What alters an occurrence and all that follow it alters that one alone.
      else if (/^RECURRENCE-ID;.*RANGE=/.test(line)) reason = 'it changes from one occurrence on (RANGE=THISANDFUTURE)'
      else if (line.startsWith('END:VEVENT') && reason !== '') reasons.set(uid, reason)
    },
  }
}

/** A text may come with its parameters. */
function textOf(value: unknown): string | undefined {
  const text = typeof value === 'object' && value !== null && 'val' in value ? value.val : value
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined
}
