import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Attendance, AttendanceRow, toIso } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import type { SessionPart } from '../../store/sessions/records.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireParticipants, requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { PersonsUnlessSaid, toKindsOfPeople } from '../paging/kinds-query.ts'
import { readSessionPages, readSessionsDuring, toAttendanceRows } from './attendance-rows.ts'
import { byteOrderMark, toCsvLine } from './csv.ts'
import { PeriodQuery, toPeriod } from './period.ts'

const FormQuery = Type.Object({
  ...PersonsUnlessSaid.properties,
  per: Type.Optional(
    Type.Union([Type.Literal('interval'), Type.Literal('participant')], {
      description: 'interval or participant',
      about: 'What a row is: a time inside, which is so without it, or all of a participant’s in one session.',
    }),
  ),
  format: Type.Optional(
    Type.Union([Type.Literal('json'), Type.Literal('csv'), Type.Literal('ndjson')], {
      description: 'json, csv or ndjson',
      about: 'The form of the answer; without it, as `Accept` has it.',
    }),
  ),
  separator: Type.Optional(
    Type.Union([Type.Literal('comma'), Type.Literal('semicolon'), Type.Literal('tab')], {
      description: 'comma, semicolon or tab',
      about:
        'What stands between the cells of CSV; without it, a comma. Spreadsheets of many languages want a semicolon.',
    }),
  ),
  bom: Type.Optional(
    Type.Boolean({
      description: 'true or false',
      about: 'Whether CSV begins with a byte order mark, by which spreadsheets know that it is UTF-8.',
    }),
  ),
})
type FormQuery = Type.Static<typeof FormQuery>
type Format = NonNullable<FormQuery['format']>

const SessionPath = Type.Object({ id: Type.String({ description: 'one exact id', about: 'The session.' }) })

const types: { [format in Format]: string } = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
}
const answered = {
  description: 'A row for each time inside, or for each participant.',
  content: {
    [types.json]: { schema: Attendance },
    [types.csv]: { schema: Type.String({ description: 'The names of the fields, then a line a row.' }) },
    [types.ndjson]: { schema: Type.String({ description: 'A row a line, as JSON.' }) },
  },
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
      description: 'Of all sessions of a time: every stay that reaches into it, whole, session after session.',
      querystring: Type.Object({ ...PeriodQuery.properties, ...FormQuery.properties }),
      response: { 200: answered, ...refusals('ROOM_NOT_FOUND') },
    }
    app.get('/v2/attendance', { onRequest: auth.crawler, schema: ofPeriod }, async (request, reply) => {
      const caller = callerOf(request)
      const { roomId } = request.query
      const period = toPeriod(request.query, clock.now())
      const room = roomId === undefined ? {} : { roomId: (await requireRoom(reads, caller, roomId)).roomId }
      const records = readSessionsDuring(reads, caller.key.keyId, { ...period, ...room })
      return send(request, reply, records, period)
    })

    const ofSession = {
      operationId: 'getSessionAttendance',
      tags: ['Reports'],
      summary: 'Get a session’s attendance',
      description: 'Everybody who was inside, however many.',
      params: SessionPath,
      querystring: FormQuery,
      response: { 200: answered, ...refusals('SESSION_NOT_FOUND') },
    }
    const path = '/v2/sessions/:id/attendance'
    app.get(path, { onRequest: auth.any, schema: ofSession }, async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const { session, customRoomId } = await requireParticipants(reads, caller, id, { page: 1, perPage: 1 })
      const name = `${customRoomId ?? session.roomId} ${toIso(session.startAt).slice(0, 10)} attendance`
      return send(request, reply, readSessionPages(reads, caller.key.keyId, id), { name })
    })
  }

  function send(
    request: FastifyRequest<{ Querystring: FormQuery }>,
    reply: FastifyReply,
    records: AsyncIterable<SessionPart>,
    { name = 'attendance', ...period }: { from?: number; to?: number; name?: string },
  ): FastifyReply {
    const { per = 'interval', format = accepted(request), separator, bom = false } = request.query
    const view = { ...period, kinds: toKindsOfPeople(request.query.kinds), now: clock.now() }
    const write = { json: writeJson, csv: writeCsv, ndjson: writeNdjson }[format]
    reply.type(`${types[format]}; charset=utf-8`).header('vary', 'accept')
    if (format === 'csv') reply.header('content-disposition', toDisposition(`${name}.csv`))
    return reply.send(Readable.from(write(toRows())))

    async function* toRows() {
      for await (const record of records) yield toAttendanceRows(record, per, view)
    }

    async function* writeCsv(pages: AsyncIterable<AttendanceRow[]>) {
      const columns = Object.keys(AttendanceRow.properties) as (keyof AttendanceRow)[]
      const shown = columns.filter((name) => per === 'participant' || name !== 'intervals')
      yield (bom ? byteOrderMark : '') + toCsvLine(shown, separator)
      for await (const rows of pages)
        yield rows
          .map((row) =>
            toCsvLine(
              shown.map((name) => row[name]),
              separator,
            ),
          )
          .join('')
    }
  }
}

/** Saves under this name: in letters of any language, and in ASCII for whoever knows no others. */
function toDisposition(name: string): string {
  const safe = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')
  const encoded = encodeURIComponent(safe.toWellFormed()).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${safe.replace(/[^\x20-\x7e]+/g, '_')}"; filename*=UTF-8''${encoded}`
}

/** What `Accept` asks for by name; JSON otherwise. */
function accepted({ headers: { accept = '' } }: FastifyRequest): Format {
  if (accept.includes(types.csv)) return 'csv'
  return accept.includes(types.ndjson) ? 'ndjson' : 'json'
}

async function* writeJson(pages: AsyncIterable<AttendanceRow[]>) {
  yield '{"data":['
  let first = true
  for await (const rows of pages) {
    if (rows.length === 0) continue
    yield (first ? '' : ',') + rows.map((row) => JSON.stringify(row)).join(',')
    first = false
  }
  yield ']}'
}

async function* writeNdjson(pages: AsyncIterable<AttendanceRow[]>) {
  for await (const rows of pages) yield rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}
