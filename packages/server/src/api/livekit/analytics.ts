import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { LivekitSessionDetail, LivekitSessionPage } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { parseLast, parseTime } from '../../runtime/parse-time.ts'
import type { Source } from '../../store/sources.ts'
import type { RateLimit } from '../auth/rate-limit.ts'
import { notModified, refusals } from '../http/refusals.ts'
import { pageMax } from '../limits.ts'
import { createPageCache, sendPage } from '../paging/page-cache.ts'
import { sendPieces, writeList } from '../paging/pieces.ts'
import { createProjectAuth, sourceOf } from './project-auth.ts'
import { toLivekitDetail, toLivekitPeople, toLivekitSession } from './view.ts'

// LiveKit Cloud's Analytics API, of what LiveKit servers of one's own reported: see docs/livekit-analytics.md.

const limitDefault = 100
const limitMax = 1000
const dayTakes = 'a day, such as 2026-01-31'

const ProjectPath = Type.Object({
  projectId: Type.String({ description: 'the projectId of a LiveKit source', about: 'Whose sessions.' }),
})
const SessionPath = Type.Object({
  ...ProjectPath.properties,
  sessionId: Type.String({ description: 'LiveKit’s sid of a room', about: 'The session.' }),
})
const SessionsQuery = Type.Object({
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: limitMax,
      default: limitDefault,
      description: `a whole number from 1 to ${limitMax}`,
      about: 'How many sessions a page has.',
    }),
  ),
  page: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: pageMax,
      default: 0,
      description: `a whole number from 0 to ${pageMax}`,
      about: 'Which page: the first is 0.',
    }),
  ),
  start: Type.Optional(
    Type.String({ description: dayTakes, about: 'Sessions that started on that day, in UTC, or later.' }),
  ),
  end: Type.Optional(
    Type.String({ description: dayTakes, about: 'Sessions that started on that day, in UTC, or earlier.' }),
  ),
})
type SessionsQuery = Type.Static<typeof SessionsQuery>
const DetailQuery = Type.Object({
  v: Type.Optional(
    Type.String({
      description: 'a version',
      about: 'With 2, `connectionMinutes` is a text of digits, as clients of that version expect.',
    }),
  ),
})

const mayRefuse = ['TOKEN_MISSING', 'TOKEN_INVALID', 'FORBIDDEN', 'PROJECT_NOT_FOUND'] as const
const schemas = {
  list: {
    operationId: 'listLivekitSessions',
    tags: ['LiveKit'],
    security: [{ livekitToken: [] }],
    summary: 'List sessions, as LiveKit Cloud does',
    description: 'Newest start first. A page that is shorter than `limit` is the last; past the end there are none.',
    params: ProjectPath,
    querystring: SessionsQuery,
    response: { 200: LivekitSessionPage, ...notModified, ...refusals(...mayRefuse) },
  },
  one: {
    operationId: 'getLivekitSession',
    tags: ['LiveKit'],
    security: [{ livekitToken: [] }],
    summary: 'Get a session, as LiveKit Cloud does',
    description: 'With everybody who took part.',
    params: SessionPath,
    querystring: DetailQuery,
    response: { 200: LivekitSessionDetail, ...refusals(...mayRefuse, 'SESSION_NOT_FOUND') },
  },
}

export function livekitAnalyticsRoutes(
  context: Pick<Context, 'config' | 'clock' | 'reads' | 'known' | 'metrics'>,
  { rateLimit }: { rateLimit: RateLimit },
): FastifyPluginAsyncTypebox {
  const { config, clock, reads, known } = context
  const onRequest = createProjectAuth(context, { rateLimit })
  const pages = createPageCache()

  return async (app) => {
    app.decorateRequest('livekitSource', null)

    app.get('/api/project/:projectId/sessions', { onRequest, schema: schemas.list }, async (request, reply) => {
      const { keyId, id: source } = sourceOf(request)
      const version = known.versionOf(keyId)
      const name = JSON.stringify([source, request.query])
      const kept = pages.get(name, version)
      if (kept !== undefined) return sendPage(request, reply, kept)
      const sessions = await listSessions(sourceOf(request), request.query)
      const made = await writeList(keyId, {}, { sessions }, (one) => ({ text: JSON.stringify(one) }))
      // A session that runs is active a moment later, though nothing was written.
      if (sessions.some(({ endedAt }) => endedAt === undefined)) return sendPieces(reply, made.pieces)
      return sendPage(request, reply, pages.keep(name, version, made))
    })

    app.get('/api/project/:projectId/sessions/:sessionId', { onRequest, schema: schemas.one }, async (request) =>
      showSession(sourceOf(request), request.params.sessionId, request.query.v === '2'),
    )
  }

  async function listSessions({ keyId, id: source }: Source, query: SessionsQuery) {
    const { limit = limitDefault, page = 0, start, end } = query
    const period = {
      ...(start !== undefined && { startFrom: parseTime('start', start) }),
      ...(end !== undefined && { startTo: parseLast('end', end) }),
    }
    const found = await reads.sessions.listOfSource(keyId, source, period, { page: page + 1, perPage: limit })
    const ids = found.map(({ session }) => session.id)
    const recorded = await reads.media.listRecorded(keyId, ids)
    const now = clock.now()
    return found.map((one) => toLivekitSession(one, recorded.get(one.session.id), now))
  }

  async function showSession({ keyId, id: source }: Source, sessionId: string, withTexts: boolean) {
    const id = await reads.sessions.findOfSource(keyId, { source, sessionKey: sessionId })
    const found = id === undefined ? undefined : await reads.sessions.find(keyId, id)
    if (found === undefined) throw new Refusal('SESSION_NOT_FOUND', `Session ${sessionId} not found`)
    const { session } = found
    const people = []
    for await (const slice of reads.sessions.people(keyId, session.id)) {
      const ids = slice.participants.map(({ participantId }) => participantId)
      people.push(...toLivekitPeople({ session, ...slice }, await reads.media.list(keyId, session.id, ids)))
    }
    return toLivekitDetail(found, people, { now: clock.now(), withTexts, rule: config.livekitMinutes })
  }
}
