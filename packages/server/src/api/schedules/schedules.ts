import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Schedule as ApiSchedule, NewSchedule, Schedule, SchedulePage, toPageInfo } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { Schedule as Found } from '../../store/schedules.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import { PageQuery, toPage } from '../paging/page-query.ts'
import { toListedSchedule, toSchedule } from '../views/schedule.ts'
import { readSchedule } from './read-schedule.ts'

export const SchedulePath = Type.Object({ id: Type.String({ description: 'one exact id', about: 'The schedule.' }) })
const ScheduleQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(
    Type.String({ description: 'a roomId, customRoomId or id', about: 'Schedules of this room alone.' }),
  ),
})

const tags = ['Schedules']
const schemas = {
  create: {
    operationId: 'createSchedule',
    tags,
    summary: 'Add a schedule',
    description:
      'When a room should be used, how that recurs, and who is expected: attendance is held against it. Rollcall’s own: VideoSDK has no such call.',
    body: NewSchedule,
    response: { 200: Schedule, ...refusals('ROOM_NOT_FOUND') },
  },
  list: {
    operationId: 'listSchedules',
    tags,
    summary: 'List schedules',
    description: 'Newest first.',
    querystring: ScheduleQuery,
    response: { 200: SchedulePage, ...refusals('ROOM_NOT_FOUND') },
  },
  one: {
    operationId: 'getSchedule',
    tags,
    summary: 'Get a schedule',
    description: 'With who is expected.',
    params: SchedulePath,
    response: { 200: Schedule, ...refusals('SCHEDULE_NOT_FOUND') },
  },
  replace: {
    operationId: 'replaceSchedule',
    tags,
    summary: 'Change a schedule',
    description: 'To what the body says, all of it; without `roster`, who is expected stays.',
    params: SchedulePath,
    body: NewSchedule,
    response: { 200: Schedule, ...refusals('SCHEDULE_NOT_FOUND', 'ROOM_NOT_FOUND') },
  },
  remove: {
    operationId: 'deleteSchedule',
    tags,
    summary: 'Delete a schedule',
    description: 'What was recorded stays.',
    params: SchedulePath,
    response: { 200: Schedule, ...refusals('SCHEDULE_NOT_FOUND') },
  },
}

/** `/v2/schedules`: when rooms should be used, and by whom. */
export function scheduleRoutes(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/schedules', { onRequest: auth.crawler, schema: schemas.create }, async (request) => {
      const saved = await writes.schedules.save(await readSchedule(reads, callerOf(request), request.body))
      return show(saved ?? refuseUnknownSchedule('it'))
    })

    app.get('/v2/schedules', { onRequest: auth.crawler, schema: schemas.list }, async (request) => {
      const caller = callerOf(request)
      const page = toPage(request.query)
      const { roomId: anyId } = request.query
      const filter = anyId === undefined ? {} : { roomId: (await requireRoom(reads, caller, anyId)).roomId }
      const { schedules, total } = await reads.schedules.list(caller.key.keyId, filter, page)
      return { pageInfo: toPageInfo(page.page, page.perPage, total), data: schedules.map(toListedSchedule) }
    })

    app.get('/v2/schedules/:id', { onRequest: auth.crawler, schema: schemas.one }, async (request) =>
      show(await requireSchedule(reads, request, request.params.id)),
    )

    app.put('/v2/schedules/:id', { onRequest: auth.crawler, schema: schemas.replace }, async (request) => {
      const { id } = await requireSchedule(reads, request, request.params.id)
      const given = await readSchedule(reads, callerOf(request), request.body)
      return show((await writes.schedules.save({ id, ...given })) ?? refuseUnknownSchedule(id))
    })

    app.delete('/v2/schedules/:id', { onRequest: auth.crawler, schema: schemas.remove }, async (request) => {
      const schedule = await requireSchedule(reads, request, request.params.id)
      const shown = await show(schedule)
      if (!(await writes.schedules.delete(schedule))) refuseUnknownSchedule(schedule.id)
      return shown
    })
  }

  async function show(schedule: Found): Promise<ApiSchedule> {
    return toSchedule(schedule, await reads.schedules.roster(schedule.keyId, schedule.id))
  }
}

export async function requireSchedule(
  reads: Pick<Context['reads'], 'schedules'>,
  request: FastifyRequest,
  id: string,
): Promise<Found> {
  return (await reads.schedules.find(callerOf(request).key.keyId, id)) ?? refuseUnknownSchedule(id)
}

function refuseUnknownSchedule(id: string): never {
  throw new Refusal('SCHEDULE_NOT_FOUND', `Schedule ${quote(id)} not found`)
}
