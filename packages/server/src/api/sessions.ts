import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { EndedSession, MeetingSession, MeetingSessionPage, Session, SessionPage } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Commands } from '../sources/commands/commands.ts'
import type { CommandedSession } from '../sources/commands/session-end.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import type { Caller } from './auth/caller.ts'
import { scopes } from './auth/scopes.ts'
import { requireRoomId, sendSession } from './find.ts'
import { notModified, refusals } from './http/refusals.ts'
import type { KeptAnswers } from './paging/kept-answers.ts'
import { sendSessionTable } from './reports/session-table.ts'
import { createSessionLists, SessionQuery } from './session-lists.ts'
import { FormatQuery, tableContent, ZonedTableQuery } from './tables/table.ts'
import { withMeetingNames } from './views/meeting-names.ts'

const exactId = 'one exact id'
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
    querystring: Type.Object({
      ...SessionQuery.properties,
      ...FormatQuery.properties,
      ...ZonedTableQuery.properties,
    }),
    response: { 200: { description: 'A page of them.', content: tableContent(SessionPage) }, ...notModified },
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
    scopes: scopes('rooms'),
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
  oneOld: {
    operationId: 'getMeetingSession',
    tags: ['Sessions'],
    deprecated: true,
    summary: 'Get a session, in the API’s first version',
    description: 'The same as `GET /v2/sessions/{id}`, with the old names beside.',
    params: SessionPath,
    response: { 200: MeetingSession, ...refusals('SESSION_NOT_FOUND') },
  },
  endOld: {
    operationId: 'endMeetingSession',
    scopes: scopes('rooms'),
    tags: ['Sessions'],
    deprecated: true,
    summary: 'End a session, in the API’s first version',
    description: 'The same as `POST /v2/sessions/end` with that `sessionId`.',
    params: SessionPath,
    body: MeetingSessionToEnd,
    response: { 200: EndedSession, ...refusals('SESSION_NOT_FOUND', 'NO_SESSION_OPEN') },
  },
}

export function sessionRoutes(
  context: Pick<Context, 'config' | 'clock' | 'reads' | 'known'>,
  { auth, commands, keptAnswers }: { auth: ApiAuth; commands: Commands; keptAnswers: KeptAnswers },
): FastifyPluginAsyncTypebox {
  const { reads } = context
  const lists = createSessionLists(context, keptAnswers)

  return async (app) => {
    app.get('/v2/sessions', { onRequest: auth.any, schema: schemas.list }, async (request, reply) => {
      const { format, separator, bom, tz, ...query } = request.query
      if (format === undefined || format === 'json') return lists.send(request, reply, query)
      return sendSessionTable(context, request, reply, request.query as typeof query & { format: 'csv' | 'xlsx' })
    })

    app.get('/v2/sessions/:id', { onRequest: auth.any, schema: schemas.one }, async (request, reply) =>
      sendSession(context, request, reply, request.params.id),
    )

    app.post('/v2/sessions/end', { onRequest: auth.any, schema: schemas.end }, async (request, reply) =>
      endSession(request, reply, request.body),
    )

    app.get('/v1/meeting-sessions', { onRequest: auth.any, schema: schemas.listOld }, async (request, reply) => {
      const { meetingId, userMeetingId, ...rest } = request.query
      const query = {
        ...rest,
        ...(meetingId !== undefined && { roomId: meetingId }),
        ...(userMeetingId !== undefined && { customRoomId: userMeetingId }),
      }
      return lists.send(request, reply, query, (text) => JSON.stringify(withMeetingNames(JSON.parse(text))))
    })

    app.get('/v1/meeting-sessions/:id', { onRequest: auth.any, schema: schemas.oneOld }, async (request, reply) =>
      sendSession(context, request, reply, request.params.id, ({ session, customRoomId }) =>
        withMeetingNames({ roomId: session.roomId, customRoomId }),
      ),
    )

    app.post('/v1/meeting-sessions/:id/end', { onRequest: auth.any, schema: schemas.endOld }, async (request, reply) =>
      endSession(request, reply, { ...request.body, sessionId: request.params.id }),
    )
  }

  async function endSession(request: FastifyRequest, reply: FastifyReply, body: SessionToEnd): Promise<FastifyReply> {
    const { sessionId, enforced } = await orderEnd(callerOf(request), body)
    return sendSession(context, request, reply, sessionId, ({ session, customRoomId }) =>
      withMeetingNames({ roomId: session.roomId, customRoomId, enforced }),
    )
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
    const last = sessionId ?? (await lists.findLast(caller, roomId))
    if (last === undefined) throw new Refusal('SESSION_NOT_FOUND', `Room ${roomId} had no session yet`)
    return { sessionId: last, enforced: true }
  }
}
