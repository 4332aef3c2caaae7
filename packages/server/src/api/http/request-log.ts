import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import type { EndSpan, Tracing } from '../../runtime/tracing.ts'
import { loggedNameOf } from '../../sources/source-name.ts'
import type { Caller } from '../auth/caller.ts'
import { pathLoggedMaxLength, requestIdMaxLength } from '../limits.ts'

/** A request, and how it was answered. */
export type Answered = {
  requestId: string
  method: string
  url: string
  /** The pattern of its path; undefined: there is no such path. */
  route: string | undefined
  status: number
  /** Until the last of the answer was handed to the system. */
  ms: number
  /** Of whoever brought a good token. */
  apiKey: string | undefined
}

/** Told of every request, once. */
export type NoteAnswer = (answered: Answered) => void

/** The id that a request is known by: the one that it brings, where that is sane. */
export function requestIdOf({ headers }: { headers: IncomingHttpHeaders }): string {
  const given = headers['x-request-id']
  const isSane = typeof given === 'string' && given.length <= requestIdMaxLength && /^[\w.:/+=@-]+$/.test(given)
  return isSane ? given : randomUUID()
}

/** Gives every answer its `x-request-id`, and has it noted. */
export function noteAnswers(app: FastifyInstance, noteAnswer: NoteAnswer): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })

  app.addHook('onResponse', (request, reply, done) => {
    noteAnswer({
      requestId: request.id,
      method: request.method,
      url: request.url,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
      apiKey: request.getDecorator<Caller | null>('caller')?.key.apiKey,
    })
    done()
  })
}

/** Writes a line in the log of every request: never its query, headers or body. */
export function logRequests(log: Logger): NoteAnswer {
  // All that it says is named here: to look through it for secrets would take ten times as long as to write it.
  const lines = log.child({}, { redact: [] })
  return ({ requestId, method, url, status, ms, apiKey }) => {
    if (!lines.isLevelEnabled('info')) return
    const path = loggedPathOf(url)
    const line = {
      requestId,
      method,
      path,
      status,
      ms: Math.round(ms * 10) / 10,
      ...(apiKey !== undefined && { apiKey }),
    }
    lines.info(line, 'request')
  }
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
