import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { EventResults, engineOf, sourceTypes } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { readOrigins, refuseLoop } from '../../record/origins.ts'
import { quote } from '../../runtime/explain.ts'
import { shareInTurn } from '../../runtime/single-flight.ts'
import type { Backpressure } from '../../sources/backpressure.ts'
import type { DeliveryHead } from '../../sources/engines/engine.ts'
import { type Engines, engineFor } from '../../sources/engines/engines.ts'
import type { SourceHealth } from '../../sources/health.ts'
import type { Ingest } from '../../sources/ingest.ts'
import { verifyHead } from '../../sources/verify.ts'
import type { Source } from '../../store/sources.ts'
import type { RateLimit } from '../auth/rate-limit.ts'
import { baseUrlOf } from '../http/base-url.ts'
import type { Patience } from '../http/patience.ts'
import { refusals } from '../http/refusals.ts'
import { createBodies } from './bodies.ts'

const SourcePath = Type.Object({
  sourceId: Type.String({ description: 'the id of a source', about: 'Which media server it comes from.' }),
})
const EventPath = Type.Object({
  ...SourcePath.properties,
  about: Type.String({ description: 'room or occupant', about: 'What it is about.' }),
  event: Type.String({ description: 'such as joined', about: 'What happened.' }),
})

const schema = {
  tags: ['Sources'],
  summary: 'What a media server sends',
  description:
    'Its own webhooks, callbacks or events, signed as it signs them: the source says what it is. No token, no rate limit. Janus may also open a WebSocket here.',
  response: {
    200: EventResults,
    ...refusals('SIGNATURE_INVALID', 'FORBIDDEN', 'SOURCE_NOT_FOUND', 'TOO_MANY_REQUESTS', 'BUSY'),
  },
}

const schemaOfGet = {
  tags: ['Sources'],
  summary: 'What a redirect makes of a POST',
  description:
    'It takes nothing: a media server whose POST became a GET is refused, so that the loss shows in its log and in the health of the source. With an upgrade the address of a source is the WebSocket of Janus.',
  response: refusals('SOURCE_NOT_FOUND', 'TOO_MANY_REQUESTS', 'BUSY'),
}

/** A delivery whose head was verified, and the settings that it fits. */
type Proven = { head: DeliveryHead; fitting: Source['settings'][] }

/** `POST /v2/ingest/:sourceId`: for media servers, which have no token: each type is verified in its own way. */
export function ingestRoutes(
  { config, clock, reads, log }: Pick<Context, 'config' | 'clock' | 'reads' | 'log'>,
  {
    ingest,
    engines,
    backpressure,
    sourceHealth,
    rateLimit,
    patience,
  }: {
    ingest: Ingest
    engines: Engines
    backpressure: Backpressure
    sourceHealth: SourceHealth
    rateLimit: RateLimit
    patience: Patience
  },
): FastifyPluginAsyncTypebox {
  const findSource = shareInTurn(reads.sources.find)
  const bodies = createBodies()
  return async (app) => {
    // A signature is of the body's bytes, whatever its content type.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', async (_: unknown, body: unknown) => body)
    app.decorateRequest('source', null)
    app.decorateRequest('proven', null)
    app.addHook('preClose', async () => backpressure.stop())

    const answerError = app.errorHandler
    app.setErrorHandler((error, request, reply) => {
      const source = request.getDecorator<Source | null>('source')
      const refusal = toRefusal(error, request, source)
      if (request.method === 'POST' && isBusy(refusal) && takesAnyAnswer(request, source, engines))
        return drop(request, reply)
      return answerError(refusal, request, reply)
    })

    app.addHook<{ Params: { sourceId: string } }>('onRequest', async (request, reply) => {
      const { sourceId } = request.params
      const source = await patience(maxWaitMsOf(sourceId, engines), () => findSource(sourceId))
      if (source === undefined) {
        rateLimit.countAddress(request.ip, reply)
        throw new Refusal('SOURCE_NOT_FOUND', `Source ${quote(sourceId)} not found`)
      }
      request.setDecorator('source', source)
      await refuseLoop(reads, readOrigins(request.headers))
      if (request.method === 'POST') request.setDecorator('proven', proveHead(request, source))
    })
    // While the queue of facts is full, no body is read.
    app.addHook('preParsing', async (request, _, payload) => {
      await backpressure.untilReady(engineFor(engines, sourceOf(request).type).maxWaitMs)
      return payload
    })

    const ingestAny = { ...schema, operationId: 'ingest', params: SourcePath }
    app.post('/v2/ingest/:sourceId', { schema: ingestAny }, take)
    const getAny = { ...schemaOfGet, operationId: 'ingestByGet', params: SourcePath }
    app.get('/v2/ingest/:sourceId', { schema: getAny }, refuseGet)
    // Jitsi adds to the address which of its events it is.
    const ingestEvent = { ...schema, operationId: 'ingestEvent', params: EventPath }
    app.post('/v2/ingest/:sourceId/events/:about/:event', { schema: ingestEvent }, take)
    const getEvent = { ...schemaOfGet, operationId: 'ingestEventByGet', params: EventPath }
    app.get('/v2/ingest/:sourceId/events/:about/:event', { schema: getEvent }, refuseGet)
  }

  /**
   * LiveKit follows a redirect with a GET that has no body, and takes a 200 to it, or any 4xx, for success: only this answer
   * shows there, in LiveKit's log, that what it sends is lost.
   */
  async function refuseGet(): Promise<never> {
    throw new Refusal(
      'BUSY',
      'A GET came to this address, and it takes a POST. A redirect, such as from http to https, turns what a media server sends into a GET, and all of it is lost: configure the address that needs no redirect',
    )
  }

  /** What can be proved before the body costs anything. */
  function proveHead(request: FastifyRequest, source: Source): Proven {
    const { headers, protocol, host, url } = request
    const urls = [`${protocol}://${host}${url}`, `${baseUrlOf(request, config)}${url}`]
    const head = { headers, urls, receivedAt: clock.now() }
    return { head, fitting: verifyHead(engineFor(engines, source.type), head, source) }
  }

  async function take(request: FastifyRequest): Promise<EventResults> {
    const source = sourceOf(request)
    const { head, fitting } = request.getDecorator<Proven>('proven')
    const isProven = engineFor(engines, source.type).headProvesNothing?.(head) !== true
    const recorded = await bodies.use({ sourceId: source.id, isProven }, request, (body) =>
      ingest.take(source, Object.assign(head, { body, receivedAt: clock.now() }), fitting),
    )
    return {
      results: recorded.map(({ id, outcome, reason }) => ({ id, outcome, ...(reason !== undefined && { reason }) })),
    }
  }

  /** What is not the sender's fault is answered BUSY, so that it sends the same again. */
  function toRefusal(error: unknown, request: FastifyRequest, source: Source | null): unknown {
    const { statusCode, message } = error as { statusCode?: number; message: string }
    const isOurs = !(error instanceof Refusal) && (statusCode === undefined || statusCode >= 500)
    if (isOurs) log.error({ requestId: request.id, err: error }, 'delivery not recorded')
    const refusal = isOurs ? new Refusal('BUSY', 'This could not be recorded: send it again') : error
    if (source !== null) {
      if (isBusy(refusal)) sourceHealth.noteError(source, refusal.message)
      else sourceHealth.noteRefused(source, message)
    }
    return refusal
  }
}

/** How long a delivery may wait while its source cannot be looked up, whose id tells the type. */
function maxWaitMsOf(sourceId: string, engines: Engines): number {
  const type = sourceTypes.find((known) => known === engineOf(sourceId))
  return type === undefined ? 0 : engineFor(engines, type).maxWaitMs
}

/** Where the source could not be looked up, its id tells the type. */
function takesAnyAnswer({ params }: FastifyRequest, source: Source | null, engines: Engines): boolean {
  const type = source?.type ?? engineOf((params as { sourceId: string }).sourceId)
  return sourceTypes.some((known) => known === type && engineFor(engines, known).takesAnyAnswer === true)
}

/** Cut off without an answer. */
function drop(request: FastifyRequest, reply: FastifyReply): void {
  reply.code(503).hijack()
  request.raw.socket.destroy()
}

function isBusy(error: unknown): error is Refusal {
  return error instanceof Refusal && error.code === 'BUSY'
}

function sourceOf(request: FastifyRequest): Source {
  return request.getDecorator<Source>('source')
}
