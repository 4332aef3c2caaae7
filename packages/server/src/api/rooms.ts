import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { customRoomIdMaxLength, participantIdMaxLength, toPageInfo } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Commands } from '../commands.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { type RoomViewOptions, toDeactivatedRoom, toListedRoom, toRoom } from '../room-view.ts'
import type { Room } from '../store/rows.ts'
import { type ApiAuth, type Caller, callerOf } from './auth.ts'
import { baseUrlOf } from './base-url.ts'
import { requireRoom } from './find.ts'
import {
  allowedParticipantsMax,
  autoCloseMaxMinutes,
  webhookEventMaxLength,
  webhookEventsMax,
  webhookUrlMaxLength,
} from './limits.ts'
import { PageQuery, toPage } from './page-query.ts'

/** What `POST /v2/rooms` takes; a field of null is a field left out. */
const NewRoom = Type.Object({
  customRoomId: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: customRoomIdMaxLength,
      description: `a text of 1 to ${customRoomIdMaxLength} characters`,
    }),
  ),
  webhook: Type.Optional(
    Type.Object(
      {
        endPoint: Type.Refine(Type.String({ maxLength: webhookUrlMaxLength }), isHttpUrl),
        events: Type.Array(Type.String({ minLength: 1, maxLength: webhookEventMaxLength }), {
          maxItems: webhookEventsMax,
        }),
      },
      {
        description:
          'an object such as {"endPoint":"https://example.org/hook","events":["session-started","participant-*"]}',
      },
    ),
  ),
  autoCloseConfig: Type.Optional(
    Type.Object(
      {
        type: Type.Union([Type.Literal('session-ends'), Type.Literal('session-end-and-deactivate')]),
        duration: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: autoCloseMaxMinutes })),
      },
      {
        description:
          'an object {"type":"session-ends" or "session-end-and-deactivate","duration":60}, the duration in minutes',
      },
    ),
  ),
  allowedParticipantIds: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: participantIdMaxLength }), {
      maxItems: allowedParticipantsMax,
      description: `a list of at most ${allowedParticipantsMax} participant ids, texts of 1 to ${participantIdMaxLength} characters`,
    }),
  ),
})
type NewRoom = Type.Static<typeof NewRoom>

const RoomPath = Type.Object({ id: Type.String() })

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

const RoomQuery = Type.Object({
  ...PageQuery.properties,
  query: Type.Optional(Type.String({ description: 'one exact roomId or customRoomId' })),
})

const RoomStatus = Type.Object({
  status: Type.Union([Type.Literal('enabled'), Type.Literal('disabled')], { description: 'enabled or disabled' }),
})

const RoomToDeactivate = Type.Object({ roomId: Type.String({ description: 'the roomId, not a customRoomId' }) })

export function roomRoutes(
  { config, reads, writes }: Pick<Context, 'config' | 'reads' | 'writes'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/rooms', { onRequest: auth.any, schema: { body: NewRoom } }, async (request) =>
      toRoom(await createRoom(callerOf(request), request.body), viewFor(request)),
    )

    app.get('/v2/rooms', { onRequest: auth.any, schema: { querystring: RoomQuery } }, async (request) => {
      const page = toPage(request.query)
      const { key, roomId } = callerOf(request)
      const filter = {
        ...(roomId !== undefined && { roomId }),
        ...(request.query.query !== undefined && { anyId: request.query.query }),
      }
      const { rooms, total } = await reads.listRooms(key.keyId, filter, page)
      const view = viewFor(request)
      return {
        pageInfo: toPageInfo(page.page, page.perPage, total),
        data: rooms.map((room) => toListedRoom(room, view)),
      }
    })

    const ofRoom = { onRequest: auth.any, schema: { params: RoomPath } }
    app.get('/v2/rooms/:id', ofRoom, async (request) =>
      toRoom(await requireRoom(reads, callerOf(request), request.params.id), viewFor(request)),
    )
    app.route({
      ...ofRoom,
      method: ['GET', 'POST'],
      url: '/v2/rooms/validate/:id',
      async handler(request) {
        return toRoom(await requireRoom(reads, callerOf(request), request.params.id), viewFor(request))
      },
    })

    app.post(
      '/v2/rooms/:id',
      { onRequest: auth.any, schema: { params: RoomPath, body: RoomStatus } },
      async (request) => {
        const { status } = request.body
        const room = await requireRoom(reads, callerOf(request), request.params.id)
        return { ...toRoom(await setDisabled(room, status === 'disabled'), viewFor(request)), status }
      },
    )

    app.post('/v2/rooms/deactivate', { onRequest: auth.any, schema: { body: RoomToDeactivate } }, async (request) => {
      const { roomId } = request.body
      const room = await requireRoom(reads, callerOf(request), roomId)
      if (room.roomId !== roomId) {
        throw new Refusal('ROOM_ID_NEEDED', `${roomId} is no roomId: deactivating takes the room's own, ${room.roomId}`)
      }
      return toDeactivatedRoom(await setDisabled(room, true), viewFor(request))
    })
  }

  function viewFor(request: FastifyRequest): RoomViewOptions {
    return { base: baseUrlOf(request, config), key: callerOf(request).key }
  }

  /** A token bound to a room makes no other: it gets its own by that room's customRoomId, as everybody does. */
  async function createRoom(caller: Caller, { autoCloseConfig, ...rest }: NewRoom): Promise<Room> {
    const { keyId } = caller.key
    if (caller.roomId !== undefined) {
      const own = await reads.findRoom(keyId, caller.roomId)
      if (own !== undefined && own.customRoomId !== null && own.customRoomId === rest.customRoomId) return own
      throw new Refusal('FORBIDDEN', `This token is bound to room ${caller.roomId}: it makes no other room`)
    }
    return writes.createRoom({ keyId, ...rest, ...(autoCloseConfig && { autoClose: autoCloseConfig }) })
  }

  /** A room that is disabled takes no more joins, and whatever runs in it ends. */
  async function setDisabled({ keyId, roomId }: Room, disabled: boolean): Promise<Room> {
    const room = disabled
      ? await commands.closeRoom(keyId, roomId, 'room-disabled')
      : await writes.setRoomDisabled({ keyId, roomId, disabled })
    if (room === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${roomId} not found`)
    return room
  }
}
