import { randomUUID } from 'node:crypto'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { GuardedFetch } from '../runtime/guarded-fetch.ts'
import type { Backpressure } from '../sources/backpressure.ts'
import type { Commands } from '../sources/commands.ts'
import type { Engines } from '../sources/engines/engines.ts'
import type { SourceHealth } from '../sources/health.ts'
import type { Ingest } from '../sources/ingest.ts'
import type { Webhooks } from '../webhooks/dispatcher.ts'
import { createApiAuth } from './auth/auth.ts'
import { createRateLimit } from './auth/rate-limit.ts'
import type { TokenVerifier } from './auth/token.ts'
import { eventRoutes } from './events.ts'
import { healthRoutes } from './health.ts'
import { parseBody } from './http/body.ts'
import { createClientErrorHandler } from './http/client-error.ts'
import { createErrorHandler } from './http/errors.ts'
import { createHttpServer } from './http/http-server.ts'
import { logRequests, pathOf } from './http/request-log.ts'
import { compileSchema } from './http/validate.ts'
import { ingestRoutes } from './ingest/ingest.ts'
import { inviteRoutes } from './invites.ts'
import {
  bodyMaxBytes,
  corsMaxAgeSeconds,
  pathIdMaxLength,
  requestIdMaxLength,
  type Timeouts,
  timeouts as usualTimeouts,
} from './limits.ts'
import { linkRoutes } from './links.ts'
import { measureRequests, metricsRoutes } from './metrics.ts'
import { docsRoutes } from './openapi/docs.ts'
import { collectRoutes, openApiRoutes } from './openapi/openapi.ts'
import { participantRoutes } from './participants.ts'
import { publicKeyRoutes } from './public-key.ts'
import { qualityRoutes } from './quality.ts'
import { attendanceRoutes } from './reports/attendance.ts'
import { usageRoutes } from './reports/usage.ts'
import { roomRoutes } from './rooms.ts'
import { sessionRoutes } from './sessions.ts'
import { sourceRoutes } from './sources.ts'
import type { FeedLimits } from './stream/limits.ts'
import { streamRoutes } from './stream/stream.ts'
import type { Tails } from './stream/tail.ts'
import { webRoutes } from './web.ts'
import { webhookDeliveryRoutes } from './webhooks/deliveries.ts'
import { webhookEndpointRoutes } from './webhooks/endpoints.ts'

export type ApiParts = {
  verifyToken: TokenVerifier
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
  /** Of all servers before one database: a join may be sent on to each. */
  serverAddresses(): string[]
}

const corsOptions: FastifyCorsOptions = {
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
}

/** The HTTP side of the server, ready to listen. */
export async function createApiServer(
  context: Context,
  {
    verifyToken,
    commands,
    ingest,
    engines,
    guardedFetch,
    backpressure,
    sourceHealth,
    tails,
    webhooks,
    feedLimits,
    timeouts = usualTimeouts,
    serverAddresses,
  }: ApiParts,
): Promise<FastifyInstance> {
  const { config, log, metrics } = context
  const handleError = createErrorHandler(log)
  const rateLimit = createRateLimit(config.keyRequestsPerSecond, metrics)
  const app = fastify({
    serverFactory: (handler) => createHttpServer(config, timeouts, handler),
    // `true` means one proxy: the address that it adds is trusted, not those that the client sent.
    trustProxy: config.trustProxy === true ? (_, hop) => hop === 0 : config.trustProxy,
    bodyLimit: bodyMaxBytes,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: pathIdMaxLength },
    requestIdHeader: false,
    genReqId: ({ headers }) => saneRequestId(headers['x-request-id']) ?? randomUUID(),
    // Requests in flight are answered when the server stops.
    return503OnClosing: false,
    clientErrorHandler: createClientErrorHandler(metrics),
    frameworkErrors: (error, request, reply) => handleError(error, request, reply as FastifyReply),
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setValidatorCompiler(compileSchema)
  // As fast as a serialiser made from the schema, and it changes no value to fit: the tests hold every answer to its schema.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler(handleError)
  app.setNotFoundHandler((request, reply) => {
    rateLimit.countAddress(request.ip, reply)
    throw new Refusal('NOT_FOUND', `There is no ${request.method} ${pathOf(request.url)}`)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, async (request: FastifyRequest, text: string) =>
    parseBody(request.headers['content-type'], text),
  )
  app.decorateRequest('caller', null)
  logRequests(app, log)
  measureRequests(app, metrics)

  await app.register(cors, corsOptions)
  const auth = createApiAuth({ verifyToken, rateLimit, metrics, log })
  const routes = collectRoutes(app)
  await app.register(healthRoutes(context))
  await app.register(metricsRoutes(context))
  const parts = { auth, commands }
  await app.register(roomRoutes(context, parts))
  await app.register(sessionRoutes(context, parts))
  await app.register(participantRoutes(context, parts))
  await app.register(qualityRoutes(context, parts))
  await app.register(attendanceRoutes(context, parts))
  await app.register(usageRoutes(context, parts))
  await app.register(inviteRoutes(context, parts))
  await app.register(eventRoutes(context, { auth, sourceHealth }))
  await app.register(sourceRoutes(context, { auth, engines, guardedFetch, sourceHealth }))
  await app.register(webhookEndpointRoutes(context, { auth, guardedFetch, webhooks }))
  await app.register(webhookDeliveryRoutes(context, { auth, webhooks }))
  await app.register(streamRoutes(context, { auth, tails, verifyToken, limits: feedLimits }))
  await app.register(ingestRoutes(context, { ingest, engines, backpressure, sourceHealth, rateLimit }))
  await app.register(linkRoutes(context, parts))
  await app.register(publicKeyRoutes(context, parts))
  await app.register(openApiRoutes(context, { auth, routes }))
  await app.register(docsRoutes(context, { auth }))
  await app.register(webRoutes(context, { auth, serverAddresses }))
  return app
}

function saneRequestId(given: string | string[] | undefined): string | undefined {
  const sane = typeof given === 'string' && given.length <= requestIdMaxLength && /^[\w.:/+=@-]+$/.test(given)
  return sane ? given : undefined
}
