import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { embeddedParticipantsMax, perPageDefault, perPageMax, toPageInfo } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { toLinks, toParticipants, toSession, type ViewOptions } from '../session-view.ts'
import type { Page, SessionFilter, SessionRecord } from '../store/store.ts'
import { type Caller, callerOf, maySee } from './auth.ts'
import { baseUrlOf } from './base-url.ts'
import { pageMax } from './limits.ts'
import { type CachedPage, createPageCache } from './page-cache.ts'
import { parseTime, timeTakes } from './time.ts'

const PageQuery = Type.Object({
  page: Type.Optional(
    Type.Integer({ minimum: 1, maximum: pageMax, description: `a whole number from 1 to ${pageMax}` }),
  ),
  perPage: Type.Optional(
    Type.Integer({ minimum: 1, description: `a whole number from 1; more than ${perPageMax} is ${perPageMax}` }),
  ),
})
type PageQuery = Type.Static<typeof PageQuery>

const exactId = 'one exact id'
const SessionQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(Type.String({ description: exactId })),
  customRoomId: Type.Optional(Type.String({ description: exactId })),
  query: Type.Optional(Type.String({ description: 'one exact roomId or customRoomId' })),
  participantId: Type.Optional(Type.String({ description: exactId })),
  /** The documented name of `participantId`. */
  userId: Type.Optional(Type.String({ description: exactId })),
  status: Type.Optional(
    Type.Union([Type.Literal('ongoing'), Type.Literal('active'), Type.Literal('ended')], {
      description: 'ongoing (or active, which is the same) or ended',
    }),
  ),
  /** Both on the session's start, both inclusive. */
  startDate: Type.Optional(Type.String({ description: timeTakes })),
  endDate: Type.Optional(Type.String({ description: timeTakes })),
})
type SessionQuery = Type.Static<typeof SessionQuery>

type Participant = SessionRecord['participants'][number]

const SessionPath = Type.Object({ id: Type.String() })
const ParticipantPath = Type.Object({ id: Type.String(), participantId: Type.String() })

export function sessionRoutes(
  { config, clock, reads }: Pick<Context, 'config' | 'clock' | 'reads'>,
  apiAuth: onRequestAsyncHookHandler,
): FastifyPluginAsyncTypebox {
  const pages = createPageCache()

  return async (app) => {
    app.get('/v2/sessions', { onRequest: apiAuth, schema: { querystring: SessionQuery } }, async (request, reply) => {
      const caller = callerOf(request)
      const view = viewFor(request)
      const version = reads.versionOf(caller.key.keyId)
      const name = JSON.stringify([caller.key.keyId, caller.roomId, view.base, request.query])
      const kept = pages.get(name, version)
      if (kept !== undefined) return sendKept(request, reply, kept)

      const page = toPage(request.query)
      const { sessions, total } = await listSessions(caller, request.query, page)
      const pageInfo = toPageInfo(page.page, page.perPage, total)
      const answer = { pageInfo, data: sessions.map((one) => toSession(one, view)) }
      // A session that runs is longer a moment later, though nothing was written.
      if (sessions.some(({ session }) => session.endAt === null)) return answer
      return sendKept(request, reply, pages.keep(name, version, JSON.stringify(answer)))
    })

    app.get('/v2/sessions/:id', { onRequest: apiAuth, schema: { params: SessionPath } }, async (request) => {
      const record = await requireSession(callerOf(request), request.params.id)
      return toSession(record, viewFor(request))
    })

    const ofSession = { params: SessionPath, querystring: PageQuery }
    app.get('/v2/sessions/:id/participants', { onRequest: apiAuth, schema: ofSession }, async (request) => {
      const record = await requireSession(callerOf(request), request.params.id)
      const { pageInfo, participants } = slice(record.participants, toPage(request.query))
      const { id, roomId } = record.session
      const { base, now } = viewFor(request)
      const shown = toParticipants({ ...record, participants }, now)
      const links = toLinks(record.session, base)
      return { pageInfo, data: { id, roomId, customRoomId: record.customRoomId, participants: shown, links } }
    })

    app.get('/v2/sessions/:id/participants/active', { onRequest: apiAuth, schema: ofSession }, async (request) => {
      const record = await requireSession(callerOf(request), request.params.id)
      const inside = record.session.endAt === null ? record.participants.filter((one) => one.openSince !== null) : []
      const { pageInfo, participants } = slice(inside, toPage(request.query))
      return { pageInfo, data: [toSession({ ...record, participants }, viewFor(request))] }
    })

    const ofPerson = { params: ParticipantPath }
    app.get(
      '/v2/sessions/:id/participants/:participantId',
      { onRequest: apiAuth, schema: ofPerson },
      async (request) => {
        const record = await requireSession(callerOf(request), request.params.id)
        const person = requireParticipant(record, request.params.participantId)
        return toParticipants({ ...record, participants: [person] }, clock.now())[0]
      },
    )
  }

  function viewFor(request: FastifyRequest): ViewOptions {
    return { now: clock.now(), base: baseUrlOf(request, config), key: callerOf(request).key }
  }

  async function listSessions(caller: Caller, query: SessionQuery, page: Page) {
    const filter = toFilter(query)
    if (filter.roomId !== undefined && !maySee(caller, filter.roomId)) return { sessions: [], total: 0 }
    const seen = caller.roomId === undefined ? filter : { ...filter, roomId: caller.roomId }
    return reads.listSessions(caller.key.keyId, seen, page, embeddedParticipantsMax)
  }

  async function requireSession(caller: Caller, sessionId: string): Promise<SessionRecord> {
    const record = await reads.getSession(caller.key.keyId, sessionId)
    if (record === undefined || !maySee(caller, record.session.roomId)) {
      throw new Refusal('SESSION_NOT_FOUND', `Session ${sessionId} not found`)
    }
    return record
  }
}

/** A page whose text is known: 304 where the client has it already. */
function sendKept(request: FastifyRequest, reply: FastifyReply, { body, etag }: CachedPage): FastifyReply {
  reply.header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

function requireParticipant({ session, participants }: SessionRecord, participantId: string): Participant {
  const person = participants.find((one) => one.participantId === participantId)
  if (person !== undefined) return person
  throw new Refusal('PARTICIPANT_NOT_FOUND', `Participant ${participantId} not found in session ${session.id}`)
}

function toPage({ page = 1, perPage = perPageDefault }: PageQuery): Page {
  return { page, perPage: Math.min(perPage, perPageMax) }
}

function toFilter(query: SessionQuery): SessionFilter {
  const { roomId, customRoomId, query: eitherId, status, startDate, endDate } = query
  const participantId = query.participantId ?? query.userId
  return {
    ...(roomId !== undefined && { roomId }),
    ...(customRoomId !== undefined && { customRoomId }),
    ...(eitherId !== undefined && { query: eitherId }),
    ...(participantId !== undefined && { participantId }),
    ...(status !== undefined && { status: status === 'ended' ? ('ended' as const) : ('ongoing' as const) }),
    ...(startDate !== undefined && { startFrom: parseTime('startDate', startDate) }),
    ...(endDate !== undefined && { startTo: parseTime('endDate', endDate) }),
  }
}

function slice(people: Participant[], { page, perPage }: Page) {
  const from = (page - 1) * perPage
  return { pageInfo: toPageInfo(page, perPage, people.length), participants: people.slice(from, from + perPage) }
}
