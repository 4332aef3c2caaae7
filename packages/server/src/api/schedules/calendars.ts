import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ExpectedPerson,
  ImportedSchedules,
  type LeftEvent,
  NewSchedule,
  perPageMax,
  rosterMax,
  Schedule,
} from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { cellOf, columnsOf as columnsOfHead, readRows } from '../../imports/table.ts'
import { checkOf } from '../../runtime/check.ts'
import { explain } from '../../runtime/explain.ts'
import type { Expected, Schedule as Found } from '../../store/schedules.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { columnsOf, sendTable, TableQuery, toDisposition, types } from '../tables/table.ts'
import { toListedSchedule, toSchedule } from '../views/schedule.ts'
import { type ReadEvent, readCalendar } from './calendar-in.ts'
import { writeCalendar } from './calendar-out.ts'
import { readRoster, readSchedule } from './read-schedule.ts'
import { requireSchedule, SchedulePath } from './schedules.ts'

const calendarType = 'text/calendar'
const RoomQuery = Type.Object({
  roomId: Type.Optional(Type.String({ description: 'a roomId, customRoomId or id', about: 'Of this room alone.' })),
})
const ImportQuery = Type.Object({
  roomId: Type.Optional(
    Type.String({
      description: 'a roomId, customRoomId or id',
      about: 'Where the events take place; without it, each in the room that its LOCATION names.',
    }),
  ),
})
const RosterQuery = Type.Object({
  ...TableQuery.properties,
  format: Type.Optional(
    Type.Union([Type.Literal('csv'), Type.Literal('xlsx')], { description: 'csv or xlsx', about: 'Without it, CSV.' }),
  ),
})

const tags = ['Schedules']
const schemas = {
  export: {
    operationId: 'exportSchedules',
    tags,
    summary: 'Export schedules as iCalendar',
    description: 'All, or those of a room, with who is expected, for any calendar.',
    querystring: RoomQuery,
    response: {
      200: {
        description: 'An iCalendar file.',
        content: { [calendarType]: { schema: Type.String({ description: 'RFC 5545.' }) } },
      },
      ...refusals('ROOM_NOT_FOUND'),
    },
  },
  import: {
    operationId: 'importSchedules',
    tags,
    summary: 'Import schedules from iCalendar',
    description:
      'The body is an iCalendar file as it is. Its events become schedules, known by their UID: the same file again changes nothing. What cannot be one is left, with why.',
    querystring: ImportQuery,
    response: { 200: ImportedSchedules, ...refusals('ROOM_NOT_FOUND') },
  },
  roster: {
    operationId: 'getRoster',
    tags,
    summary: 'Get who is expected',
    description: 'As a table with the columns participantId and name.',
    params: SchedulePath,
    querystring: RosterQuery,
    response: {
      200: {
        description: 'A line a person.',
        content: {
          [types.csv]: { schema: Type.String({ description: 'participantId,name' }) },
          [types.xlsx]: { schema: Type.String({ format: 'binary', description: 'The same as a workbook.' }) },
        },
      },
      ...refusals('SCHEDULE_NOT_FOUND'),
    },
  },
  replaceRoster: {
    operationId: 'replaceRoster',
    tags,
    summary: 'Say who is expected',
    description:
      'The body is CSV with a column participantId (or id, or email), and perhaps name: all who are expected.',
    params: SchedulePath,
    response: { 200: Schedule, ...refusals('SCHEDULE_NOT_FOUND') },
  },
}

const checkSchedule = checkOf(NewSchedule)
const checkPerson = checkOf(ExpectedPerson)

/** Schedules as iCalendar, and rosters as CSV: in and out. */
export function calendarRoutes(
  { reads, writes, clock }: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    // Whatever its type is said to be: the address says how to read it.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => body)

    app.get('/v2/schedules.ics', { onRequest: auth.crawler, schema: schemas.export }, async (request, reply) => {
      const caller = callerOf(request)
      const { keyId } = caller.key
      const { roomId: anyId } = request.query
      const roomId = anyId === undefined ? undefined : (await requireRoom(reads, caller, anyId)).roomId
      const found = await listAll(keyId, roomId)
      return sendCalendar(reply, writeCalendar(keyId, found, withRosters(found), clock.now()))
    })

    app.post('/v2/schedules/import', { onRequest: auth.crawler, schema: schemas.import }, async (request) => {
      const caller = callerOf(request)
      const { roomId: anyId } = request.query
      const room = anyId === undefined ? undefined : (await requireRoom(reads, caller, anyId)).roomId
      const { events, left } = await readCalendar(bodyOf(request).toString('utf8'), caller.key.keyId)
      const data: Found[] = []
      for (const event of events) {
        const saved = await importEvent(request, event, room)
        if ('reason' in saved) left.push(saved)
        else data.push(saved)
      }
      return { data: data.map(toListedSchedule), left }
    })

    app.get('/v2/schedules/:id/roster', { onRequest: auth.crawler, schema: schemas.roster }, async (request, reply) => {
      const { keyId, id, name } = await requireSchedule(reads, request, request.params.id)
      const { format = 'csv', ...how } = request.query
      const columns = columnsOf<Expected>(['participantId', 'name'], {})
      const people = await reads.schedules.roster(keyId, id)
      const pages = (async function* () {
        yield people
      })()
      return sendTable(reply, format, { name: `${name} roster`, columns, pages, span: { from: 0, to: 0 } }, how)
    })

    const replace = { onRequest: auth.crawler, schema: schemas.replaceRoster }
    app.put('/v2/schedules/:id/roster', replace, async (request) => {
      const schedule = await requireSchedule(reads, request, request.params.id)
      const roster = await readPeople(bodyOf(request))
      const saved = await writes.schedules.save({ ...schedule, roster })
      if (saved === undefined) throw new Refusal('SCHEDULE_NOT_FOUND', `Schedule ${schedule.id} not found`)
      return toSchedule(saved, await reads.schedules.roster(saved.keyId, saved.id))
    })
  }

  async function listAll(keyId: number, roomId: string | undefined): Promise<Found[]> {
    const found: Found[] = []
    for (let page = 1; ; page += 1) {
      const { schedules } = await reads.schedules.list(keyId, { roomId }, { page, perPage: perPageMax })
      found.push(...schedules)
      if (schedules.length < perPageMax) return found
    }
  }

  async function* withRosters(found: Found[]) {
    for (const schedule of found) {
      const { keyId, roomIds } = schedule
      const rooms = await Promise.all(roomIds.map((roomId) => reads.rooms.find(keyId, roomId)))
      const names = rooms.flatMap((room) => (room === undefined ? [] : (room.customRoomId ?? room.roomId)))
      yield { schedule, roster: await reads.schedules.roster(keyId, schedule.id), room: names[0] ?? '' }
    }
  }

  /** An event that is known changes its schedule; who is expected, and the grace, stay where it says nothing of them. */
  async function importEvent(
    request: FastifyRequest,
    { uid, location, schedule }: ReadEvent,
    roomId: string | undefined,
  ): Promise<Found | LeftEvent> {
    const caller = callerOf(request)
    const { keyId } = caller.key
    const leave = (reason: string) => ({ uid, name: schedule.name, reason })
    const id = await reads.schedules.findByUid(keyId, uid)
    const known = id === undefined ? undefined : await reads.schedules.find(keyId, id)
    const room = roomId ?? known?.roomIds[0] ?? location
    if (room === undefined) return leave('it has no LOCATION, and no roomId was named')
    const graceMinutes = known === undefined ? {} : { graceMinutes: known.graceMinutes }
    const roomIds = roomId === undefined && known !== undefined ? known.roomIds : [room]
    const body = { ...schedule, ...graceMinutes, roomIds }
    if (!checkSchedule.Check(body)) return leave(explain(checkSchedule, body))
    try {
      const saved = await writes.schedules.save({ id, uid, ...(await readSchedule(reads, caller, body)) })
      return saved ?? leave('it was deleted meanwhile')
    } catch (error) {
      if (error instanceof Refusal) return leave(error.message)
      throw error
    }
  }
}

function sendCalendar(reply: FastifyReply, pieces: AsyncIterable<string>): FastifyReply {
  reply.type(`${calendarType}; charset=utf-8`).header('content-disposition', toDisposition('schedules.ics'))
  return reply.send(Readable.from(pieces))
}

/** In whatever spreadsheets put between cells. */
async function readPeople(bytes: Buffer): Promise<Expected[]> {
  const [firstLine = ''] = bytes.toString('utf8').split(/\r?\n/)
  const delimiter = ([';', '\t'] as const).find((one) => firstLine.includes(one)) ?? ','
  const [head, ...rows] = await readRows(bytes, delimiter)
  const columns = head === undefined ? {} : columnsOfHead(head.cells)
  const idNames = ['participantid', 'id', 'email']
  if (!idNames.some((name) => name in columns)) {
    throw new Refusal('BAD_REQUEST', 'The first line has to name its columns: there is no participantId, id or email')
  }
  const people = rows.map((row) => {
    const person = { participantId: cellOf(row, columns, ...idNames) ?? '', name: cellOf(row, columns, 'name') ?? '' }
    if (checkPerson.Check(person)) return person
    throw new Refusal('BAD_REQUEST', `Line ${row.line}: ${explain(checkPerson, person)}`)
  })
  if (people.length > rosterMax) {
    throw new Refusal('BAD_REQUEST', `There are ${people.length} people: a roster has at most ${rosterMax}`)
  }
  return readRoster(people)
}

function bodyOf({ body }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body
  throw new Refusal('BAD_REQUEST', 'The body is empty: it takes a file')
}
