import { isCleanId } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import { readLocal } from '../../runtime/calendar/recurrence.ts'
import { quote } from '../../runtime/explain.ts'
import { ruleOf } from './read-schedule.ts'

// The library reads a file as a whole: one line that it does not expect would be an error of all events, or alter another's. It also says
// nothing of some that it reads as it likes. So it gets the lines alone that make a schedule, in one form, and what it could guess of an
// event, or fail at, is found here.

/** Stands for a semicolon within quotes, where the library would cut a name in two: a letter that no file has. */
const heldSemicolon = '\u{e000}'
/** Stands before a name, which is a text though it looks like a number. */
const heldName = '\u{e001}'

/** Components that are read, with those that they are in. */
const places: { [name: string]: string } = {
  ...{ VEVENT: 'VCALENDAR', VTIMEZONE: 'VCALENDAR' },
  ...{ STANDARD: 'VTIMEZONE', DAYLIGHT: 'VTIMEZONE' },
}
const zoneNames = new Set(['TZID', 'DTSTART', 'TZOFFSETFROM', 'TZOFFSETTO', 'RRULE'])
const timeNames = new Set(['DTSTART', 'DTEND', 'RECURRENCE-ID', 'EXDATE'])
const onceNames = new Set(['DTSTART', 'DTEND', 'RECURRENCE-ID', 'RRULE'])
const textNames = new Set(['SUMMARY', 'LOCATION', 'DURATION', 'SEQUENCE'])

const uidMaxLength = 1024
/** Most time zones that a file defines: the library looks through them for each time. */
const zonesMax = 100
/** Zones that the library takes for that of the process where the file does not define them before. */
const ownZone = /^(tzone:\/\/Microsoft\/|\(no TZ description\)$|Customized Time Zone)/

type Line = { name: string; params: string; value: string }

/** What the library is given of a file, and what it is not told of. */
export type CalendarLines = {
  /** For the next of its lines, unfolded. */
  add(line: string): void
  /** All that is for the library. */
  finish(): string[]
  /** The UID that a number stands for; undefined where there is none of this number. */
  uidOf(number: string): string | undefined
  /** Why events cannot be schedules, by the number of their UID. */
  reasons: Map<string, string>
  /** The same of those that have no UID. */
  unnamed: string[]
}

export function createCalendarLines(): CalendarLines {
  const lines = ['BEGIN:VCALENDAR']
  const uids = createNumbers()
  const reasons = new Map<string, string>()
  const unnamed: string[] = []
  /** Components that have begun, the innermost last. */
  const open: string[] = ['VCALENDAR']
  /** How many of them the library is told of: whatever is in another is left out. */
  let told = 1
  const zones = new Set<string>()
  let component = createComponent(uids, zones)
  /** How often each is open: an end of what is not is looked for nowhere. */
  const depths = new Map<string, number>()

  const begin = (name: string) => {
    // Files that were put together are one; what follows an event that does not end is not in it.
    if (name === 'VCALENDAR' || name === 'VEVENT') closeTo(1, true)
    if (name === 'VCALENDAR') return
    const isTold = told === open.length && places[name] === open.at(-1)
    open.push(name)
    depths.set(name, (depths.get(name) ?? 0) + 1)
    if (!isTold) return
    told = open.length
    component = createComponent(uids, zones)
    lines.push(`BEGIN:${name}`)
  }
  const closeTo = (length: number, isEarly: boolean) => {
    while (open.length > length) {
      const name = open.pop() ?? ''
      depths.set(name, (depths.get(name) ?? 0) - 1)
      if (told <= open.length) continue
      told = open.length
      lines.push(`END:${name}`)
      if (name !== 'VEVENT') continue
      if (isEarly) component.leave('it does not end (END:VEVENT): the file may be cut off')
      const { number, reason } = component.read()
      if (number === undefined) unnamed.push(reason ?? 'it has no UID, by which it could be known again')
      else if (reason !== undefined && !reasons.has(number)) reasons.set(number, reason)
    }
  }
  const end = (name: string) => {
    if (name === 'VCALENDAR') closeTo(1, true)
    else if ((depths.get(name) ?? 0) > 0) closeTo(open.lastIndexOf(name), false)
  }

  return {
    reasons,
    unnamed,
    uidOf: uids.textOf,
    add(text) {
      const line = readLine(text)
      if (line === undefined) return
      if (line.name === 'BEGIN') begin(line.value.trim().toUpperCase())
      else if (line.name === 'END') end(line.value.trim().toUpperCase())
      else if (told === open.length && told > 1) {
        const straight = open.at(-1) === 'VEVENT' ? component.addOfEvent(line) : component.addOfZone(line)
        if (straight !== undefined) lines.push(straight)
      }
    },
    finish() {
      closeTo(1, true)
      return [...lines, 'END:VCALENDAR']
    },
  }
}

type Numbers = { numberOf(text: string): string; textOf(number: string): string | undefined }

function createNumbers(): Numbers {
  const numbers = new Map<string, string>()
  const texts: string[] = []
  return {
    textOf: (number) => texts[Number(number)],
    numberOf(text) {
      const number = numbers.get(text) ?? `${texts.push(text) - 1}`
      numbers.set(text, number)
      return number
    },
  }
}

/** What is in one component: each line is given as the library gets it, or not at all. */
function createComponent(uids: Numbers, zones: Set<string>) {
  const names = new Set<string>()
  let number: string | undefined
  let reason: string | undefined
  const leave = (why: string): undefined => {
    reason ??= why
  }

  const toUid = (uid: string) => {
    if (uid === '') return
    number = uids.numberOf(uid)
    if (uid.length > uidMaxLength || !isCleanId(uid)) {
      leave(`its UID takes at most ${uidMaxLength} characters, none of them a control character`)
    }
    return `UID:${number}`
  }
  const toRule = (text: string) => {
    const read = ruleOf(text)
    if ('wrong' in read) return leave(read.wrong)
    return read.rule === '' ? undefined : `RRULE:${read.rule}`
  }
  const toTimes = ({ name, params, value }: Line) => {
    const what = { DTSTART: 'start', DTEND: 'end' }[name] ?? name
    // A zone of this kind has a colon in its name, which the library looks for.
    const cut = /;TZID=tzone$/i.test(params) ? value.lastIndexOf(':') : -1
    const times = value.slice(cut + 1).split(',')
    const wrong = times.find((time) => !isTime(time))
    if (wrong !== undefined) return leave(`its ${what} ${quote(wrong)} is no time`)
    // It takes the zone of the process for a time that names none.
    const isZoned = /;TZID=|;VALUE=DATE(?!-)/.test(params) || times.every((time) => /^\d{8}$|Z$/.test(time))
    if (!isZoned) return leave(`its ${what} names no time zone`)
    const zone =
      (/;TZID=([^;]*)/.exec(params)?.[1] ?? '').replaceAll('"', '') + (cut < 0 ? '' : `:${value.slice(0, cut)}`)
    if (ownZone.test(zone) && !zones.has(zone)) return leave(`its time zone ${quote(zone)} is not defined in the file`)
    // What alters an occurrence and all that follow it alters that one alone.
    if (/;RANGE=/.test(params)) leave('it changes from one occurrence on (RANGE=THISANDFUTURE)')
    return `${name}${params}:${value}`
  }

  return {
    leave,
    read: () => ({ number, reason }),
    addOfZone({ name, params, value }: Line): string | undefined {
      if (names.has(name) || !zoneNames.has(name)) return
      names.add(name)
      if (name === 'TZID') zones.add(value.replaceAll('"', ''))
      if (zones.size > zonesMax) {
        throw new Refusal('BAD_REQUEST', `The file defines more than ${zonesMax} time zones (VTIMEZONE)`)
      }
      return `${name}${params}:${value}`
    },
    addOfEvent(line: Line): string | undefined {
      const { name, params, value } = line
      const isAgain = names.has(name)
      names.add(name)
      if (name === 'ATTENDEE') return `${name}${holdNames(params)}:${value}`
      if (name === 'RDATE') return leave('it has RDATE, dates beside its rule')
      if (name === 'EXRULE') return leave('it has EXRULE, a rule of what is left out')
      if (isAgain && onceNames.has(name)) return leave(`it has ${name} twice`)
      if (timeNames.has(name)) return toTimes(line)
      if (name === 'RRULE') return toRule(value)
      if (isAgain) return
      if (name === 'UID') return toUid(withoutEscapes(value))
      if (name === 'STATUS') return `STATUS:${value.trim().toUpperCase()}`
      return textNames.has(name) ? `${name}${params}:${value}` : undefined
    },
  }
}

/** Names in capitals, and no semicolon within quotes. Undefined of what the library does not take for a line. */
function readLine(line: string): Line | undefined {
  const [head = ''] = /^[\w-]+(?:;[\w-]+=(?:"[^"]*"|[^":;]+))*(?=:)/.exec(line) ?? []
  if (head === '') return undefined
  const held = head.replaceAll(/"[^"]*"/g, (quoted) => quoted.replaceAll(';', heldSemicolon))
  const [name = '', ...params] = held.split(';')
  const named = params.map((param) => param.replace(/^[\w-]+/, (one) => `;${one.toUpperCase()}`))
  return { name: name.toUpperCase(), params: named.join(''), value: line.slice(head.length + 1) }
}

function isTime(text: string): boolean {
  return /^\d{8}(T\d{6}Z?)?$/.test(text) && readLocal(text.replace(/Z$/, '')) !== undefined
}

/** A text, as RFC 5545 has it escaped. */
function withoutEscapes(value: string): string {
  return value.replaceAll(/\\([\\,;nN])/g, (_, one: string) => (one.toLowerCase() === 'n' ? '\n' : one))
}

function holdNames(params: string): string {
  return params.replaceAll(/;CN=("?)/g, `;CN=$1${heldName}`)
}

/** A name as it was before `holdNames`. */
export function freeName(name: string): string {
  return name.replaceAll(/^"|"$/g, '').replaceAll(heldName, '').replaceAll(heldSemicolon, ';')
}
