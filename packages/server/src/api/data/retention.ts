import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Retention, RetentionChange, Room } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { ownerOf } from '../../store/keys/key.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { requireRoom } from '../find.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { refusals } from '../http/refusals.ts'
import { toRoom } from '../views/room.ts'

const dayMs = 86_400_000

const RoomPath = Type.Object({ id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }) })

const schemas = {
  get: {
    operationId: 'getRetention',
    tags: ['Keys'],
    summary: 'How long sessions are kept',
    description:
      'After so many days a session that ended is erased with all that is its own, and the log of what was told is not kept longer. Rollcall’s own: VideoSDK has no such call.',
    response: { 200: Retention },
  },
  set: {
    operationId: 'setRetention',
    tags: ['Keys'],
    summary: 'Say how long sessions are kept',
    description:
      'Of all keys of the owner. What is older is erased soon, for good; what the server says is a bound. Rooms may say otherwise. Rollcall’s own: VideoSDK has no such call.',
    body: RetentionChange,
    response: { 200: Retention },
  },
  setOfRoom: {
    operationId: 'updateRoom',
    tags: ['Rooms'],
    summary: 'Say how long a room’s sessions are kept',
    description:
      'In place of what is said of the key, for shorter or for longer; what the server says is a bound. What is older is erased soon, for good. Rollcall’s own: VideoSDK has no such call.',
    params: RoomPath,
    body: RetentionChange,
    response: { 200: Room, ...refusals('ROOM_NOT_FOUND') },
  },
}

/** `/v2/retention`, and `PATCH /v2/rooms/:id`: for how long an owner has sessions kept. */
export function retentionRoutes(
  { config, reads, writes }: Pick<Context, 'config' | 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  const serverDays = config.retentionMs === undefined ? null : config.retentionMs / dayMs
  return async (app) => {
    app.get('/v2/retention', { onRequest: auth.crawler, schema: schemas.get }, async (request) =>
      show((await reads.retention.findDays(callerOf(request).key.keyId)) ?? null),
    )

    app.patch('/v2/retention', { onRequest: auth.crawler, schema: schemas.set }, async (request) => {
      const { retentionDays: days } = request.body
      refuseBeyond(days)
      await writes.retention.set({ keyId: callerOf(request).key.keyId, days })
      return show(days)
    })

    app.patch('/v2/rooms/:id', { onRequest: auth.crawler, schema: schemas.setOfRoom }, async (request) => {
      const { retentionDays: days } = request.body
      refuseBeyond(days)
      const caller = callerOf(request)
      const { keyId, roomId } = await requireRoom(reads, caller, request.params.id)
      const room = await writes.rooms.setRetention({ keyId, roomId, days })
      if (room === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${roomId} not found`)
      return toRoom(room, { base: baseUrlOf(request, config), key: ownerOf(caller.key) })
    })
  }

  function show(days: number | null): Retention {
    const kept = [days, serverDays].filter((one) => one !== null)
    return {
      retentionDays: days,
      serverRetentionDays: serverDays,
      keptDays: kept.length === 0 ? null : Math.min(...kept),
    }
  }

  /** What was said while the server kept more is bounded where it is used. */
  function refuseBeyond(days: number | null): void {
    if (days === null || serverDays === null || days <= serverDays) return
    throw new Refusal(
      'BAD_REQUEST',
      `retentionDays=${days} is more than this server keeps, which is ${serverDays} days: it takes ${serverDays} at most, or null`,
    )
  }
}
