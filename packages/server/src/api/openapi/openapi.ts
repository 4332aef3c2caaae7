import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { notModified } from '../http/refusals.ts'
import { openApiCacheMaxBytes } from '../limits.ts'
import { createPageCache, sendPage } from '../paging/page-cache.ts'
import type { OpenApiDocument } from './openapi-document.ts'

/** The routes that are registered from here on, as they come, without those that are hidden. */
export function collectRoutes(app: FastifyInstance): RouteOptions[] {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.method !== 'HEAD' && route.schema?.hide !== true) routes.push(route)
  })
  return routes
}

/** `/openapi.json`: what the API takes and answers, for programs. It is made when it is first asked for. */
export function openApiRoutes(
  { config }: Pick<Context, 'config'>,
  { auth, routes }: { auth: ApiAuth; routes: RouteOptions[] },
): FastifyPluginAsyncTypebox {
  // By the address that it names, which the caller chooses.
  const pages = createPageCache(openApiCacheMaxBytes)
  let made: Promise<OpenApiDocument> | undefined

  return async (app) => {
    const schema = {
      operationId: 'getOpenApi',
      tags: ['Server'],
      summary: 'This document',
      description: 'What the API takes and answers, as OpenAPI 3.1.',
      response: { 200: Type.Unknown({ description: 'An OpenAPI document.' }), ...notModified },
    }
    app.get('/openapi.json', { onRequest: auth.open, schema }, async (request, reply) => {
      const base = baseUrlOf(request, config)
      const kept = pages.get(base, 0)
      if (kept !== undefined) return sendPage(request, reply, kept)
      made ??= import('./openapi-document.ts').then(({ describeRoutes }) => describeRoutes(routes, auth))
      const { openapi, ...rest } = await made
      const document = { openapi, servers: [{ url: base }], ...rest }
      return sendPage(request, reply, pages.keep(base, 0, JSON.stringify(document)))
    })
  }
}
