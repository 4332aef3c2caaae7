import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { toPageInfo } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Commanded, Commands } from '../commands.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { toLinks, toParticipants, toSession, type ViewOptions } from '../session-view.ts'
import { type ApiAuth, type Caller, callerOf } from './auth.ts'
import { baseUrlOf } from './base-url.ts'
import { requireParticipant, requireParticipants, requireRoomId, requireSession } from './find.ts'
import { PageQuery, toPage } from './page-query.ts'

const SessionPath = Type.Object({ id: Type.String() })
const ParticipantPath = Type.Object({ id: Type.String(), participantId: Type.String() })

const ParticipantToRemove = Type.Object({
  participantId: Type.String({ description: 'one exact id' }),
  roomId: Type.Optional(Type.String({ description: 'a roomId or customRoomId' })),
  sessionId: Type.Optional(Type.String({ description: 'one exact id' })),
})
type ParticipantToRemove = Type.Static<typeof ParticipantToRemove>

export function participantRoutes(
  { config, clock, reads }: Pick<Context, 'config' | 'clock' | 'reads'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const ofSession = { onRequest: auth.any, schema: { params: SessionPath, querystring: PageQuery } }
    app.get('/v2/sessions/:id/participants', ofSession, async (request) => {
      const page = toPage(request.query)
      const record = await requireParticipants(reads, callerOf(request), request.params.id, page)
      const { id, roomId, people } = record.session
      const { base, now } = viewFor(request)
      return {
        pageInfo: toPageInfo(page.page, page.perPage, people),
        data: {
          id,
          roomId,
          customRoomId: record.customRoomId,
          participants: toParticipants(record, now),
          links: toLinks(record.session, base),
        },
      }
    })

    app.get('/v2/sessions/:id/participants/active', ofSession, async (request) => {
      const { page, perPage } = toPage(request.query)
      const record = await requireSession(reads, callerOf(request), request.params.id)
      const inside = record.session.endAt === null ? record.participants.filter((one) => one.openSince !== null) : []
      const participants = inside.slice((page - 1) * perPage, page * perPage)
      return {
        pageInfo: toPageInfo(page, perPage, inside.length),
        data: [toSession({ ...record, participants }, viewFor(request))],
      }
    })

    const ofPerson = { onRequest: auth.any, schema: { params: ParticipantPath } }
    app.get('/v2/sessions/:id/participants/:participantId', ofPerson, async (request) => {
      const { id, participantId } = request.params
      return toParticipants(await requireParticipant(reads, callerOf(request), id, participantId), clock.now())[0]
    })

    const removal = { onRequest: auth.any, schema: { body: ParticipantToRemove } }
    app.post('/v2/sessions/participants/remove', removal, async (request) => {
      const caller = callerOf(request)
      const { participantId } = request.body
      const { sessionId, enforced } = await removeParticipant(caller, request.body)
      const session = toSession(await requireSession(reads, caller, sessionId), viewFor(request))
      return { ...session, message: `Participant ${participantId} was removed`, enforced }
    })
  }

  function viewFor(request: FastifyRequest): ViewOptions {
    return { now: clock.now(), base: baseUrlOf(request, config), key: callerOf(request).key }
  }

  async function removeParticipant(caller: Caller, body: ParticipantToRemove): Promise<Commanded> {
    const { participantId, sessionId } = body
    const roomId = await requireRoomId(reads, caller, body)
    const [removed] = await commands.removeParticipant(caller.key.keyId, roomId, participantId, sessionId)
    if (removed !== undefined) return removed
    throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${participantId} is not inside room ${roomId}`)
  }
}
