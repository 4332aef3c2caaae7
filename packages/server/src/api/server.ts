import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Context } from '../context.ts'
import { toTrust } from '../runtime/client-address.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Backpressure } from '../sources/backpressure.ts'
import type { Commands } from '../sources/commands/commands.ts'
import type { Engines } from '../sources/engines/engines.ts'
import type { SourceHealth } from '../sources/health.ts'
import type { Ingest } from '../sources/ingest.ts'
import type { Webhooks } from '../webhooks/dispatcher.ts'
import { type ApiAuth, createApiAuth } from './auth/auth.ts'
import { createOidc } from './auth/oidc.ts'
import type { RateLimit } from './auth/rate-limit.ts'
import { createSignIns, type SignIns } from './auth/sign-ins.ts'
import type { TokenVerifier } from './auth/token.ts'
import { dailyRoutes } from './daily/meetings.ts'
import { dailyErrors } from './daily/refusals.ts'
import { erasureRoutes } from './data/erasure.ts'
import { exportRoutes } from './data/export.ts'
import { importRoutes } from './data/imports.ts'
import { retentionRoutes } from './data/retention.ts'
import { eventRoutes } from './events.ts'
import { healthRoutes } from './health.ts'
import { hostingRoutes } from './hosting.ts'
import { baseUrlOf } from './http/base-url.ts'
import { parseBody } from './http/body.ts'
import { createClientErrorHandler } from './http/client-error.ts'
import { lingerOverEarlyAnswers } from './http/early-answers.ts'
import { createErrorHandler } from './http/errors.ts'
import { createHttpServer, restoreHead, routeHeadAsGet } from './http/http-server.ts'
import { isForBrowser, sendNotFoundPage } from './http/not-found-page.ts'
import { createPatience, type Patience } from './http/patience.ts'
import { logRequests, type NoteAnswer, noteAnswers, requestIdOf, traceRequests } from './http/request-log.ts'
import { createRouteTable, type RouteTable } from './http/route-table.ts'
import { refuseOthers, refuseUnknown } from './http/unknown-path.ts'
import { compileSchema } from './http/validate.ts'
import { ingestRoutes } from './ingest/ingest.ts'
import { inviteRoutes } from './invites/invites.ts'
import { inviteOpeningRoutes } from './invites/opening.ts'
import { auditRoutes } from './keys/audit.ts'
import { keepAudit } from './keys/keep-audit.ts'
import { keyRoutes } from './keys/keys.ts'
import { linkRoutes } from './keys/links.ts'
import { bodyMaxBytes, corsMaxAgeSeconds, headersMaxBytes, type Timeouts, timeouts as usualTimeouts } from './limits.ts'
import { livekitAnalyticsRoutes } from './livekit/analytics.ts'
import { meetingRoutes } from './meetings.ts'
import { measureRequests, metricsRoutes } from './metrics.ts'
import { docsRoutes } from './openapi/docs.ts'
import { collectRoutes, openApiRoutes } from './openapi/openapi.ts'
import { createKeptAnswers, type KeptAnswers } from './paging/kept-answers.ts'
import { participantRoutes } from './participants.ts'
import { peopleRoutes } from './people/people.ts'
import { publicKeyRoutes } from './public-key.ts'
import { qualityRoutes } from './quality.ts'
import { attendanceRoutes } from './reports/attendance.ts'
import { shareRoutes } from './reports/shares.ts'
import { usageRoutes } from './reports/usage.ts'
import { roomRoutes } from './rooms.ts'
import { scheduleAttendanceRoutes } from './schedules/attendance.ts'
import { calendarRoutes } from './schedules/calendars.ts'
import { scheduleRoutes } from './schedules/schedules.ts'
import { sessionRoutes } from './sessions.ts'
import { sourceRoutes } from './sources.ts'
import type { FeedLimits } from './stream/limits.ts'
import { streamRoutes } from './stream/stream.ts'
import type { Tails } from './stream/tail.ts'
import { accountRoutes } from './users/account.ts'
import { oidcRoutes } from './users/oidc.ts'
import { signInRoutes } from './users/sign-in.ts'
import { userRoutes } from './users/users.ts'
import { webRoutes } from './web.ts'
import { webhookDeliveryRoutes } from './webhooks/deliveries.ts'
import { webhookEndpointRoutes } from './webhooks/endpoints.ts'

export type ApiParts = {
  verifyToken: TokenVerifier
  rateLimit: RateLimit
  commands: Commands
  ingest: Ingest
  engines: Engines
  guardedFetch: GuardedFetch
  backpressure: Backpressure
  sourceHealth: SourceHealth
  tails: Tails
  webhooks: Pick<Webhooks, 'wake'>
  feedLimits: FeedLimits
  timeouts?: Timeouts | undefined
  /** How long whoever reports events waits for a look-up while the store is away, in milliseconds. Default: as facts then do. */
  awayMaxMs?: number | undefined
  /** Of all servers before one database: a join may be sent on to each. */
  serverAddresses(): string[]
}

/** The HTTP side of the server, ready to listen. */
export async function createApiServer(context: Context, parts: ApiParts): Promise<FastifyInstance> {
  const { config, log, metrics } = context
  const handleError = createErrorHandler(log)
  const handleDailyError = createErrorHandler(log, dailyErrors)
  const { rateLimit, verifyToken } = parts
  const noted = [logRequests(log), measureRequests(metrics)]
  const noteAnswer: NoteAnswer = (answered) => {
    for (const note of noted) note(answered)
  }
  const keptAnswers = createKeptAnswers(context, { verifyToken, rateLimit, noteAnswer })
  const app = fastify({
    serverFactory: (routes) =>
      createHttpServer(config, parts.timeouts ?? usualTimeouts, keptAnswers.inFrontOf(routeHeadAsGet(routes))),
    trustProxy: config.trustProxy !== false && toTrust(config.trustProxy),
    bodyLimit: bodyMaxBytes,
    exposeHeadRoutes: false,
    // An id that is longer than any is one that is not found.
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: headersMaxBytes },
    requestIdHeader: false,
    genReqId: requestIdOf,
    // What is still in flight when the server stops is answered.
    return503OnClosing: false,
    clientErrorHandler: createClientErrorHandler(metrics),
    // Of a path that cannot be read there is no route, whose words these would be.
    frameworkErrors: (error, request, reply) =>
      (request.url.startsWith('/daily/') ? handleDailyError : handleError)(error, request, reply as FastifyReply),
  }).withTypeProvider<TypeBoxTypeProvider>()

  const table = createRouteTable(app)
  app.setValidatorCompiler(compileSchema)
  // As fast as a serialiser made from the schema, and it changes no value to fit: the tests hold every answer to its schema.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler(handleError)
  app.setNotFoundHandler((request, reply) => {
    rateLimit.countAddress(request.ip, reply)
    const refusal = refuseUnknown(request, reply, table)
    reply.header('vary', 'Accept')
    if (refusal.code !== 'NOT_FOUND' || !isForBrowser(request)) throw refusal
    return sendNotFoundPage(reply, refusal.message, baseUrlOf(request, config))
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, async (request: FastifyRequest, text: string) =>
    parseBody(request.headers['content-type'], text),
  )
  app.decorateRequest('caller', null)
  restoreHead(app)
  if (context.tracing !== undefined) traceRequests(app, context.tracing)
  noteAnswers(app, noteAnswer)
  lingerOverEarlyAnswers(app)
  readNothingForHead(app)
  app.addHook('preClose', async () => keptAnswers.stop())

  await app.register(cors, {
    allowedHeaders: ['Authorization', 'Content-Type', 'Accept', 'If-None-Match', 'Last-Event-ID', 'X-Request-Id'],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'x-request-id',
      'retry-after',
      'etag',
      'ratelimit-limit',
      'ratelimit-remaining',
      'ratelimit-reset',
    ].join(', '),
    maxAge: corsMaxAgeSeconds,
    strictPreflight: false,
  })
  app.addHook('onRequest', (request, reply, done) => {
    refuseOthers(request, reply)
    done()
  })
  const patience = createPatience()
  const { awayMaxMs } = parts
  const signIns = createSignIns(context, verifyToken)
  const auth = createApiAuth({ config, verifyToken, signIns, rateLimit, metrics, log, patience, awayMaxMs })
  await registerRoutes(app, context, { ...parts, auth, signIns, keptAnswers, table, patience })
  return app
}

/** Each route takes of the parts what it uses. */
async function registerRoutes(
  app: FastifyInstance,
  context: Context,
  parts: ApiParts & {
    auth: ApiAuth
    signIns: SignIns
    keptAnswers: KeptAnswers
    table: RouteTable
    patience: Patience
  },
): Promise<void> {
  const routes = collectRoutes(app)
  keepAudit(app, context, parts.auth)
  await app.register(healthRoutes(context))
  await app.register(metricsRoutes(context))
  await app.register(roomRoutes(context, parts))
  await app.register(meetingRoutes(context, parts))
  await app.register(sessionRoutes(context, parts))
  await app.register(participantRoutes(context, parts))
  await app.register(qualityRoutes(context, parts))
  await app.register(attendanceRoutes(context, parts))
  await app.register(usageRoutes(context, parts))
  await app.register(shareRoutes(context, parts))
  await app.register(peopleRoutes(context, parts))
  await app.register(scheduleRoutes(context, parts))
  await app.register(calendarRoutes(context, parts))
  await app.register(scheduleAttendanceRoutes(context, parts))
  await app.register(hostingRoutes(context, parts))
  await app.register(inviteRoutes(context, parts))
  await app.register(inviteOpeningRoutes(context, parts))
  await app.register(eventRoutes(context, parts))
  await app.register(importRoutes(context, parts))
  await app.register(exportRoutes(context, parts))
  await app.register(erasureRoutes(context, parts))
  await app.register(retentionRoutes(context, parts))
  await app.register(sourceRoutes(context, parts))
  await app.register(webhookEndpointRoutes(context, parts))
  await app.register(webhookDeliveryRoutes(context, parts))
  await app.register(keyRoutes(context, parts))
  await app.register(auditRoutes(context, parts))
  await app.register(streamRoutes(context, { ...parts, limits: parts.feedLimits }))
  await app.register(livekitAnalyticsRoutes(context, parts))
  await app.register(dailyRoutes(context, parts))
  await app.register(ingestRoutes(context, parts))
  await app.register(linkRoutes(context, parts))
  const oidc = context.config.oidc && createOidc(context.config.oidc)
  await app.register(signInRoutes(context, { ...parts, oidc }))
  if (oidc !== undefined) await app.register(oidcRoutes(context, { ...parts, oidc }))
  await app.register(accountRoutes(context, parts))
  await app.register(userRoutes(context, parts))
  await app.register(publicKeyRoutes(context, parts))
  await app.register(openApiRoutes(context, { ...parts, routes }))
  await app.register(docsRoutes(context))
  await app.register(webRoutes(context, parts))
}

/** Of an answer that is read as it is sent, whoever asks for its head is sent nothing: nor is it read for them. */
function readNothingForHead(app: FastifyInstance): void {
  app.addHook('onSend', ({ method }, _reply, payload, done) => {
    if (method !== 'HEAD' || !(payload instanceof Readable)) return done(null, payload)
    payload.destroy()
    done(null, Readable.from([]))
  })
}
