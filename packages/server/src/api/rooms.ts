import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { DeactivatedRoom, type PageInfo, Room, RoomPage, RoomWithStatus, toPageInfo } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { quote } from '../runtime/explain.ts'
import type { Commands } from '../sources/commands/commands.ts'
import { ownerOf } from '../store/keys/key.ts'
import type { Room as RoomRow } from '../store/rooms.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import type { Caller } from './auth/caller.ts'
import { scopes } from './auth/scopes.ts'
import { requireRoom } from './find.ts'
import { baseUrlOf } from './http/base-url.ts'
import { refusals } from './http/refusals.ts'
import { PageQuery, toPage } from './paging/page-query.ts'
import { createRoom, NewRoom } from './room-creation.ts'
import { type RoomViewOptions, toListedRoom, toMeeting, toRoom } from './views/room.ts'

const RoomPath = Type.Object({ id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }) })

export const RoomQuery = Type.Object({
  ...PageQuery.properties,
  query: Type.Optional(Type.String({ description: 'one exact roomId or customRoomId', about: 'That room alone.' })),
  search: Type.Optional(
    Type.String({
      maxLength: 200,
      description: 'a text of at most 200 characters',
      about:
        'Rooms with this part in their name or id, with or without accents and capitals; of very many, the newest 2,000 that an index names.',
    }),
  ),
  userId: Type.Optional(
    Type.String({
      description: 'one exact id',
      about: 'Rooms of this owner, as answers name them in `userId`: all of the key’s own, or none.',
    }),
  ),
})

type RoomQuery = Type.Static<typeof RoomQuery>

const RoomStatus = Type.Object({
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')], {
    description: 'enabled or disabled',
    about: 'A room that is disabled takes no joins, and what runs in it ends.',
  }),
})

const RoomToDeactivate = Type.Object({
  roomId: Type.String({ description: 'the roomId, not a customRoomId', about: 'The room.' }),
})

const schemas = {
  create: {
    operationId: 'createRoom',
    scopes: scopes('rooms'),
    audited: false,
    tags: ['Rooms'],
    summary: 'Create a room',
    description: 'Or get it: with a `customRoomId` that exists, that room comes back unchanged.',
    body: NewRoom,
    response: { 200: Room },
  },
  list: {
    operationId: 'listRooms',
    scopes: scopes('read', 'rooms'),
    tags: ['Rooms'],
    summary: 'List rooms',
    description: 'Newest first.',
    querystring: RoomQuery,
    response: { 200: RoomPage },
  },
  one: {
    operationId: 'getRoom',
    scopes: scopes('read', 'rooms'),
    tags: ['Rooms'],
    summary: 'Get a room',
    description: 'By any of its ids.',
    params: RoomPath,
    response: { 200: Room, ...refusals('ROOM_NOT_FOUND') },
  },
  validate: {
    scopes: scopes('read', 'rooms'),
    audited: false,
    tags: ['Rooms'],
    summary: 'Is there such a room?',
    description: 'The room where there is, else 404.',
    params: RoomPath,
    response: { 200: Room, ...refusals('ROOM_NOT_FOUND') },
  },
  setStatus: {
    operationId: 'setRoomStatus',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Enable or disable a room',
    description: 'Disabling ends what runs in it, and closes it to joins.',
    params: RoomPath,
    body: RoomStatus,
    response: { 200: RoomWithStatus, ...refusals('ROOM_NOT_FOUND') },
  },
  deactivate: {
    operationId: 'deactivateRoom',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Deactivate a room',
    description: 'Ends what runs in it, and closes it to joins. It takes the room’s own id alone.',
    body: RoomToDeactivate,
    response: { 200: DeactivatedRoom, ...refusals('ROOM_NOT_FOUND', 'ROOM_ID_NEEDED') },
  },
}

const validateOperations = [
  ['GET', 'validateRoom'],
  ['POST', 'validateRoomByPost'],
] as const

export function roomRoutes(
  { config, reads, writes }: Pick<Context, 'config' | 'reads' | 'writes'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/rooms', { onRequest: auth.any, schema: schemas.create }, async (request) =>
      toRoom(await createRoom({ reads, writes }, callerOf(request), request.body), viewFor(request)),
    )

    app.get('/v2/rooms', { onRequest: auth.any, schema: schemas.list }, async (request) => {
      const { pageInfo, rooms } = await listRooms(reads, callerOf(request), request.query)
      const view = viewFor(request)
      return { pageInfo, data: rooms.map((room) => toListedRoom(room, view)) }
    })

    app.get('/v2/rooms/:id', { onRequest: auth.any, schema: schemas.one }, async (request) =>
      toRoom(await requireRoom(reads, callerOf(request), request.params.id), viewFor(request)),
    )

    for (const [method, operationId] of validateOperations) {
      app.route({
        method,
        url: '/v2/rooms/validate/:id',
        onRequest: auth.any,
        schema: { ...schemas.validate, operationId },
        handler: async (request) =>
          toRoom(await requireRoom(reads, callerOf(request), request.params.id), viewFor(request)),
      })
    }

    app.post('/v2/rooms/:id', { onRequest: auth.any, schema: schemas.setStatus }, async (request) => {
      const { status } = request.body
      const room = await requireRoom(reads, callerOf(request), request.params.id)
      return { ...toRoom(await setDisabled(room, status === 'disabled'), viewFor(request)), status }
    })

    app.post('/v2/rooms/deactivate', { onRequest: auth.any, schema: schemas.deactivate }, async (request) => {
      const { roomId } = request.body
      const room = await requireRoom(reads, callerOf(request), roomId)
      if (room.roomId !== roomId) {
        throw new Refusal(
          'ROOM_ID_NEEDED',
          `${quote(roomId)} is no roomId: deactivating takes the room's own, ${room.roomId}`,
        )
      }
      return toMeeting(await setDisabled(room, true), ownerOf(callerOf(request).key))
    })
  }

  function viewFor(request: FastifyRequest): RoomViewOptions {
    return { base: baseUrlOf(request, config), key: ownerOf(callerOf(request).key) }
  }

  /** A room that is disabled takes no more joins, and whatever runs in it ends. */
  async function setDisabled({ keyId, roomId }: RoomRow, disabled: boolean): Promise<RoomRow> {
    const room = disabled
      ? await commands.closeRoom(keyId, roomId, 'room-disabled')
      : await writes.rooms.setDisabled({ keyId, roomId, disabled })
    if (room === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${roomId} not found`)
    return room
  }
}

/** A page of the rooms that the caller may see. */
export async function listRooms(
  reads: Pick<Context['reads'], 'rooms'>,
  { key, roomIds }: Caller,
  query: RoomQuery,
): Promise<{ pageInfo: PageInfo; rooms: RoomRow[] }> {
  const { page, perPage } = toPage(query)
  const { query: anyId, search: part, userId = key.userId } = query
  const filter = {
    ...(roomIds && { roomIds }),
    ...(anyId !== undefined && { anyId }),
    ...(part !== undefined && { part }),
  }
  const isOfOther = userId !== key.userId
  const { rooms, total } = isOfOther
    ? { rooms: [], total: 0 }
    : await reads.rooms.list(key.keyId, filter, { page, perPage })
  return { pageInfo: toPageInfo(page, perPage, total), rooms }
}
