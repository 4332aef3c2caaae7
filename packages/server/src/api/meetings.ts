import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Meeting, MeetingPage, roomIdPattern } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { ownerOf } from '../store/keys/key.ts'
import type { Room } from '../store/rooms.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import { type Caller, maySee } from './auth/caller.ts'
import { scopes } from './auth/scopes.ts'
import { requireRoom } from './find.ts'
import { refusals } from './http/refusals.ts'
import { CustomRoomId, createRoom, NewRoom } from './room-creation.ts'
import { listRooms, RoomQuery } from './rooms.ts'
import { toMeeting } from './views/room.ts'

const MeetingPath = Type.Object({
  id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }),
})
const NamedMeetingPath = Type.Object({ id: CustomRoomId })

const { customRoomId, ...settings } = NewRoom.properties
const NewMeeting = Type.Object({ userMeetingId: customRoomId, ...settings })

const schemas = {
  create: {
    operationId: 'createMeeting',
    scopes: scopes('rooms'),
    audited: false,
    tags: ['Rooms'],
    deprecated: true,
    summary: 'Create a room, in the API’s first version',
    description: 'The same as `POST /v2/rooms`, in its old names.',
    body: NewMeeting,
    response: { 200: Meeting },
  },
  list: {
    operationId: 'listMeetings',
    scopes: scopes('read', 'rooms'),
    tags: ['Rooms'],
    deprecated: true,
    summary: 'List rooms, in the API’s first version',
    description: 'The same as `GET /v2/rooms`, in its old names.',
    querystring: RoomQuery,
    response: { 200: MeetingPage },
  },
  one: {
    scopes: scopes('read', 'rooms'),
    audited: false,
    tags: ['Rooms'],
    deprecated: true,
    summary: 'Get a room, in the API’s first version',
    description: 'The same as `GET /v2/rooms/validate/{id}`, in its old names.',
    params: MeetingPath,
    response: { 200: Meeting, ...refusals('ROOM_NOT_FOUND') },
  },
  named: {
    operationId: 'openPrebuiltMeeting',
    scopes: scopes('read', 'rooms'),
    audited: false,
    tags: ['Rooms'],
    deprecated: true,
    summary: 'Get or create a room by your name for it, in the API’s first version',
    description:
      'The room of any of its ids. Where there is none, and the name has not the form of a `roomId`, it is created as by `POST /v2/rooms` with that `customRoomId`.',
    params: NamedMeetingPath,
    response: { 200: Meeting, ...refusals('ROOM_NOT_FOUND') },
  },
}

const oneOperations = [
  ['GET', 'getMeeting'],
  ['POST', 'validateMeeting'],
] as const

/** Rooms as the API's first version named them: public clients still make and check them so. */
export function meetingRoutes(
  { reads, writes }: Pick<Context, 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v1/meetings', { onRequest: auth.any, schema: schemas.create }, async (request) => {
      const { userMeetingId, ...rest } = request.body
      const named = userMeetingId === undefined ? {} : { customRoomId: userMeetingId }
      return show(request, await createRoom({ reads, writes }, callerOf(request), { ...rest, ...named }))
    })

    app.get('/v1/meetings', { onRequest: auth.any, schema: schemas.list }, async (request) => {
      const { pageInfo, rooms } = await listRooms(reads, callerOf(request), request.query)
      return { pageInfo, data: rooms.map((room) => show(request, room)) }
    })

    for (const [method, operationId] of oneOperations) {
      app.route({
        method,
        url: '/v1/meetings/:id',
        onRequest: auth.any,
        schema: { ...schemas.one, operationId },
        handler: async (request) => show(request, await requireRoom(reads, callerOf(request), request.params.id)),
      })
    }

    app.post('/v1/prebuilt/meetings/:id', { onRequest: auth.any, schema: schemas.named }, async (request) =>
      show(request, await openNamed(callerOf(request), request.params.id)),
    )
  }

  function show(request: FastifyRequest, room: Room): Meeting {
    return toMeeting(room, ownerOf(callerOf(request).key))
  }

  async function openNamed(caller: Caller, id: string): Promise<Room> {
    const room = await reads.rooms.find(caller.key.keyId, id)
    if (room !== undefined && maySee(caller, room.roomId)) return room
    const isNew = room === undefined && caller.roomIds === undefined && !roomIdPattern.test(id)
    return isNew ? createRoom({ reads, writes }, caller, { customRoomId: id }) : requireRoom(reads, caller, id)
  }
}
