import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  type CourseOccurrence as ApiOccurrence,
  type CoursePerson as ApiPerson,
  ScheduleAttendance,
  timeTakes,
  toIso,
} from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { offsetAt, toLocal } from '../../runtime/calendar/recurrence.ts'
import { createWallClock } from '../../runtime/calendar/wall-clock.ts'
import { parseBefore, parseTime } from '../../runtime/parse-time.ts'
import { turns } from '../../runtime/turns.ts'
import type { Schedule } from '../../store/schedules.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { courseMs, gridCellsMax, gridOccurrencesMax } from '../limits.ts'
import { PersonsUnlessSaid, toKindsOfPeople } from '../paging/kinds-query.ts'
import type { Span } from '../reports/spans.ts'
import { ZoneQuery } from '../reports/zone-query.ts'
import { acceptedFormat, type Column, JsonOrTableQuery, sendTable, TableQuery, tableContent } from '../tables/table.ts'
import { type Course, type CoursePerson, readCourse } from './course.ts'
import { sum, toPercent, type Verdict } from './judge.ts'
import { toVerdict } from './occurrence-rows.ts'
import { type Planned, plannedIn } from './occurrences.ts'
import { requireSchedule, SchedulePath } from './schedules.ts'

const GridQuery = Type.Object({
  from: Type.Optional(
    Type.String({
      description: timeTakes,
      about: 'Occurrences that begin from then on; without it, of the year before the end.',
    }),
  ),
  to: Type.Optional(
    Type.String({ description: timeTakes, about: 'Those that begin before then; without it, before now.' }),
  ),
  people: Type.Optional(
    Type.Union([Type.Literal('all'), Type.Literal('expected')], {
      description: 'all or expected',
      about: 'Whether those who came and were not expected are there too, as they are without it.',
    }),
  ),
  ...PersonsUnlessSaid.properties,
  ...ZoneQuery.properties,
  ...JsonOrTableQuery.properties,
  ...TableQuery.properties,
})

const minuteMs = 60_000
/** People whose rows are sent at once. */
const peopleTogether = 20

/** `GET /v2/schedules/:id/attendance`: who was there when they should have been, persons × occurrences. */
export function scheduleAttendanceRoutes(
  { reads, clock }: Pick<Context, 'reads' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const schema = {
      operationId: 'getScheduleAttendance',
      tags: ['Schedules'],
      summary: 'Get who was there',
      description:
        'Persons × occurrences: on time, late, left early or absent, and for how long they were inside. As CSV and XLSX a row a person, a column an occurrence.',
      params: SchedulePath,
      querystring: GridQuery,
      response: {
        200: { description: 'A row for each person.', content: tableContent(ScheduleAttendance) },
        ...refusals('SCHEDULE_NOT_FOUND'),
      },
    }
    app.get('/v2/schedules/:id/attendance', { onRequest: auth.crawler, schema }, async (request, reply) => {
      const { query } = request
      const schedule = await requireSchedule(reads, request, request.params.id)
      const timeZone = query.tz ?? schedule.timeZone
      const now = clock.now()
      const to = query.to === undefined ? now : parseBefore('to', query.to)
      const from = query.from === undefined ? to - courseMs : parseTime('from', query.from)
      const planned = await plan(schedule, { from, to })
      const asked = { now, kinds: toKindsOfPeople(query.kinds), others: query.people !== 'expected' }
      const course = await readCourse(reads, schedule, planned, asked)
      if (course.people.length * planned.length > gridCellsMax) {
        throw new Refusal(
          'BAD_REQUEST',
          `${course.people.length} people × ${planned.length} occurrences are more than ${gridCellsMax}: ask for people=expected, or for less by from and to`,
        )
      }
      const { format = acceptedFormat(request) } = query
      const shown = { schedule, course, timeZone, now }
      if (format === 'csv' || format === 'xlsx') {
        const name = `${schedule.name} ${toLocal(planned[0]?.from ?? to, timeZone).slice(0, 10)} attendance`
        const table = { name, columns: columnsOf(shown), pages: pagesOf(course.people), span: { from, to } }
        return sendTable(reply, format, table, { ...query, tz: timeZone })
      }
      reply.type('application/json; charset=utf-8').header('vary', 'accept')
      return reply.send(Readable.from(writeGrid(shown, callerOf(request).key.keyId)))
    })
  }
}

type Shown = { schedule: Schedule; course: Course; timeZone: string; now: number }

async function plan(schedule: Schedule, period: Span): Promise<Planned[]> {
  const planned: Planned[] = []
  for await (const one of plannedIn(schedule, period)) {
    if (planned.push(one) <= gridOccurrencesMax) continue
    throw new Refusal(
      'BAD_REQUEST',
      `There are more than ${gridOccurrencesMax} occurrences: ask for less by from and to`,
    )
  }
  return planned
}

/** A slice of the people in each turn of the loop. */
async function* writeGrid(shown: Shown, keyId: number): AsyncGenerator<string> {
  const { schedule, course, timeZone } = shown
  const { id: scheduleId, name, graceMinutes } = schedule
  const about = {
    scheduleId,
    name,
    timeZone,
    graceMinutes,
    occurrences: course.occurrences.map((_, n) => toOccurrence(shown, n)),
  }
  yield `${JSON.stringify(about).slice(0, -1)},"people":[`
  for (let i = 0; i < course.people.length; i += peopleTogether) {
    const some = course.people.slice(i, i + peopleTogether)
    yield (i === 0 ? '' : ',') + some.map((person) => JSON.stringify(toPerson(shown, person))).join(',')
    await turns.next(keyId)
  }
  yield ']}'
}

function toOccurrence({ course, timeZone, now }: Shown, n: number): ApiOccurrence {
  const occurrence = course.occurrences[n]
  if (occurrence === undefined) throw new Error(`there is no occurrence ${n}`)
  const { from, to, actual, runs, sessionIds } = occurrence
  const [first, last] = [actual[0], actual.at(-1)]
  const verdicts = course.people.filter(({ expected }) => expected).map(({ verdicts }) => verdicts[n])
  const count = (of: (verdict: Verdict) => boolean) => verdicts.filter((one) => one !== undefined && of(one)).length
  return {
    start: toIso(from),
    end: toIso(to),
    localStart: `${toLocal(from, timeZone)}${offsetAt(from, timeZone)}`,
    sessionIds,
    actualStart: first === undefined ? null : toIso(first.from),
    actualEnd: last === undefined || runs ? null : toIso(last.to),
    actualSeconds: sum(actual, now) / 1000,
    present: count(({ joinedAt }) => joinedAt !== null),
    late: count(({ status }) => status.startsWith('late')),
    absent: count(({ status }) => status === 'absent'),
  }
}

function toPerson(shown: Shown, { participantId, name, expected, verdicts }: CoursePerson): ApiPerson {
  return {
    ...{ participantId, name, expected },
    ...totalOf(shown, verdicts),
    occurrences: verdicts.map(toVerdict),
  }
}

function totalOf({ course, now }: Shown, verdicts: Verdict[]) {
  const count = (of: (status: Verdict['status']) => boolean) => verdicts.filter(({ status }) => of(status)).length
  const presentMs = verdicts.reduce((ms, verdict) => ms + verdict.presentMs, 0)
  const scheduledMs = verdicts.reduce((ms, { ofScheduled }, n) => {
    const occurrence = course.occurrences[n]
    return ms + (ofScheduled === null || occurrence === undefined ? 0 : Math.min(occurrence.to, now) - occurrence.from)
  }, 0)
  return {
    onTime: count((status) => status === 'on-time'),
    late: count((status) => status.startsWith('late')),
    leftEarly: count((status) => status.endsWith('left-early')),
    absent: count((status) => status === 'absent'),
    presentSeconds: presentMs / 1000,
    presentOfScheduled: toPercent(presentMs, scheduledMs),
  }
}

/** Who, what it amounts to, and a column an occurrence, whose head says when it was. */
function columnsOf(shown: Shown): Column<CoursePerson>[] {
  const { course, timeZone } = shown
  const clock = createWallClock(timeZone)
  const totals = new WeakMap<CoursePerson, ReturnType<typeof totalOf>>()
  const total = (person: CoursePerson) => {
    const known = totals.get(person) ?? totalOf(shown, person.verdicts)
    totals.set(person, known)
    return known
  }
  return [
    { name: 'participantId', is: 'text', of: ({ participantId }) => participantId },
    { name: 'name', is: 'text', of: ({ name }) => name },
    { name: 'expected', is: 'flag', of: ({ expected }) => expected },
    { name: 'onTime', is: 'number', of: (person) => total(person).onTime },
    { name: 'late', is: 'number', of: (person) => total(person).late },
    { name: 'leftEarly', is: 'number', of: (person) => total(person).leftEarly },
    { name: 'absent', is: 'number', of: (person) => total(person).absent },
    { name: 'presentSeconds', is: 'seconds', of: (person) => total(person).presentSeconds },
    { name: 'presentOfScheduled', is: 'number', of: (person) => total(person).presentOfScheduled },
    ...course.occurrences.map(
      ({ from }, n): Column<CoursePerson> => ({
        name: `${clock.write(from).slice(0, 16)} UTC${offsetAt(from, timeZone)}`,
        is: 'text',
        of: ({ verdicts, expected }) => toText(verdicts[n], expected),
      }),
    ),
  ]
}

/** Such as "late 7 min, left early 12 min". Whoever is not expected is not absent. */
function toText(verdict: Verdict | undefined, expected: boolean): string {
  if (verdict === undefined || (!expected && verdict.joinedAt === null)) return ''
  const { status, lateMs, leftEarlyMs } = verdict
  const late = `late ${Math.ceil(lateMs / minuteMs)} min`
  const early = `left early ${Math.ceil(leftEarlyMs / minuteMs)} min`
  if (status === 'late-and-left-early') return `${late}, ${early}`
  if (status === 'late') return late
  return status === 'left-early' ? early : status.replace('-', ' ')
}

async function* pagesOf(people: CoursePerson[]): AsyncGenerator<CoursePerson[]> {
  for (let i = 0; i < people.length; i += peopleTogether) yield people.slice(i, i + peopleTogether)
}
