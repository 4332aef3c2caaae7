import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  EndedSession,
  embeddedParticipantsMax,
  MeetingSessionPage,
  Session,
  SessionPage,
  timeTakes,
  toPageInfo,
} from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { toListedText, type ViewOptions } from '../record/session-view.ts'
import { parseLast, parseTime } from '../runtime/parse-time.ts'
import type { Commands } from '../sources/commands.ts'
import type { CommandedSession } from '../sources/session-end.ts'
import type { ListPage } from '../store/sessions/list.ts'
import type { SessionFilter } from '../store/sessions/list-queries.ts'
import type { FoundSessions, ListedSession } from '../store/sessions/sessions.ts'
import { type ApiAuth, type Caller, callerOf, maySee } from './auth/auth.ts'
import { requireRoomId, showSession, summariseWebhooks } from './find.ts'
import { baseUrlOf } from './http/base-url.ts'
import { notModified, refusals } from './http/refusals.ts'
import { cursorMaxLength, minDurationMaxSeconds } from './limits.ts'
import { cursorTakes, readCursor, writeCursor } from './paging/cursor.ts'
import { createPageCache, sendJson, sendPage } from './paging/page-cache.ts'
import { PageQuery, toPage } from './paging/page-query.ts'

const exactId = 'one exact id'
const ownerAbout = 'Sessions of this owner, as answers name them in `userId`: all of the key’s own, or none.'
const SessionQuery = Type.Object({
  ...PageQuery.properties,
  roomId: Type.Optional(Type.String({ description: exactId, about: 'Sessions of this room.' })),
  customRoomId: Type.Optional(
    Type.String({ description: exactId, about: 'Sessions of the room that you gave this name.' }),
  ),
  query: Type.Optional(
    Type.String({ description: 'one exact roomId or customRoomId', about: 'Sessions of the room of either name.' }),
  ),
  participantId: Type.Optional(
    Type.String({ description: exactId, about: 'Sessions that this participant was inside.' }),
  ),
  userId: Type.Optional(Type.String({ description: exactId, about: ownerAbout })),
  status: Type.Optional(
    Type.Union([Type.Literal('ongoing'), Type.Literal('active'), Type.Literal('ended')], {
      description: 'ongoing (or active, which is the same) or ended',
      about: 'Sessions that run, or those that are over.',
    }),
  ),
  startDate: Type.Optional(Type.String({ description: timeTakes, about: 'Sessions that started then or later.' })),
  endDate: Type.Optional(
    Type.String({
      description: timeTakes,
      about: 'Sessions that started then or earlier; of a date alone, on that day or earlier.',
    }),
  ),
  activeAt: Type.Optional(
    Type.String({
      description: timeTakes,
      about: 'Sessions with somebody inside then, named in `activeParticipantIds`.',
    }),
  ),
  minDuration: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: minDurationMaxSeconds,
      description: `a whole number of seconds from 0 to ${minDurationMaxSeconds}`,
      about: 'Sessions that lasted so long, or have by now.',
    }),
  ),
  cursor: Type.Optional(
    Type.String({
      maxLength: cursorMaxLength,
      description: cursorTakes,
      about: 'Goes on after a page, in place of `page`.',
    }),
  ),
})
type SessionQuery = Type.Static<typeof SessionQuery>

const { roomId: meetingId, customRoomId: userMeetingId, ...filters } = SessionQuery.properties
const MeetingSessionQuery = Type.Object({ meetingId, userMeetingId, ...filters })

const SessionPath = Type.Object({ id: Type.String({ description: exactId, about: 'The session.' }) })

const alwaysByForce = 'Nothing depends on it: whoever is inside is out in any case.'
const SessionToEnd = Type.Object({
  roomId: Type.Optional(
    Type.String({ description: 'a roomId or customRoomId', about: 'The room whose sessions are ended.' }),
  ),
  meetingId: Type.Optional(
    Type.String({ description: 'a roomId or customRoomId', about: 'The name of roomId in the API’s first version.' }),
  ),
  sessionId: Type.Optional(Type.String({ description: exactId, about: 'The one session that is ended.' })),
  ignoreClosed: Type.Optional(
    Type.Boolean({
      description: 'true or false',
      about: 'Whether the last session is answered where none is running, rather than an error.',
    }),
  ),
  force: Type.Optional(Type.Boolean({ description: 'true or false', about: alwaysByForce })),
  vsdkForceKill: Type.Optional(Type.Boolean({ description: 'true or false', about: alwaysByForce })),
})
type SessionToEnd = Type.Static<typeof SessionToEnd>
const MeetingSessionToEnd = Type.Pick(SessionToEnd, ['ignoreClosed', 'force', 'vsdkForceKill'])

const schemas = {
  list: {
    operationId: 'listSessions',
    tags: ['Sessions'],
    summary: 'List sessions',
    description:
      'Newest start first: the first one of a room is its current session, where one runs. Filters narrow the list together; a room that is not known has an empty list.',
    querystring: SessionQuery,
    response: { 200: SessionPage, ...notModified },
  },
  one: {
    operationId: 'getSession',
    tags: ['Sessions'],
    summary: 'Get a session',
    description: 'With all of its participants, however many.',
    params: SessionPath,
    response: { 200: Session, ...refusals('SESSION_NOT_FOUND') },
  },
  end: {
    operationId: 'endSession',
    tags: ['Sessions'],
    summary: 'End a session',
    description:
      'Ends what runs in a room, everywhere: in the record, in the hosted room, whose sockets close, and in the media server that it came from. Where several sessions ran, all end, and the newest is answered. It takes a `roomId` or a `sessionId`.',
    body: SessionToEnd,
    response: { 200: EndedSession, ...refusals('ROOM_NOT_FOUND', 'SESSION_NOT_FOUND', 'NO_SESSION_OPEN') },
  },
  listOld: {
    operationId: 'listMeetingSessions',
    tags: ['Sessions'],
    deprecated: true,
    summary: 'List sessions, in the API’s first version',
    description: 'The same as `GET /v2/sessions`, in its old names.',
    querystring: MeetingSessionQuery,
    response: { 200: MeetingSessionPage, ...notModified },
  },
  endOld: {
    operationId: 'endMeetingSession',
    tags: ['Sessions'],
    deprecated: true,
    summary: 'End a session, in the API’s first version',
    description: 'The same as `POST /v2/sessions/end` with that `sessionId`.',
    params: SessionPath,
    body: MeetingSessionToEnd,
    response: { 200: EndedSession, ...refusals('SESSION_NOT_FOUND', 'NO_SESSION_OPEN') },
  },
}

type Names = Pick<EndedSession, 'meetingId' | 'userMeetingId'>

export function sessionRoutes(
  context: Pick<Context, 'config' | 'clock' | 'reads' | 'known'>,
  { auth, commands }: { auth: ApiAuth; commands: Commands },
): FastifyPluginAsyncTypebox {
  const { config, clock, reads, known } = context
  const pages = createPageCache()

  return async (app) => {
    app.get('/v2/sessions', { onRequest: auth.any, schema: schemas.list }, async (request, reply) =>
      sendSessions(request, reply, request.query, (text) => text),
    )

    app.get('/v2/sessions/:id', { onRequest: auth.any, schema: schemas.one }, async (request) =>
      showSession(context, callerOf(request), request.params.id, viewFor(request)),
    )

    app.post('/v2/sessions/end', { onRequest: auth.any, schema: schemas.end }, async (request) =>
      endSession(request, request.body),
    )

    app.get('/v1/meeting-sessions', { onRequest: auth.any, schema: schemas.listOld }, async (request, reply) => {
      const { meetingId, userMeetingId, ...rest } = request.query
      const query = {
        ...rest,
        ...(meetingId !== undefined && { roomId: meetingId }),
        ...(userMeetingId !== undefined && { customRoomId: userMeetingId }),
      }
      return sendSessions(request, reply, query, (text) => JSON.stringify(withMeetingNames(JSON.parse(text))))
    })

    app.post('/v1/meeting-sessions/:id/end', { onRequest: auth.any, schema: schemas.endOld }, async (request) =>
      endSession(request, { ...request.body, sessionId: request.params.id }),
    )
  }

  /** @param toShown makes of a session's text the one that is sent */
  async function sendSessions(
    request: FastifyRequest,
    reply: FastifyReply,
    query: SessionQuery,
    toShown: (text: string) => string,
  ): Promise<FastifyReply> {
    const caller = callerOf(request)
    const view = viewFor(request)
    const version = known.versionOf(caller.key.keyId)
    const name = JSON.stringify([request.routeOptions.url, caller.key.keyId, caller.roomId, view.base, query])
    const kept = pages.get(name, version)
    if (kept !== undefined) return sendPage(request, reply, kept)

    const { page, perPage } = toPage(query)
    const filter = toFilter(query)
    const { cursor, userId } = query
    const from = cursor === undefined ? { page, perPage } : { after: readCursor(cursor, filter), perPage }
    const { sessions, total, totalCapped, next } = await listSessions(caller, filter, from, userId)
    const pageInfo = {
      ...toPageInfo(page, perPage, total),
      ...(next !== undefined && { nextCursor: writeCursor(next, filter) }),
      ...(totalCapped && { totalCapped }),
    }
    const { activeAt } = filter
    const webhooks = await summariseWebhooks(context, caller.key.keyId, sessions.map(idOf))
    const texts = sessions.map((one) => toShown(toListedText(one, { ...view, activeAt, webhooks })))
    const text = `{"pageInfo":${JSON.stringify(pageInfo)},"data":[${texts.join(',')}]}`
    // A session that runs is longer a moment later, though nothing was written.
    if (sessions.some(isRunning)) return sendJson(reply, text)
    return sendPage(request, reply, pages.keep(name, version, text))
  }

  function viewFor(request: FastifyRequest): ViewOptions {
    return { now: clock.now(), base: baseUrlOf(request, config), key: callerOf(request).key }
  }

  async function listSessions(
    caller: Caller,
    filter: SessionFilter,
    page: ListPage,
    ownerId: string = caller.key.userId,
  ): Promise<FoundSessions> {
    const isOfOther = ownerId !== caller.key.userId
    if (isOfOther || (filter.roomId !== undefined && !maySee(caller, filter.roomId))) {
      return { sessions: [], total: 0, totalCapped: false, next: undefined }
    }
    const seen = caller.roomId === undefined ? filter : { ...filter, roomId: caller.roomId }
    return reads.sessions.list(caller.key.keyId, seen, page, embeddedParticipantsMax)
  }

  async function findLast(caller: Caller, roomId: string): Promise<string | undefined> {
    const [last] = (await listSessions(caller, { roomId }, { page: 1, perPage: 1 })).sessions
    return last && idOf(last)
  }

  async function endSession(request: FastifyRequest, body: SessionToEnd): Promise<EndedSession> {
    const caller = callerOf(request)
    const { sessionId, enforced } = await orderEnd(caller, body)
    const session = await showSession(context, caller, sessionId, viewFor(request))
    return withMeetingNames({ ...session, enforced })
  }

  /** Of several sessions that ran in the room, the newest is answered. */
  async function orderEnd(caller: Caller, body: SessionToEnd): Promise<CommandedSession> {
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

function withMeetingNames<T extends Pick<Session, 'roomId' | 'customRoomId'>>(session: T): T & Names {
  return { ...session, meetingId: session.roomId, userMeetingId: session.customRoomId }
}

function idOf(listed: ListedSession): string {
  return 'sealed' in listed ? listed.sealed.id : listed.record.session.id
}

function isRunning(listed: ListedSession): boolean {
  return 'record' in listed && listed.record.session.endAt === null
}

function toFilter(query: SessionQuery): SessionFilter {
  const { roomId, customRoomId, query: eitherId, participantId } = query
  const { status, startDate, endDate, activeAt, minDuration } = query
  return {
    ...(roomId !== undefined && { roomId }),
    ...(customRoomId !== undefined && { customRoomId }),
    ...(eitherId !== undefined && { query: eitherId }),
    ...(participantId !== undefined && { participantId }),
    ...(status !== undefined && { status: status === 'ended' ? ('ended' as const) : ('ongoing' as const) }),
    ...(startDate !== undefined && { startFrom: parseTime('startDate', startDate) }),
    ...(endDate !== undefined && { startTo: parseLast('endDate', endDate) }),
    ...(activeAt !== undefined && { activeAt: parseTime('activeAt', activeAt) }),
    ...(minDuration !== undefined && { minDurationMs: minDuration * 1000 }),
  }
}
