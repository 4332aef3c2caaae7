import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Erased, ErasedRoom, ErasedSession, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { erasePerson, eraseRoom, eraseSession } from '../../record/erasure/erase.ts'
import { quote } from '../../runtime/explain.ts'
import { scrubRecord } from '../../store/database/scrub.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { noteAbout } from '../keys/keep-audit.ts'

const PersonPath = Type.Object({
  participantId: Type.String({ description: 'one exact id', about: 'Whom it is about, in all sessions.' }),
})

const schema = {
  tags: ['Participants'],
  description:
    'In all sessions that ended: their id, name, metadata and quality, what was told of them, and the webhooks about them. That somebody was there, from when to when, stays true, of nobody in particular. What is told later of the time before is not taken. Rollcall’s own: VideoSDK has no such call.',
  params: PersonPath,
  response: { 200: Erased, ...refusals('PARTICIPANT_NOT_FOUND', 'CONFLICT') },
}

const SessionPath = Type.Object({ id: Type.String({ description: 'one exact id', about: 'The session.' }) })

const ofSession = {
  operationId: 'eraseSession',
  tags: ['Sessions'],
  summary: 'Erase a session',
  description:
    'It has to have ended. It is gone from everything that is kept, and counted no longer; what is told of it later is not taken. Rollcall’s own: VideoSDK has no such call.',
  params: SessionPath,
  response: { 200: ErasedSession, ...refusals('SESSION_NOT_FOUND', 'CONFLICT') },
}

const RoomPath = Type.Object({
  roomId: Type.String({ description: 'one exact roomId, customRoomId or id', about: 'The room.' }),
})

const ofRoom = {
  operationId: 'eraseRoom',
  tags: ['Rooms'],
  summary: 'Erase a room',
  description:
    'With all its sessions, its schedules, its own webhooks and whatever else is kept of it. No session may run in it. What is told later of the time before is not taken; whoever uses the name again has a new room. Rollcall’s own: VideoSDK has no such call.',
  params: RoomPath,
  response: { 200: ErasedRoom, ...refusals('ROOM_NOT_FOUND', 'CONFLICT') },
}

/** `DELETE /v2/participants/:participantId`, `DELETE /v2/sessions/:id` and `DELETE /v2/rooms/:roomId`. */
export function erasureRoutes(
  { config, reads, writes, clock, log }: Pick<Context, 'config' | 'reads' | 'writes' | 'clock' | 'log'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const described = { ...schema, operationId: 'erasePerson', summary: 'Erase a person' }
    const options = { onRequest: auth.crawler, schema: described }
    app.delete('/v2/participants/:participantId', options, async (request) => {
      const { keyId } = callerOf(request).key
      const erased = await erasePerson({ reads, writes }, keyId, request.params.participantId)
      await scrubRecord(config)
      const receipt = { id: randomUUID(), erasedAt: toIso(clock.now()), ...erased }
      // Who it was is not in it.
      log.info({ requestId: request.id, keyId, ...receipt }, 'person erased')
      noteAbout(request, { receipt: receipt.id })
      return receipt
    })

    app.delete('/v2/sessions/:id', { onRequest: auth.crawler, schema: ofSession }, async (request) => {
      const { keyId } = callerOf(request).key
      const facts = await eraseOneSession(keyId, request.params.id)
      const receipt = { id: randomUUID(), erasedAt: toIso(clock.now()), facts }
      log.info({ requestId: request.id, keyId, sessionId: request.params.id, ...receipt }, 'session erased')
      noteAbout(request, { receipt: receipt.id })
      return receipt
    })

    app.delete('/v2/rooms/:roomId', { onRequest: auth.crawler, schema: ofRoom }, async (request) => {
      const { keyId } = callerOf(request).key
      const room = await reads.rooms.find(keyId, request.params.roomId)
      if (room === undefined) {
        throw new Refusal('ROOM_NOT_FOUND', `Room ${quote(request.params.roomId)} not found`)
      }
      const erased = await eraseRoom({ writes, reads }, room)
      await scrubRecord(config)
      const receipt = { id: randomUUID(), erasedAt: toIso(clock.now()), ...erased }
      // Which it was is not in it.
      log.info({ requestId: request.id, keyId, ...receipt }, 'room erased')
      noteAbout(request, { receipt: receipt.id })
      return receipt
    })
  }

  async function eraseOneSession(keyId: number, sessionId: string): Promise<number> {
    const facts = await eraseSession({ writes }, { keyId, sessionId })
    if (facts === undefined) throw new Refusal('SESSION_NOT_FOUND', `Session ${quote(sessionId)} not found`)
    while ((await writes.people.gather({ keyId })) > 0);
    await scrubRecord(config)
    return facts
  }
}
