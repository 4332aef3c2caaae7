import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { customRoomIdMaxLength, participantIdMaxLength, type Room } from '@rollcall/protocol'
import type { onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Key, Room as RoomRow } from '../store/rows.ts'
import { type Caller, callerOf, maySee } from './auth.ts'
import { baseUrlOf } from './base-url.ts'
import {
  allowedParticipantsMax,
  autoCloseMaxMinutes,
  webhookEventMaxLength,
  webhookEventsMax,
  webhookUrlMaxLength,
} from './limits.ts'

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

export function roomRoutes(
  { config, reads, writes }: Pick<Context, 'config' | 'reads' | 'writes'>,
  apiAuth: onRequestAsyncHookHandler,
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/rooms', { onRequest: apiAuth, schema: { body: NewRoom } }, async (request) => {
      const caller = callerOf(request)
      const room = await createRoom(caller, request.body)
      return toRoom(room, { base: baseUrlOf(request, config), key: caller.key })
    })

    app.get('/v2/rooms/:id', { onRequest: apiAuth, schema: { params: RoomPath } }, async (request) => {
      const caller = callerOf(request)
      const room = await requireRoom(caller, request.params.id)
      return toRoom(room, { base: baseUrlOf(request, config), key: caller.key })
    })
  }

  /** A token bound to a room makes no other: it gets its own by that room's customRoomId, as everybody does. */
  async function createRoom(caller: Caller, { autoCloseConfig, ...rest }: NewRoom): Promise<RoomRow> {
    const { keyId } = caller.key
    if (caller.roomId !== undefined) {
      const own = await reads.findRoom(keyId, caller.roomId)
      if (own !== undefined && own.customRoomId !== null && own.customRoomId === rest.customRoomId) return own
      throw new Refusal('FORBIDDEN', `This token is bound to room ${caller.roomId}: it makes no other room`)
    }
    return writes.createRoom({ keyId, ...rest, ...(autoCloseConfig && { autoClose: autoCloseConfig }) })
  }

  async function requireRoom(caller: Caller, anyId: string): Promise<RoomRow> {
    const room = await reads.findRoom(caller.key.keyId, anyId)
    if (room === undefined || !maySee(caller, room.roomId)) {
      throw new Refusal('ROOM_NOT_FOUND', `Room ${anyId} not found`)
    }
    return room
  }
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

/** The keys in the documented order. */
function toRoom(room: RoomRow, { base, key }: { base: string; key: Key }): Room {
  const { roomId, customRoomId, disabled, id, webhook, autoClose, allowedParticipantIds } = room
  return {
    roomId,
    customRoomId,
    userId: key.userId,
    disabled,
    createdAt: new Date(room.createdAt).toISOString(),
    updatedAt: new Date(room.updatedAt).toISOString(),
    id,
    ...(webhook && { webhook: { endPoint: webhook.endPoint, events: webhook.events } }),
    ...(autoClose && { autoCloseConfig: autoClose }),
    ...(allowedParticipantIds && { allowedParticipantIds }),
    links: { get_room: `${base}/v2/rooms/${roomId}`, get_session: `${base}/v2/sessions/?roomId=${roomId}` },
  }
}
