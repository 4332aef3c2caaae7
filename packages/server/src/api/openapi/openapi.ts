import { hash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { hasAlready } from '../http/kept-bytes.ts'
import { notModified } from '../http/refusals.ts'

/** The routes that are registered from here on, as they come, without those that are hidden. */
export function collectRoutes(app: FastifyInstance): RouteOptions[] {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide !== true) routes.push(route)
  })
  return routes
}

/** The document but for its address, which goes between `start` and `rest`. */
type Made = { start: string; rest: Buffer; digest: string }

/** `/openapi.json`: what the API takes and answers, for programs. It is made when it is first asked for. */
export function openApiRoutes(
  { config }: Pick<Context, 'config'>,
  { auth, routes }: { auth: ApiAuth; routes: RouteOptions[] },
): FastifyPluginAsyncTypebox {
  let made: Promise<Made> | undefined

  /** All of it but the address, which the caller chooses: the rest is one buffer for all who ask. */
  async function make(): Promise<Made> {
    const { describeRoutes } = await import('./openapi-document.ts')
    const { openapi, ...others } = await describeRoutes(routes, auth)
    const rest = Buffer.from(`,${JSON.stringify(others).slice(1)}`)
    return { start: `{"openapi":${JSON.stringify(openapi)}`, rest, digest: hash('sha256', rest, 'base64url') }
  }

  return async (app) => {
    const schema = {
      operationId: 'getOpenApi',
      tags: ['Server'],
      summary: 'This document',
      description: 'What the API takes and answers, as OpenAPI 3.1.',
      response: { 200: Type.Unknown({ description: 'An OpenAPI document.' }), ...notModified },
    }
    app.get('/openapi.json', { onRequest: auth.open, schema }, async (request, reply) => {
      made ??= make()
      return sendDocument(request, reply, await made, baseUrlOf(request, config))
    })
  }
}

function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { start, rest, digest }: Made,
  base: string,
): FastifyReply {
  const head = Buffer.from(`${start},"servers":${JSON.stringify([{ url: base }])}`)
  const etag = `"${hash('sha256', head + digest, 'base64url').slice(0, 27)}"`
  reply.header('etag', etag)
  if (hasAlready(request, etag)) return reply.code(304).send()
  reply.type('application/json; charset=utf-8').header('content-length', head.length + rest.length)
  return reply.send(Readable.from([head, rest]))
}
