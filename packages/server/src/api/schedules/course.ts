import type { ParticipantKind } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { readTimesOf } from '../../record/session-times.ts'
import { turns } from '../../runtime/turns.ts'
import type { Who } from '../../store/people/who.ts'
import type { Schedule } from '../../store/schedules.ts'
import type { SessionTimes } from '../../store/sessions/times.ts'
import { mergeSpans, type Span } from '../reports/spans.ts'
import { judge, type Occurrence, reaches, type Verdict } from './judge.ts'
import type { Planned } from './occurrences.ts'

/** What is judged in one turn of the loop. */
const verdictsTogether = 2000

const minuteMs = 60_000

/** `runs`: one of its sessions does. */
export type CourseOccurrence = Occurrence & { sessionIds: string[]; runs: boolean }
/** `verdicts`: one for each occurrence. */
export type CoursePerson = { participantId: string; name: string; expected: boolean; verdicts: Verdict[] }
export type Course = { occurrences: CourseOccurrence[]; people: CoursePerson[] }

/** `kinds`: whose stays count; all where it is undefined. `others`: also those who are not in the roster. */
export type Asked = { now: number; kinds: ParticipantKind[] | undefined; others: boolean }

type Reads = Pick<Context['reads'], 'sessions' | 'people' | 'schedules'>
type Time = SessionTimes['people'][number]['times'][number]
/** Somebody and their stays, by the place of the occurrence that these reach into. */
type Attendee = { who: Who; stays: Map<number, Span[]> }

/** Who was there at these occurrences of a schedule: its roster in order of name, then the others. */
export async function readCourse(reads: Reads, schedule: Schedule, planned: Planned[], asked: Asked): Promise<Course> {
  const { keyId, graceMinutes } = schedule
  const bySession = await findSessions(reads, schedule, planned)
  const occurrences = planned.map(
    ({ from, to }): CourseOccurrence => ({ from, to, actual: [], sessionIds: [], runs: false }),
  )
  const attendees = await gather(reads, keyId, { bySession, planned, occurrences, asked })
  for (const occurrence of occurrences) occurrence.actual = mergeSpans(occurrence.actual)

  const roster = await reads.schedules.roster(keyId, schedule.id)
  const expectedIds = roster.map(({ participantId }) => participantId)
  const known = await reads.people.who(keyId, expectedIds, { orPersons: true })
  const expected = roster.map(({ participantId, name }) => {
    const who = known.get(participantId) ?? { id: participantId, name: '', merged: false }
    const attendee = attendees.get(keyOf(who))
    return { key: keyOf(who), participantId, name: name || (attendee?.who.name ?? who.name), expected: true }
  })
  const inRoster = new Set(expected.map(({ key }) => key))
  const others = [...attendees]
    .filter(([key]) => asked.others && !inRoster.has(key))
    .map(([key, { who }]) => ({ key, participantId: who.id, name: who.name, expected: false }))
    .sort((a, b) => compare(a.name, b.name) || compare(a.participantId, b.participantId))

  const people: CoursePerson[] = []
  let judged = 0
  for (const { key, ...person } of [...expected, ...others]) {
    const stays = attendees.get(key)?.stays
    const verdicts = occurrences.map((occurrence, n) =>
      judge(occurrence, mergeSpans(stays?.get(n) ?? []), { graceMs: graceMinutes * minuteMs, now: asked.now }),
    )
    people.push({ ...person, verdicts })
    judged += verdicts.length
    if (judged < verdictsTogether) continue
    judged = 0
    await turns.next(keyId)
  }
  return { occurrences, people }
}

/** The sessions that ran in the rooms of a schedule then, each with the places of the occurrences that it reaches into. */
async function findSessions(reads: Reads, { keyId, roomIds }: Schedule, planned: Planned[]) {
  const bySession = new Map<string, number[]>()
  const periods = planned.flatMap(({ from, to }, n) => roomIds.map((roomId) => ({ n, from, to, roomId })))
  const lists = await reads.sessions.duringEach(keyId, periods)
  for (const [i, { n }] of periods.entries()) {
    for (const id of lists[i] ?? []) {
      const places = bySession.get(id)
      if (places === undefined) bySession.set(id, [n])
      else places.push(n)
    }
  }
  return bySession
}

type Gathering = {
  bySession: Map<string, number[]>
  planned: Planned[]
  occurrences: CourseOccurrence[]
  asked: Asked
}

async function gather(reads: Reads, keyId: number, { bySession, ...gathering }: Gathering) {
  const attendees = new Map<string, Attendee>()
  /** By their participantId: most people are in most sessions, and are asked for once. */
  const known = new Map<string, Attendee>()
  const { now, kinds } = gathering.asked
  for await (const session of readTimesOf(reads, keyId, [...bySession.keys()])) {
    const places = bySession.get(session.id) ?? []
    const people = session.people.filter(({ kind }) => kinds === undefined || kinds.includes(kind))
    noteSession(session, places, { ...gathering, now })
    await meet(people)
    for (const { participantId, name, times } of people) {
      const attendee = known.get(participantId)
      if (attendee === undefined) continue
      // The latest session has the latest name.
      if (!attendee.who.merged && name !== '') attendee.who.name = name
      noteStays(attendee, times, places, gathering.planned)
    }
    await turns.next(keyId)
  }
  // Whoever was inside only before or after was not there.
  for (const [key, { stays }] of attendees) if (!isThere(stays, gathering.planned)) attendees.delete(key)
  return attendees

  /** Who they are, of those who were not met before. */
  async function meet(people: SessionTimes['people']): Promise<void> {
    const strangers = people.filter(({ participantId }) => !known.has(participantId))
    const found = await reads.people.who(
      keyId,
      strangers.map(({ participantId }) => participantId),
    )
    for (const { participantId, name } of strangers) {
      const person = found.get(participantId)
      const who = person?.merged ? person : { id: participantId, name, merged: false }
      const attendee = attendees.get(keyOf(who)) ?? { who, stays: new Map<number, Span[]>() }
      attendees.set(keyOf(who), attendee)
      known.set(participantId, attendee)
    }
  }
}

function noteSession(
  { id, startAt, endAt }: SessionTimes,
  places: number[],
  { planned, occurrences, now }: Pick<Gathering, 'planned' | 'occurrences'> & { now: number },
): void {
  for (const n of places) {
    const [plan, occurrence] = [planned[n], occurrences[n]]
    if (plan === undefined || occurrence === undefined || occurrence.sessionIds.includes(id)) continue
    occurrence.sessionIds.push(id)
    occurrence.runs ||= endAt === null
    const end = endAt ?? Math.max(now, startAt)
    occurrence.actual.push({ from: Math.max(startAt, plan.notBefore), to: Math.min(end, plan.notAfter) })
  }
}

/** As much of somebody’s times inside as the occurrences before and after leave to each. What goes on ends later than any. */
function noteStays({ stays }: Attendee, times: Time[], places: number[], planned: Planned[]): void {
  for (const { from, to } of times) {
    const stay = { from, to: to ?? Number.POSITIVE_INFINITY }
    for (const n of places) {
      const plan = planned[n]
      if (plan === undefined || !reaches(stay, plan.notBefore, plan.notAfter)) continue
      const there = stays.get(n)
      if (there === undefined) stays.set(n, [stay])
      else there.push(stay)
    }
  }
}

function isThere(stays: Map<number, Span[]>, planned: Planned[]): boolean {
  return [...stays].some(([n, spans]) => {
    const plan = planned[n]
    return plan !== undefined && spans.some((span) => reaches(span, plan.from, plan.to))
  })
}

function keyOf({ id, merged }: Who): string {
  return `${merged ? 'person' : 'participant'} ${id}`
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
