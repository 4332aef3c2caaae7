import { Type } from 'typebox'
import { nameMaxLength, participantIdMaxLength } from './ids.ts'
import { PageInfo } from './page.ts'
import { Time } from './time.ts'

/** Most people expected of one schedule. */
export const rosterMax = 2000
/** Most rooms of one schedule. */
export const scheduleRoomsMax = 50
/** Most days on which an occurrence is left out. */
export const exdatesMax = 500
/** Longest occurrence, and most grace, in minutes: a day. */
export const scheduleMinutesMax = 24 * 60

const localTimeTakes = 'a local time such as 2026-10-05T09:00, without a zone'
/** What `timeZone` takes. */
export const zoneTakes = 'an IANA time zone, such as Europe/Berlin'
/** What `rrule` takes. */
export const ruleTakes =
  'an RFC 5545 rule of FREQ (DAILY, WEEKLY, MONTHLY or YEARLY), INTERVAL, COUNT or UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST, such as FREQ=WEEKLY;BYDAY=MO,WE;COUNT=30, or nothing'

const LocalTime = (about: string) =>
  Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d)?$', description: localTimeTakes, about })

export const ExpectedPerson = Type.Object(
  {
    participantId: Type.String({
      minLength: 1,
      maxLength: participantIdMaxLength,
      description: `a participantId of 1 to ${participantIdMaxLength} characters`,
      about: 'A participantId, or the id of a person that several were merged into.',
    }),
    name: Type.Optional(
      Type.String({
        maxLength: nameMaxLength,
        description: `a text of at most ${nameMaxLength} characters`,
        about: 'What they are called where they never came.',
      }),
    ),
  },
  {
    description: 'a participantId, and a name or none',
    additionalProperties: false,
  },
)
export type ExpectedPerson = Type.Static<typeof ExpectedPerson>

const fields = {
  name: Type.String({
    minLength: 1,
    maxLength: nameMaxLength,
    description: `a text of 1 to ${nameMaxLength} characters`,
    about: 'What it is called, such as the course.',
  }),
  roomIds: Type.Array(Type.String({ minLength: 1 }), {
    minItems: 1,
    maxItems: scheduleRoomsMax,
    description: `a list of 1 to ${scheduleRoomsMax} roomIds or customRoomIds of rooms that there are`,
    about: 'Where it takes place: whoever is inside any of them is there.',
  }),
  start: LocalTime('When the first occurrence begins, by the clocks of `timeZone`.'),
  end: Type.Optional(LocalTime('When the first occurrence ends; in place of `durationMinutes`.')),
  durationMinutes: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: scheduleMinutesMax,
      description: `a whole number of minutes from 1 to ${scheduleMinutesMax}`,
      about: 'How long each occurrence is; in place of `end`.',
    }),
  ),
  timeZone: Type.String({ maxLength: 64, description: zoneTakes, about: 'Whose clocks `start` is by.' }),
  rrule: Type.Optional(
    Type.String({ maxLength: 500, description: ruleTakes, about: 'How it recurs; without it, it takes place once.' }),
  ),
  exdates: Type.Optional(
    Type.Array(Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\d$', description: 'a day such as 2026-12-24' }), {
      maxItems: exdatesMax,
      description: `a list of at most ${exdatesMax} days such as 2026-12-24`,
      about: 'Days on which it is left out, by the calendar of `timeZone`.',
    }),
  ),
  graceMinutes: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: scheduleMinutesMax,
      default: 5,
      description: `a whole number of minutes from 0 to ${scheduleMinutesMax}`,
      about: 'Up to so much later than its start is on time, and so much before its end has not left early.',
    }),
  ),
  roster: Type.Optional(
    Type.Array(ExpectedPerson, {
      maxItems: rosterMax,
      description: `a list of at most ${rosterMax} people, each with a participantId and a name or none`,
      about: 'Who is expected; without it, nobody, and of a schedule that there is, whoever was.',
    }),
  ),
}

/** What `POST` and `PUT` take. */
export const NewSchedule = Type.Object(fields, { additionalProperties: false })
export type NewSchedule = Type.Static<typeof NewSchedule>

const shown = {
  id: Type.String({ description: '24 hex digits.' }),
  uid: Type.String({ description: 'By which calendars know it: an event that was imported keeps its own.' }),
  name: Type.String({ description: 'What it is called.' }),
  roomIds: Type.Array(Type.String(), { description: 'Where it takes place.' }),
  start: Type.String({ description: 'When the first occurrence begins, by the clocks of `timeZone`.' }),
  end: Type.String({ description: 'When the first occurrence ends, by the same clocks.' }),
  durationMinutes: Type.Integer({ description: 'How long each occurrence is.' }),
  timeZone: Type.String({
    description: 'Whose clocks it goes by: where they change, it stays at the same time of day.',
  }),
  rrule: Type.String({ description: 'How it recurs, as RFC 5545 has it; empty where it takes place once.' }),
  exdates: Type.Array(Type.String(), { description: 'Days on which it is left out.' }),
  graceMinutes: Type.Integer({ description: 'Minutes by which somebody may come later or leave earlier.' }),
  expected: Type.Integer({ description: 'How many people are expected.' }),
  createdAt: Time(),
  updatedAt: Time(),
}

export const ListedSchedule = Type.Object(shown, {
  $id: 'ListedSchedule',
  description: 'When a room should be used, without who is expected.',
})
export type ListedSchedule = Type.Static<typeof ListedSchedule>

export const Schedule = Type.Object(
  {
    ...shown,
    roster: Type.Array(
      Type.Object({
        participantId: Type.String({ description: 'A participantId, or the id of a merged person.' }),
        name: Type.String({ description: 'What they are called; empty where nobody said.' }),
      }),
      { description: 'Who is expected, in order of name.' },
    ),
  },
  { $id: 'Schedule', description: 'When a room should be used, and by whom.' },
)
export type Schedule = Type.Static<typeof Schedule>

export const SchedulePage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(ListedSchedule) },
  { $id: 'SchedulePage', description: 'A page of schedules, newest first.' },
)
export type SchedulePage = Type.Static<typeof SchedulePage>

export const LeftEvent = Type.Object({
  uid: Type.String({ description: 'The event.' }),
  name: Type.String({ description: 'What it is called.' }),
  reason: Type.String({ description: 'Why it is no schedule.' }),
})
export type LeftEvent = Type.Static<typeof LeftEvent>

export const ImportedSchedules = Type.Object(
  {
    data: Type.Array(ListedSchedule, { description: 'What the events became.' }),
    left: Type.Array(LeftEvent, { description: 'Events that were left.' }),
  },
  { $id: 'ImportedSchedules', description: 'What became of the events of a calendar.' },
)
export type ImportedSchedules = Type.Static<typeof ImportedSchedules>
