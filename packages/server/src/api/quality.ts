import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { ParticipantQuality, SessionQuality } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import { requireParticipant, requireParticipants } from './find.ts'
import { refusals } from './http/refusals.ts'
import { toParticipantQuality, toSessionQuality } from './views/quality.ts'

const exactId = 'one exact id'
const SessionPath = Type.Object({ id: Type.String({ description: exactId, about: 'The session.' }) })
const ParticipantPath = Type.Object({
  ...SessionPath.properties,
  participantId: Type.String({ description: exactId, about: 'The participant.' }),
})

export function qualityRoutes(
  { reads }: Pick<Context, 'reads'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const ofSession = {
      operationId: 'getSessionQuality',
      tags: ['Quality'],
      summary: 'Get a session’s quality',
      description:
        'How the media of everybody went, together, ten seconds a point, where anybody measured it. A longer series is thinned.',
      params: SessionPath,
      response: { 200: SessionQuality, ...refusals('SESSION_NOT_FOUND') },
    }
    app.get('/v2/sessions/:id/stats', { onRequest: auth.any, schema: ofSession }, async (request) => {
      const caller = callerOf(request)
      const { id } = request.params
      const record = await requireParticipants(reads, caller, id, { page: 1, perPage: 1 })
      return toSessionQuality(record, await reads.quality.list(caller.key.keyId, id))
    })

    const ofPerson = {
      operationId: 'getParticipantQuality',
      tags: ['Quality'],
      summary: 'Get a participant’s quality',
      description:
        'How one participant’s media went, as it was measured, and where. A series of more than 500 samples is thinned.',
      params: ParticipantPath,
      response: { 200: ParticipantQuality, ...refusals('SESSION_NOT_FOUND', 'PARTICIPANT_NOT_FOUND') },
    }
    const path = '/v2/sessions/:id/participant/:participantId/stats'
    app.get(path, { onRequest: auth.any, schema: ofPerson }, async (request) => {
      const caller = callerOf(request)
      const { keyId } = caller.key
      const { id, participantId } = request.params
      const record = await requireParticipant(reads, caller, id, participantId)
      const origin = await reads.quality.findOrigin(keyId, id, participantId)
      return toParticipantQuality(record, participantId, origin, await reads.quality.list(keyId, id, participantId))
    })
  }
}
