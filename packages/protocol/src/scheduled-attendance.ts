import { Type } from 'typebox'
import { Time } from './time.ts'

export const AttendanceStatus = Type.Union(
  [
    Type.Literal('on-time'),
    Type.Literal('late'),
    Type.Literal('left-early'),
    Type.Literal('late-and-left-early'),
    Type.Literal('absent'),
    Type.Literal('expected'),
  ],
  {
    description:
      'on-time, late, left-early, late-and-left-early (by more than the grace), absent, or expected: it has not begun, or not for longer than the grace.',
  },
)
export type AttendanceStatus = Type.Static<typeof AttendanceStatus>

const Percent = (of: string) =>
  Type.Union([Type.Number(), Type.Null()], { description: `Percent of ${of}, to a tenth; null where there is none.` })

const verdict = {
  status: AttendanceStatus,
  lateSeconds: Type.Number({ description: 'How long after its start they came, also within the grace.' }),
  leftEarlySeconds: Type.Number({ description: 'How long before its end they left, also within the grace.' }),
  presentSeconds: Type.Number({ description: 'Seconds inside of its scheduled time.' }),
  presentOfScheduled: Percent('its scheduled time, so far as it is over, that they were inside'),
  presentOfActual: Percent('the time that its rooms were really in session, that they were inside'),
}
const who = {
  participantId: Type.String({ description: 'As the roster has it; of others their own, or that of a merged person.' }),
  name: Type.String({ description: 'As the roster has it, or else the latest that they were known by.' }),
  expected: Type.Boolean({ description: 'Whether they are in the roster.' }),
}

/** One person and one occurrence. The fields are the columns of the CSV. */
export const OccurrenceRow = Type.Object(
  {
    scheduleId: Type.String({ description: 'The schedule.' }),
    schedule: Type.String({ description: 'What it is called.' }),
    occurrenceStart: Time('When it should have begun.'),
    occurrenceEnd: Time('When it should have ended.'),
    ...who,
    ...verdict,
    firstJoin: Type.Union([Time(), Type.Null()], { description: 'The join of their first stay that reaches into it.' }),
    lastLeave: Type.Union([Time(), Type.Null()], {
      description: 'The leave of their last; null while they are inside, and of whoever was not.',
    }),
  },
  { $id: 'OccurrenceRow', description: 'Whether one person was there when they should have been.' },
)
export type OccurrenceRow = Type.Static<typeof OccurrenceRow>

export const OccurrenceAttendance = Type.Object(
  { data: Type.Array(OccurrenceRow, { description: 'Schedule after schedule, in order of time.' }) },
  { $id: 'OccurrenceAttendance', description: 'Whether people were there when they should have been.' },
)
export type OccurrenceAttendance = Type.Static<typeof OccurrenceAttendance>

const Occurrence = Type.Object({
  start: Time('When it should have begun.'),
  end: Time('When it should have ended.'),
  localStart: Type.String({ description: 'The same start by the clocks of `timeZone`, with its offset from UTC.' }),
  sessionIds: Type.Array(Type.String(), { description: 'The sessions that ran in it.' }),
  actualStart: Type.Union([Time(), Type.Null()], { description: 'When these began; null where there was none.' }),
  actualEnd: Type.Union([Time(), Type.Null()], { description: 'When they ended; null while one runs.' }),
  actualSeconds: Type.Number({
    description: 'For how long they ran, as far as the occurrences before and after leave it to this one.',
  }),
  present: Type.Integer({ description: 'Of those who are expected, how many came.' }),
  late: Type.Integer({ description: 'Of these, how many were late.' }),
  absent: Type.Integer({ description: 'Of those who are expected, how many did not come.' }),
})

const CoursePerson = Type.Object({
  ...who,
  onTime: Type.Integer({ description: 'Occurrences at which they were neither late nor left early.' }),
  late: Type.Integer({ description: 'Occurrences to which they came late.' }),
  leftEarly: Type.Integer({ description: 'Occurrences that they left early.' }),
  absent: Type.Integer({ description: 'Occurrences to which they did not come.' }),
  presentSeconds: Type.Number({ description: 'Seconds inside, of the scheduled time of all.' }),
  presentOfScheduled: Percent('the scheduled time of all that began, that they were inside'),
  occurrences: Type.Array(Type.Object(verdict), { description: 'One for each of `occurrences`, in the same order.' }),
})

/** Who was there when they should have been: persons × occurrences. */
export const ScheduleAttendance = Type.Object(
  {
    scheduleId: Type.String({ description: 'The schedule.' }),
    name: Type.String({ description: 'What it is called.' }),
    timeZone: Type.String({ description: 'Whose clocks `localStart` is by.' }),
    graceMinutes: Type.Integer({ description: 'Minutes by which somebody may come later or leave earlier.' }),
    occurrences: Type.Array(Occurrence, { description: 'In order of time.' }),
    people: Type.Array(CoursePerson, { description: 'Those in the roster first, each in order of name.' }),
  },
  { $id: 'ScheduleAttendance', description: 'Who was there when they should have been: persons × occurrences.' },
)
export type ScheduleAttendance = Type.Static<typeof ScheduleAttendance>
export type CourseOccurrence = Type.Static<typeof Occurrence>
export type CoursePerson = Type.Static<typeof CoursePerson>
