import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { NoteAnswer } from './http/request-log.ts'

/** The route of a request to a path that is none. */
const noRoute = 'none'

/** Counts every request, under the pattern of its route. */
export function measureRequests(metrics: Metrics): NoteAnswer {
  return ({ method, route, status, ms }) =>
    metrics.noteRequest({
      // Of a path that is none, anybody may send any method.
      method: route === undefined ? noRoute : method,
      route: route ?? noRoute,
      status,
      seconds: ms / 1000,
    })
}

/** `/metrics`, for Prometheus. It takes no token, and no limit holds it up: a flood is when it is needed. */
export function metricsRoutes({ metrics }: Pick<Context, 'metrics'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    const schema = {
      operationId: 'getMetrics',
      tags: ['Server'],
      summary: 'Get the metrics',
      description: 'What the server counts of its work, in the Prometheus text format.',
      produces: ['text/plain'],
      response: { 200: Type.String({ description: 'The metrics, one a line.' }) },
    }
    // No page of another site is to read in somebody's browser how a server in their network does.
    app.get('/metrics', { schema, config: { cors: false } }, async (_, reply) =>
      reply.type(metrics.contentType).send(await metrics.text()),
    )
  }
}
