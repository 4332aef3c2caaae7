import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Attendance, AttendanceRow, OccurrenceAttendance, OccurrenceRow } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { toLocal } from '../../runtime/calendar/recurrence.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireParticipants, requireReportedRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { PersonsUnlessSaid, toKindsOfPeople } from '../paging/kinds-query.ts'
import { readOccurrenceRows } from '../schedules/occurrence-rows.ts'
import { requireSchedule } from '../schedules/schedules.ts'
import {
  acceptedFormat,
  type Column,
  columnsOf,
  sendTable,
  type TableSpan,
  tableContent,
  types,
  writeJson,
  writeNdjson,
  ZonedTableQuery,
} from '../tables/table.ts'
import { readSessionPages, readSessionsDuring, toAttendanceRows } from './attendance-rows.ts'
import { PeriodQuery, toPeriod } from './period.ts'

const perRow = {
  description: 'interval or participant',
  about: 'What a row is: a time inside, which is so without it, or all of a participant’s in one session.',
}
const FormQuery = Type.Object({
  ...PersonsUnlessSaid.properties,
  per: Type.Optional(Type.Union([Type.Literal('interval'), Type.Literal('participant')], perRow)),
  format: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('ndjson'), Type.Literal('xlsx')], {
      description: 'json, csv, ndjson or xlsx',
      about: 'The form of the answer; without it, as `Accept` has it.',
    }),
  ),
  ...ZonedTableQuery.properties,
})
type FormQuery = Type.Static<typeof FormQuery>

const PeriodFormQuery = Type.Object({
  ...PeriodQuery.properties,
  ...FormQuery.properties,
  per: Type.Optional(
    Type.Union([Type.Literal('interval'), Type.Literal('participant'), Type.Literal('occurrence')], {
      description: 'interval, participant or occurrence',
      about: `${perRow.about.slice(0, -1)}; or, of the schedules’ occurrences that begin then, each with each person, and whether they were there.`,
    }),
  ),
  scheduleId: Type.Optional(
    Type.String({ description: 'one exact id', about: 'Occurrences of this schedule alone; with `per=occurrence`.' }),
  ),
})

const SessionPath = Type.Object({ id: Type.String({ description: 'one exact id', about: 'The session.' }) })

const answeredAs = (json: object, description: string) => ({
  description,
  content: {
    ...tableContent(json),
    [types.ndjson]: { schema: Type.String({ description: 'A row a line, as JSON.' }) },
  },
})
const ofSessions = 'A row for each time inside, or for each participant'

/** What is sent: pages of rows, and the columns that they have as a table. */
type Rows<Row extends object> = {
  pages: AsyncIterable<Row[]>
  columns: Column<Row>[]
  name: string
  span: TableSpan
}

/** Who was inside, from when to when, as rows: for a register, an invoice, a spreadsheet. Answers are sent as they are read. */
export function attendanceRoutes(
  { reads, clock }: Pick<Context, 'reads' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const ofPeriod = {
      operationId: 'getAttendance',
      tags: ['Reports'],
      summary: 'Get attendance',
      description:
        'Of all sessions of a time: every stay that reaches into it, whole, session after session. Or, `per=occurrence`, who was there when schedules have it.',
      querystring: PeriodFormQuery,
      response: {
        200: answeredAs(
          Type.Union([Attendance, OccurrenceAttendance]),
          `${ofSessions}; or, \`per=occurrence\`, for each person and occurrence.`,
        ),
        ...refusals('ROOM_NOT_FOUND', 'SCHEDULE_NOT_FOUND'),
      },
    }
    app.get('/v2/attendance', { onRequest: auth.reports, schema: ofPeriod }, async (request, reply) => {
      const caller = callerOf(request)
      const { roomId, scheduleId, per = 'interval' } = request.query
      const period = toPeriod(request.query, clock.now())
      const room = await requireReportedRoom(reads, caller, roomId)
      if (scheduleId !== undefined && caller.roomIds !== undefined) {
        throw new Refusal('FORBIDDEN', 'A host sees their own rooms: ask by roomId, not by a schedule')
      }
      const schedule = scheduleId === undefined ? undefined : await requireSchedule(reads, request, scheduleId)
      if (per === 'occurrence') {
        const asked = { now: clock.now(), kinds: toKindsOfPeople(request.query.kinds), others: true }
        const pages = readOccurrenceRows(reads, caller.key.keyId, { ...period, ...room, schedule }, asked)
        return send(request, reply, { pages, columns: occurrenceColumns, name: 'attendance', span: period })
      }
      if (scheduleId !== undefined) throw new Refusal('BAD_REQUEST', 'scheduleId is taken with per=occurrence alone')
      const records = readSessionsDuring(reads, caller.key.keyId, { ...period, ...room })
      return send(request, reply, toRows(records, { ...request.query, per }, { ...period, name: 'attendance' }))
    })

    const ofSession = {
      operationId: 'getSessionAttendance',
      tags: ['Reports'],
      summary: 'Get a session’s attendance',
      description: 'Everybody who was inside, however many.',
      params: SessionPath,
      querystring: FormQuery,
      response: { 200: answeredAs(Attendance, `${ofSessions}.`), ...refusals('SESSION_NOT_FOUND') },
    }
    const path = '/v2/sessions/:id/attendance'
    app.get(path, { onRequest: auth.any, schema: ofSession }, async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const { session, customRoomId } = await requireParticipants(reads, caller, id, { page: 1, perPage: 1 })
      const day = toLocal(session.startAt, request.query.tz ?? 'UTC').slice(0, 10)
      const name = `${customRoomId ?? session.roomId} ${day} attendance`
      const records = readSessionPages(reads, caller.key.keyId, id)
      const span = { from: session.startAt, to: session.endAt ?? clock.now(), daysBeyond: 1 }
      return send(request, reply, toRows(records, request.query, { name, span }))
    })
  }

  function toRows(
    records: AsyncIterable<SessionPart>,
    { per = 'interval', kinds }: Pick<FormQuery, 'per' | 'kinds'>,
    { name, span, ...period }: { from?: number; to?: number; name: string; span?: TableSpan },
  ): Rows<AttendanceRow> {
    const now = clock.now()
    const view = { ...period, kinds: toKindsOfPeople(kinds), now }
    const { from = now, to = now } = period
    return { pages: read(), columns: columnsOfRows[per], name, span: span ?? { from, to } }

    async function* read() {
      for await (const record of records) yield toAttendanceRows(record, per, view)
    }
  }
}

function send<Row extends object>(
  request: FastifyRequest<{ Querystring: Omit<FormQuery, 'per'> }>,
  reply: FastifyReply,
  rows: Rows<Row>,
): FastifyReply {
  const { format = acceptedFormat(request) } = request.query
  if (format === 'csv' || format === 'xlsx') return sendTable(reply, format, rows, request.query)
  const write = { json: writeJson, ndjson: writeNdjson }[format]
  reply.type(`${types[format]}; charset=utf-8`).header('vary', 'accept')
  return reply.send(Readable.from(write(rows.pages)))
}

const fields = Object.keys(AttendanceRow.properties) as (keyof AttendanceRow)[]
const columnsOfParticipants = columnsOf<AttendanceRow>(fields, {
  ...{ start: 'time', end: 'time', seconds: 'seconds', intervals: 'number', inferred: 'flag' },
})
const columnsOfRows = {
  participant: columnsOfParticipants,
  interval: columnsOfParticipants.filter(({ name }) => name !== 'intervals'),
}
const occurrenceColumns = columnsOf<OccurrenceRow>(Object.keys(OccurrenceRow.properties) as (keyof OccurrenceRow)[], {
  ...{ occurrenceStart: 'time', occurrenceEnd: 'time', firstJoin: 'time', lastLeave: 'time' },
  ...{ lateSeconds: 'seconds', leftEarlySeconds: 'seconds', presentSeconds: 'seconds' },
  ...{ presentOfScheduled: 'number', presentOfActual: 'number', expected: 'flag' },
})
