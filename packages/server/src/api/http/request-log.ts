import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { EndSpan, Tracing } from '../../runtime/tracing.ts'
import { loggedNameOf } from '../../sources/source-name.ts'
import type { Caller } from '../auth/caller.ts'
import { pathLoggedMaxLength } from '../limits.ts'

/** Gives every answer its `x-request-id`, and every request one line in the log: never its query, headers or body. */
export function logRequests(app: FastifyInstance, log: Logger): void {
  // All that it says is named here: to look through it for secrets would take ten times as long as to write it.
  const lines = log.child({}, { redact: [] })

  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })

  app.addHook('onResponse', (request, reply, done) => {
    if (!lines.isLevelEnabled('info')) return done()
    const caller = request.getDecorator<Caller | null>('caller')
    lines.info(
      {
        requestId: request.id,
        method: request.method,
        path: loggedPathOf(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        ...(caller && { apiKey: caller.key.apiKey }),
      },
      'request',
    )
    done()
  })
}

/** Each request is a span, which what it does lies below. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  const ends = new WeakMap<FastifyRequest, EndSpan>()
  app.addHook('onRequest', (request, _, done) => {
    ends.set(request, tracing.beginRequest(request.headers, done))
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    ends.get(request)?.({
      name: `${request.method} ${route}`,
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'http.response.status_code': reply.statusCode,
        'rollcall.request_id': request.id,
      },
      isError: reply.statusCode >= 500,
    })
    done()
  })
}

/** Of the address of a source, which is a secret, no more than to know it by. */
function loggedPathOf(url: string): string {
  const path = pathOf(url).replace(ingestPath, (_, start: string, sourceId: string) => start + loggedNameOf(sourceId))
  return path.slice(0, pathLoggedMaxLength)
}

const ingestPath = /^((?:\/+v2)?\/+ingest\/+)([^/]+)/i

/** A request's path without its query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url
}
