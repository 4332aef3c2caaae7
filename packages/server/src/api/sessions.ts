import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { embeddedParticipantsMax, timeTakes, toPageInfo } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Commanded, Commands } from '../commands.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { toListedText, toSession, type ViewOptions } from '../session-view.ts'
import type { ListedSession, ListPage, SessionFilter, SessionPage } from '../store/store.ts'
import { type ApiAuth, type Caller, callerOf, maySee } from './auth.ts'
import { baseUrlOf } from './base-url.ts'
import { cursorTakes, readCursor, writeCursor } from './cursor.ts'
import { requireRoomId, requireSession } from './find.ts'
import { cursorMaxLength, minDurationMaxSeconds } from './limits.ts'
import { type CachedPage, createPageCache } from './page-cache.ts'
import { PageQuery, toPage } from './page-query.ts'
import { parseTime } from './time.ts'

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
  /** Sessions with somebody inside then. */
  activeAt: Type.Optional(Type.String({ description: timeTakes })),
  minDuration: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: minDurationMaxSeconds,
      description: `a whole number of seconds from 0 to ${minDurationMaxSeconds}`,
    }),
  ),
  /** Goes on after a page, in place of `page`. */
  cursor: Type.Optional(Type.String({ maxLength: cursorMaxLength, description: cursorTakes })),
})
type SessionQuery = Type.Static<typeof SessionQuery>

const SessionPath = Type.Object({ id: Type.String() })

const SessionToEnd = Type.Object({
  roomId: Type.Optional(Type.String({ description: 'a roomId or customRoomId' })),
  /** The name of `roomId` in the API's first version. */
  meetingId: Type.Optional(Type.String({ description: 'a roomId or customRoomId' })),
  sessionId: Type.Optional(Type.String({ description: exactId })),
  /** Whether it may be ended that was ended before. */
  ignoreClosed: Type.Optional(Type.Boolean({ description: 'true or false' })),
  // Ending is always by force: whoever is inside is out.
  force: Type.Optional(Type.Boolean({ description: 'true or false' })),
  vsdkForceKill: Type.Optional(Type.Boolean({ description: 'true or false' })),
})
type SessionToEnd = Type.Static<typeof SessionToEnd>

export function sessionRoutes(
  { config, clock, reads }: Pick<Context, 'config' | 'clock' | 'reads'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  const pages = createPageCache()

  return async (app) => {
    app.get('/v2/sessions', { onRequest: auth.any, schema: { querystring: SessionQuery } }, async (request, reply) => {
      const caller = callerOf(request)
      const view = viewFor(request)
      const version = reads.versionOf(caller.key.keyId)
      const name = JSON.stringify([caller.key.keyId, caller.roomId, view.base, request.query])
      const kept = pages.get(name, version)
      if (kept !== undefined) return sendKept(request, reply, kept)

      const { page, perPage } = toPage(request.query)
      const filter = toFilter(request.query)
      const { cursor } = request.query
      const from = cursor === undefined ? { page, perPage } : { after: readCursor(cursor, filter), perPage }
      const { sessions, total, totalCapped, next } = await listSessions(caller, filter, from)
      const pageInfo = {
        ...toPageInfo(page, perPage, total),
        ...(next !== undefined && { nextCursor: writeCursor(next, filter) }),
        ...(totalCapped && { totalCapped }),
      }
      const { activeAt } = filter
      const texts = sessions.map((one) => toListedText(one, { ...view, activeAt }))
      const text = `{"pageInfo":${JSON.stringify(pageInfo)},"data":[${texts.join(',')}]}`
      // A session that runs is longer a moment later, though nothing was written.
      if (sessions.some(isRunning)) return reply.type(jsonType).send(text)
      return sendKept(request, reply, pages.keep(name, version, text))
    })

    app.get('/v2/sessions/:id', { onRequest: auth.any, schema: { params: SessionPath } }, async (request) =>
      toSession(await requireSession(reads, callerOf(request), request.params.id), viewFor(request)),
    )

    app.post('/v2/sessions/end', { onRequest: auth.any, schema: { body: SessionToEnd } }, async (request) => {
      const caller = callerOf(request)
      const { sessionId, enforced } = await endSession(caller, request.body)
      return { ...toSession(await requireSession(reads, caller, sessionId), viewFor(request)), enforced }
    })
  }

  function viewFor(request: FastifyRequest): ViewOptions {
    return { now: clock.now(), base: baseUrlOf(request, config), key: callerOf(request).key }
  }

  async function listSessions(caller: Caller, filter: SessionFilter, page: ListPage): Promise<SessionPage> {
    if (filter.roomId !== undefined && !maySee(caller, filter.roomId)) {
      return { sessions: [], total: 0, totalCapped: false, next: undefined }
    }
    const seen = caller.roomId === undefined ? filter : { ...filter, roomId: caller.roomId }
    return reads.listSessions(caller.key.keyId, seen, page, embeddedParticipantsMax)
  }

  async function findLast(caller: Caller, roomId: string): Promise<string | undefined> {
    const { sessions } = await listSessions(caller, { roomId }, { page: 1, perPage: 1 })
    const [last] = sessions
    if (last === undefined) return undefined
    return 'sealed' in last ? last.sealed.id : last.record.session.id
  }

  /** Of several sessions that ran in the room, the newest is answered. */
  async function endSession(caller: Caller, body: SessionToEnd): Promise<Commanded> {
    const { sessionId, ignoreClosed = false } = body
    const roomId = await requireRoomId(reads, caller, { roomId: body.roomId ?? body.meetingId, sessionId })
    const [newest] = await commands.endSessions(caller.key.keyId, roomId, {
      ...(sessionId !== undefined && { sessionId }),
    })
    if (newest !== undefined) return newest
    if (!ignoreClosed) {
      const what =
        sessionId === undefined ? `No session of room ${roomId} is running` : `Session ${sessionId} has ended`
      throw new Refusal('NO_SESSION_OPEN', `${what}: with ignoreClosed the last one is answered`)
    }
    const last = sessionId ?? (await findLast(caller, roomId))
    if (last === undefined) throw new Refusal('SESSION_NOT_FOUND', `Room ${roomId} had no session yet`)
    return { sessionId: last, enforced: true }
  }
}

const jsonType = 'application/json; charset=utf-8'

function isRunning(listed: ListedSession): boolean {
  return 'record' in listed && listed.record.session.endAt === null
}

/** A page whose text is known: 304 where the client has it already. */
function sendKept(request: FastifyRequest, reply: FastifyReply, { body, etag }: CachedPage): FastifyReply {
  reply.header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type(jsonType).send(body)
}

function toFilter(query: SessionQuery): SessionFilter {
  const { roomId, customRoomId, query: eitherId, status, startDate, endDate, activeAt, minDuration } = query
  const participantId = query.participantId ?? query.userId
  return {
    ...(roomId !== undefined && { roomId }),
    ...(customRoomId !== undefined && { customRoomId }),
    ...(eitherId !== undefined && { query: eitherId }),
    ...(participantId !== undefined && { participantId }),
    ...(status !== undefined && { status: status === 'ended' ? ('ended' as const) : ('ongoing' as const) }),
    ...(startDate !== undefined && { startFrom: parseTime('startDate', startDate) }),
    ...(endDate !== undefined && { startTo: parseTime('endDate', endDate) }),
    ...(activeAt !== undefined && { activeAt: parseTime('activeAt', activeAt) }),
    ...(minDuration !== undefined && { minDurationMs: minDuration * 1000 }),
  }
}
