import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ActiveParticipantPage,
  embeddedParticipantsMax,
  Participant,
  ParticipantPage,
  SessionAfterRemoval,
  toPageInfo,
} from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { addDetails } from '../record/media-view.ts'
import { toLinks, toParticipants, toSessionOf, type ViewOptions } from '../record/session-view.ts'
import { createSums } from '../record/whole-session.ts'
import { quote } from '../runtime/explain.ts'
import type { Commands } from '../sources/commands/commands.ts'
import type { CommandedSession } from '../sources/commands/session-end.ts'
import type { SessionPart } from '../store/sessions/records.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import type { Caller } from './auth/caller.ts'
import { scopes } from './auth/scopes.ts'
import {
  requireParticipant,
  requireParticipants,
  requireRoomId,
  requireSession,
  sendSession,
  summariseWebhooks,
  viewFor,
} from './find.ts'
import { refusals } from './http/refusals.ts'
import { AllUnlessSaid, toKinds } from './paging/kinds-query.ts'
import { longReads } from './paging/large-answers.ts'
import { PageQuery, toPage } from './paging/page-query.ts'
import { toActiveSession } from './views/active-session.ts'
import { withMeetingNames } from './views/meeting-names.ts'

const exactId = 'one exact id'
const SessionPath = Type.Object({ id: Type.String({ description: exactId, about: 'The session.' }) })
const ParticipantPath = Type.Object({
  ...SessionPath.properties,
  participantId: Type.String({ description: exactId, about: 'The participant.' }),
})

const ParticipantToRemove = Type.Object({
  participantId: Type.String({ description: exactId, about: 'Who is removed.' }),
  roomId: Type.Optional(
    Type.String({ description: 'a roomId or customRoomId', about: 'The room that they are removed from.' }),
  ),
  sessionId: Type.Optional(Type.String({ description: exactId, about: 'The session that they are removed from.' })),
})
type ParticipantToRemove = Type.Static<typeof ParticipantToRemove>
const MeetingParticipantToRemove = Type.Pick(ParticipantToRemove, ['participantId'])

const nobody = { participants: [], marks: [], total: 0 }

const schemas = {
  list: {
    operationId: 'listParticipants',
    tags: ['Participants'],
    summary: 'List a session’s participants',
    description: 'Everybody who was inside, in order of first join, whoever left included.',
    params: SessionPath,
    querystring: Type.Object({ ...PageQuery.properties, ...AllUnlessSaid.properties }),
    response: { 200: ParticipantPage, ...refusals('SESSION_NOT_FOUND') },
  },
  listActive: {
    operationId: 'listActiveParticipants',
    tags: ['Participants'],
    summary: 'List who is inside now',
    description: 'The session, with those of its participants who are inside now.',
    params: SessionPath,
    querystring: Type.Object({ ...PageQuery.properties, ...AllUnlessSaid.properties }),
    response: { 200: ActiveParticipantPage, ...refusals('SESSION_NOT_FOUND') },
  },
  one: {
    operationId: 'getParticipant',
    tags: ['Participants'],
    summary: 'Get a participant',
    description: 'One person in one session, with all of their times inside.',
    params: ParticipantPath,
    response: { 200: Participant, ...refusals('SESSION_NOT_FOUND', 'PARTICIPANT_NOT_FOUND') },
  },
  remove: {
    operationId: 'removeParticipant',
    scopes: scopes('rooms'),
    tags: ['Participants'],
    summary: 'Remove a participant',
    description:
      'Removes somebody from what runs in a room, everywhere: in the record, in the hosted room, whose socket closes, and in the media server that it came from. It takes a `roomId` or a `sessionId`.',
    body: ParticipantToRemove,
    response: {
      200: SessionAfterRemoval,
      ...refusals('ROOM_NOT_FOUND', 'SESSION_NOT_FOUND', 'PARTICIPANT_NOT_FOUND'),
    },
  },
  removeOld: {
    operationId: 'removeMeetingParticipant',
    scopes: scopes('rooms'),
    tags: ['Participants'],
    deprecated: true,
    summary: 'Remove a participant, in the API’s first version',
    description: 'The same as `POST /v2/sessions/participants/remove` with that `sessionId`.',
    params: SessionPath,
    body: MeetingParticipantToRemove,
    response: { 200: SessionAfterRemoval, ...refusals('SESSION_NOT_FOUND', 'PARTICIPANT_NOT_FOUND') },
  },
}

export function participantRoutes(
  context: Pick<Context, 'config' | 'clock' | 'reads' | 'known'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  const { clock, reads } = context
  const sums = createSums(reads.sessions)
  return async (app) => {
    app.get('/v2/sessions/:id/participants', { onRequest: auth.any, schema: schemas.list }, async (request) => {
      const page = toPage(request.query)
      const kinds = toKinds(request.query.kinds)
      const record = await requireParticipants(reads, callerOf(request), request.params.id, page, kinds)
      const { id, roomId } = record.session
      const { keyId } = callerOf(request).key
      const { base, now } = viewFor(context, request)
      return {
        pageInfo: toPageInfo(page.page, page.perPage, record.total),
        data: {
          id,
          roomId,
          customRoomId: record.customRoomId,
          participants: await addDetails(reads.media, keyId, record, toParticipants(record, now)),
          links: toLinks(record.session, base),
        },
      }
    })

    app.get(
      '/v2/sessions/:id/participants/active',
      { onRequest: auth.any, schema: schemas.listActive },
      async (request, reply) => {
        const record = await requireSession(reads, callerOf(request), request.params.id)
        const { keyId } = callerOf(request).key
        const view = viewFor(context, request)
        const show = (signal?: AbortSignal) => showInside(keyId, record, request.query, view, signal)
        if (record.session.people <= embeddedParticipantsMax) return show()
        const name = ['active', record.session.id, request.query, view.base, context.known.versionOf(keyId)]
        return longReads.share({ keyId, name, answer: reply.raw }, show)
      },
    )

    app.get(
      '/v2/sessions/:id/participants/:participantId',
      { onRequest: auth.any, schema: schemas.one },
      async (request) => {
        const { id, participantId } = request.params
        const caller = callerOf(request)
        const record = await requireParticipant(reads, caller, id, participantId)
        return (await addDetails(reads.media, caller.key.keyId, record, toParticipants(record, clock.now())))[0]
      },
    )

    app.post(
      '/v2/sessions/participants/remove',
      { onRequest: auth.any, schema: schemas.remove },
      async (request, reply) => removeParticipant(request, reply, request.body),
    )

    app.post(
      '/v1/meeting-sessions/:id/remove-participant',
      { onRequest: auth.any, schema: schemas.removeOld },
      async (request, reply) => removeParticipant(request, reply, { ...request.body, sessionId: request.params.id }),
    )
  }

  async function showInside(
    keyId: number,
    record: SessionPart,
    query: Static<typeof schemas.listActive.querystring>,
    viewed: ViewOptions,
    signal?: AbortSignal,
  ) {
    const { session } = record
    const { page, perPage } = toPage(query)
    const kinds = toKinds(query.kinds)
    const inside =
      session.endAt === null ? await reads.sessions.listInside(keyId, session.id, { page, perPage }, kinds) : nobody
    const view = { ...viewed, webhooks: await summariseWebhooks(context, keyId, [session.id]) }
    const people = toParticipants({ ...record, ...inside }, view.now)
    const shown = toSessionOf(record, people, await sums(keyId, session, view.now, signal), view)
    const ids = people.map((one) => one.participantId)
    const origins = await reads.quality.listOrigins(keyId, session.id, ids)
    return { pageInfo: toPageInfo(page, perPage, inside.total), data: [toActiveSession(shown, origins)] }
  }

  async function removeParticipant(
    request: FastifyRequest,
    reply: FastifyReply,
    body: ParticipantToRemove,
  ): Promise<FastifyReply> {
    const { sessionId, enforced } = await orderRemoval(callerOf(request), body)
    const message = `Participant ${body.participantId} was removed`
    return sendSession(context, request, reply, sessionId, ({ session, customRoomId }) => ({
      message,
      ...withMeetingNames({ roomId: session.roomId, customRoomId, enforced }),
    }))
  }

  async function orderRemoval(caller: Caller, body: ParticipantToRemove): Promise<CommandedSession> {
    const { participantId, sessionId } = body
    const roomId = await requireRoomId(reads, caller, body)
    const [removed] = await commands.removeParticipant(caller.key.keyId, roomId, participantId, sessionId)
    if (removed !== undefined) return removed
    throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${quote(participantId)} is not inside room ${roomId}`)
  }
}
