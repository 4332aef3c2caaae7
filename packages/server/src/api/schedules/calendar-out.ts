import { toInstant, toLocal } from '../../runtime/calendar/recurrence.ts'
import { turns } from '../../runtime/turns.ts'
import type { Expected, Schedule } from '../../store/schedules.ts'
import { writeZone } from './calendar-zone.ts'

/** Longest line, in bytes of UTF-8. */
const lineMaxBytes = 75

/** Before the id of whoever has no address of mail. */
export const participantUri = 'urn:x-rollcall:participant:'

/**
 * The schedules of a key as an iCalendar file (RFC 5545), piece by piece: their time zones first, each as its rules are from
 * the first of them on.
 * @param withMore the same with who is expected, and what its place is called
 * @param now epoch milliseconds
 */
export async function* writeCalendar(
  keyId: number,
  schedules: Schedule[],
  withMore: AsyncIterable<{ schedule: Schedule; roster: Expected[]; room: string }>,
  now: number,
): AsyncGenerator<string> {
  yield toLines(['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Rollcall//Rollcall//EN'])
  for (const [zone, firstLocal] of firstLocals(schedules)) {
    await turns.next(keyId, schedules)
    yield toLines(writeZone(zone, firstLocal, now))
  }
  for await (const { schedule, roster, room } of withMore) yield toLines(toEvent(schedule, roster, room))
  yield toLines(['END:VCALENDAR'])
}

/** Of each zone but UTC, which needs no rules, the first time that is used of it. */
function firstLocals(schedules: Schedule[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const { timeZone, startLocal } of schedules) {
    const known = found.get(timeZone)
    if (!isUtc(timeZone) && (known === undefined || startLocal < known)) found.set(timeZone, startLocal)
  }
  return found
}

function toEvent(schedule: Schedule, roster: Expected[], room: string): string[] {
  const { uid, name, startLocal, timeZone, durationMinutes, rrule, exdates, updatedAt } = schedule
  const endAt = toInstant(startLocal, timeZone) + durationMinutes * 60_000
  const endLocal = toLocal(endAt, timeZone)
  const at = (local: string) => local.replaceAll(/[-:]/g, '')
  const timed = (property: string, locals: string[]) => {
    const values = locals.map(at).map((text) => (isUtc(timeZone) ? `${text}Z` : text))
    return `${property}${isUtc(timeZone) ? '' : `;TZID=${timeZone}`}:${values.join(',')}`
  }
  return [
    'BEGIN:VEVENT',
    `UID:${toText(uid)}`,
    `DTSTAMP:${at(new Date(updatedAt).toISOString().slice(0, 19))}Z`,
    timed('DTSTART', [startLocal]),
    // A local time that is twice, as the clocks go back, means the first.
    toInstant(endLocal, timeZone) === endAt ? timed('DTEND', [endLocal]) : `DTEND:${toUtc(endAt)}`,
    ...(rrule === '' ? [] : [`RRULE:${toRule(schedule)}`]),
    ...(exdates.length === 0
      ? []
      : [
          timed(
            'EXDATE',
            exdates.map((day) => `${day}${startLocal.slice(10)}`),
          ),
        ]),
    `SUMMARY:${toText(name)}`,
    `LOCATION:${toText(room)}`,
    ...roster.map(toAttendee),
    'END:VEVENT',
  ]
}

/** Where it has a zone, RFC 5545 wants UNTIL in UTC: a day is meant to its end. */
function toRule({ rrule, timeZone }: Schedule): string {
  return rrule.replace(/UNTIL=(\d{8})(T\d{6})?(?=;|$)/, (_, day: string, time = 'T235959') => {
    const local = `${day}${time}`.replace(/^(....)(..)(..)T(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6')
    return `UNTIL=${toUtc(toInstant(local, timeZone))}`
  })
}

function toUtc(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}

function toAttendee({ participantId, name }: Expected): string {
  const address = /^[^\s@:;,"]+@[^\s@:;,"]+$/.test(participantId)
    ? `mailto:${participantId}`
    : `${participantUri}${encodeURIComponent(participantId)}`
  // A quote has no way to stand in a parameter, and some readers end one at a semicolon that is quoted.
  const called = name
    .replaceAll('"', '’')
    .replaceAll(';', ',')
    .replaceAll(/\p{Cc}/gu, ' ')
  return `ATTENDEE${called === '' ? '' : `;CN="${called}"`}:${address}`
}

function toText(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, '\\$&')
    .replaceAll(/\r?\n/g, '\\n')
    .replaceAll(/\p{Cc}/gu, ' ')
}

function toLines(lines: string[]): string {
  return lines.map((line) => `${fold(line)}\r\n`).join('')
}

/** A long line goes on in the next, behind a space; no letter is cut. */
function fold(line: string): string {
  if (Buffer.byteLength(line) <= lineMaxBytes) return line
  let [folded, bytes] = ['', 0]
  for (const letter of line) {
    const size = Buffer.byteLength(letter)
    if (bytes + size > lineMaxBytes) {
      folded += '\r\n '
      bytes = 1
    }
    folded += letter
    bytes += size
  }
  return folded
}

function isUtc(zone: string): boolean {
  return /^(Etc\/)?UTC$/.test(zone)
}
