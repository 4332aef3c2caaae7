import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { KeptOutList, KeptOutPerson, Room, toIso } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { quote } from '../runtime/explain.ts'
import type { Commands } from '../sources/commands/commands.ts'
import { type KeptOut, keptOutMax } from '../store/kept-out.ts'
import { ownerOf } from '../store/keys/key.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import { scopes } from './auth/scopes.ts'
import { requireRoom } from './find.ts'
import { baseUrlOf } from './http/base-url.ts'
import { refusals } from './http/refusals.ts'
import { toRoom } from './views/room.ts'

const RoomPath = Type.Object({ id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }) })
const KeptOutPath = Type.Object({
  ...RoomPath.properties,
  participantId: Type.String({ description: 'one exact id', about: 'The participant.' }),
})

const schemas = {
  lock: {
    operationId: 'lockRoom',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Lock a room',
    description:
      'Nobody comes in who was not in its running session before, but for hosts (`allow_mod`); whoever waits is sent away.',
    params: RoomPath,
    response: { 200: Room, ...refusals('ROOM_NOT_FOUND') },
  },
  unlock: {
    operationId: 'unlockRoom',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Unlock a room',
    description: 'Whoever has a good token comes in again.',
    params: RoomPath,
    response: { 200: Room, ...refusals('ROOM_NOT_FOUND') },
  },
  list: {
    operationId: 'listKeptOut',
    scopes: scopes('read', 'rooms'),
    tags: ['Rooms'],
    summary: 'List who is kept out of a room',
    description: 'The latest first.',
    params: RoomPath,
    response: { 200: KeptOutList, ...refusals('ROOM_NOT_FOUND') },
  },
  keepOut: {
    operationId: 'keepOut',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Keep somebody out of a room',
    description:
      'Removes them from the hosted room, where they are inside, and lets them in no more: until it is lifted, also after the server started again.',
    params: KeptOutPath,
    response: { 200: KeptOutPerson, ...refusals('ROOM_NOT_FOUND', 'CONFLICT') },
  },
  letBack: {
    operationId: 'letBack',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Let somebody back into a room',
    description: 'Ends that they are kept out.',
    params: KeptOutPath,
    response: { 200: KeptOutPerson, ...refusals('ROOM_NOT_FOUND', 'PARTICIPANT_NOT_FOUND') },
  },
}

/** `/v2/rooms/:id/lock` and `/v2/rooms/:id/kept-out`: who may not come in, though their token is good. */
export function hostingRoutes(
  { config, reads, writes }: Pick<Context, 'config' | 'reads' | 'writes'>,
  { auth, commands }: { auth: ApiAuth; commands: Pick<Commands, 'applyRules'> },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.put('/v2/rooms/:id/lock', { onRequest: auth.reports, schema: schemas.lock }, async (request) =>
      setLocked(request, request.params.id, true),
    )
    app.delete('/v2/rooms/:id/lock', { onRequest: auth.reports, schema: schemas.unlock }, async (request) =>
      setLocked(request, request.params.id, false),
    )

    app.get('/v2/rooms/:id/kept-out', { onRequest: auth.reports, schema: schemas.list }, async (request) => {
      const { keyId, roomId } = await requireRoom(reads, callerOf(request), request.params.id)
      return { data: (await reads.keptOut.list({ keyId, roomId })).map(toKeptOutPerson) }
    })

    const onePath = '/v2/rooms/:id/kept-out/:participantId'
    app.put(onePath, { onRequest: auth.reports, schema: schemas.keepOut }, async (request) => {
      const { id, participantId } = request.params
      const { keyId, roomId } = await requireRoom(reads, callerOf(request), id)
      const name = await findName(keyId, roomId, participantId)
      const one = { keyId, roomId, participantId, name, link: null, byParticipant: null }
      if (!(await writes.keptOut.add(one))) {
        throw new Refusal('CONFLICT', `Room ${roomId} keeps ${keptOutMax} people out already: let some back`)
      }
      await commands.applyRules(keyId, roomId)
      const kept = await findKeptOut(keyId, roomId, participantId)
      if (kept !== undefined) return toKeptOutPerson(kept)
      throw new Refusal('CONFLICT', `Somebody let ${quote(participantId)} back into room ${roomId} at this moment`)
    })

    app.delete(onePath, { onRequest: auth.reports, schema: schemas.letBack }, async (request) => {
      const { id, participantId } = request.params
      const { keyId, roomId } = await requireRoom(reads, callerOf(request), id)
      const kept = await findKeptOut(keyId, roomId, participantId)
      if (kept === undefined || !(await writes.keptOut.lift({ keyId, roomId, participantId }))) {
        throw new Refusal('PARTICIPANT_NOT_FOUND', `${quote(participantId)} is not kept out of room ${roomId}`)
      }
      await commands.applyRules(keyId, roomId)
      return toKeptOutPerson(kept)
    })
  }

  async function setLocked(request: FastifyRequest, anyId: string, locked: boolean): Promise<Room> {
    const caller = callerOf(request)
    const { keyId, roomId } = await requireRoom(reads, caller, anyId)
    const room = await writes.rooms.setLocked({ keyId, roomId, locked })
    if (room === undefined) throw new Refusal('ROOM_NOT_FOUND', `Room ${roomId} not found`)
    await commands.applyRules(keyId, roomId)
    return toRoom(room, { base: baseUrlOf(request, config), key: ownerOf(caller.key) })
  }

  /** What somebody is called who is inside, or was so last. */
  async function findName(keyId: number, roomId: string, participantId: string): Promise<string> {
    for (const { id } of await reads.sessions.listRunningInRoom(keyId, roomId, sessionsMax)) {
      const found = await reads.sessions.getParticipant(keyId, id, participantId)
      const name = found?.participants[0]?.name
      if (name !== undefined) return name
    }
    return ''
  }

  async function findKeptOut(keyId: number, roomId: string, id: string): Promise<KeptOut | undefined> {
    return (await reads.keptOut.list({ keyId, roomId })).find(({ participantId }) => participantId === id)
  }
}

/** Sessions that run in a room which are looked through for somebody. */
const sessionsMax = 10

function toKeptOutPerson({ participantId, name, keptOutAt, byParticipant }: KeptOut): KeptOutPerson {
  return { participantId, name, keptOutAt: toIso(keptOutAt), byParticipantId: byParticipant }
}
