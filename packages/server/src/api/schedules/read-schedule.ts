import {
  type ExpectedPerson,
  isCleanId,
  type NewSchedule,
  ruleTakes,
  scheduleMinutesMax,
  toCleanText,
  zoneTakes,
} from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { isTimeZone } from '../../runtime/calendar/calendar.ts'
import {
  countedYearsMax,
  occurrencesOf,
  parseRule,
  type Recurrence,
  readLocal,
  toInstant,
} from '../../runtime/calendar/recurrence.ts'
import { quote } from '../../runtime/explain.ts'
import { turns } from '../../runtime/turns.ts'
import type { Expected, ScheduleToSave } from '../../store/schedules.ts'
import type { Caller } from '../auth/caller.ts'
import { requireRoom } from '../find.ts'

const graceMinutesDefault = 5
const minuteMs = 60_000

/** What a caller says of a schedule, once it is found to be one: its rooms are there, and its rule has occurrences. */
export async function readSchedule(
  reads: Context['reads'],
  caller: Caller,
  given: NewSchedule,
): Promise<Omit<ScheduleToSave, 'id' | 'uid'>> {
  const { name, timeZone, roster } = given
  const { keyId } = caller.key
  if (!isTimeZone(timeZone)) refuse('timeZone', timeZone, zoneTakes)
  const startLocal = readTime('start', given.start)
  const recurrence = { startLocal, timeZone, rrule: readRule(given.rrule), exdates: readDays(given.exdates ?? []) }
  const durationMinutes = readDuration(given, startLocal)
  await checkRecurs(keyId, recurrence)
  const rooms = []
  for (const id of given.roomIds) rooms.push((await requireRoom(reads, caller, id)).roomId)
  return {
    keyId,
    name: toCleanText(name),
    roomIds: [...new Set(rooms)],
    ...recurrence,
    durationMinutes,
    graceMinutes: given.graceMinutes ?? graceMinutesDefault,
    roster: roster && readRoster(roster),
  }
}

/** Each once: the first that is told of them counts. */
export function readRoster(people: ExpectedPerson[]): Expected[] {
  const roster = new Map<string, Expected>()
  for (const { participantId, name = '' } of people) {
    if (!isCleanId(participantId)) refuse('participantId', participantId, 'a text without control characters')
    if (!roster.has(participantId)) roster.set(participantId, { participantId, name: toCleanText(name) })
  }
  return [...roster.values()]
}

function readTime(field: string, text: string): string {
  const time = readLocal(text)
  if (time === undefined) return refuse(field, text, 'a time that there is')
  return time.toString({ smallestUnit: 'second' })
}

function readRule(text = ''): string {
  const read = ruleOf(text)
  if ('rule' in read) return read.rule
  throw new Refusal('BAD_REQUEST', read.wrong)
}

/** A rule in one form, empty where there is none, or what a caller is told is wrong with it. */
export function ruleOf(text: string): { rule: string } | { wrong: string } {
  if (text.trim() === '') return { rule: '' }
  const parsed = parseRule(text)
  if ('rule' in parsed) return parsed
  return { wrong: `rrule=${quote(text)} is not understood: ${parsed.wrong}; it takes ${ruleTakes}` }
}

function readDays(days: string[]): string[] {
  return [...new Set(days.map((day) => readTime('exdates', day).slice(0, 10)))].sort()
}

function readDuration({ end, durationMinutes, timeZone }: NewSchedule, startLocal: string): number {
  if ((end === undefined) === (durationMinutes === undefined)) {
    throw new Refusal('BAD_REQUEST', 'The body takes an end or durationMinutes, one of the two')
  }
  if (end === undefined) return durationMinutes ?? 0
  const minutes = (toInstant(readTime('end', end), timeZone) - toInstant(startLocal, timeZone)) / minuteMs
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= scheduleMinutesMax) return minutes
  return refuse('end', end, `a time from 1 to ${scheduleMinutesMax} whole minutes after start`)
}

/** The first is an occurrence, for a rule counts from there, and as many follow as the rule counts. */
async function checkRecurs(keyId: number, recurrence: Recurrence): Promise<void> {
  const { startLocal, timeZone, rrule } = recurrence
  if (rrule === '') return
  const startAt = toInstant(startLocal, timeZone)
  const next = () => turns.next(keyId)
  const whole = { ...recurrence, exdates: [] }
  for await (const at of occurrencesOf(whole, { from: startAt, to: startAt + 1 }, next)) {
    if (at === startAt) return await checkCount(whole, startAt, next)
  }
  refuse('start', startLocal, `a time at which ${rrule} begins`)
}

async function checkCount(recurrence: Recurrence, startAt: number, next: () => Promise<void>): Promise<void> {
  const count = Number(/COUNT=(\d+)/.exec(recurrence.rrule)?.[1] ?? 0)
  if (count === 0) return
  let n = 0
  for await (const _ of occurrencesOf(recurrence, { from: startAt, to: Number.POSITIVE_INFINITY }, next)) n += 1
  if (n >= count) return
  refuse('rrule', recurrence.rrule, `a COUNT that is reached within ${countedYearsMax} years`)
}

function refuse(field: string, value: string, takes: string): never {
  throw new Refusal('BAD_REQUEST', `${field}=${quote(value)} is not understood: it takes ${takes}`)
}
