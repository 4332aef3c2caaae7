import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Caller } from '../auth/auth.ts'
import { pathLoggedMaxLength } from '../limits.ts'

/** Gives every answer its `x-request-id`, and every request one line in the log: never its query, headers or body. */
export function logRequests(app: FastifyInstance, log: Logger): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })

  app.addHook('onResponse', (request, reply, done) => {
    const caller = request.getDecorator<Caller | null>('caller')
    log.info(
      {
        requestId: request.id,
        method: request.method,
        path: pathOf(request.url).slice(0, pathLoggedMaxLength),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        ...(caller && { apiKey: caller.key.apiKey }),
      },
      'request',
    )
    done()
  })
}

/** A request's path without its query. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url
}
