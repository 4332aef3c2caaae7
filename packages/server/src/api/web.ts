import { existsSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import files from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { ApiAuth } from './auth/auth.ts'
import { writePagePolicy } from './http/page-policy.ts'
import { pathOf } from './http/request-log.ts'
import type { RouteTable } from './http/route-table.ts'
import { lacksPrefix, refuseWithoutPrefix } from './http/unknown-path.ts'
import { webFileMaxAgeSeconds } from './limits.ts'

/** Where `npm run build` puts the pages, beside this package: it may be run as it is written, or built. */
export const webFolder = join(dirname(findPackageJSON('.', import.meta.url) ?? '.'), '../web/dist')

/** The addresses of the dashboard's views: the page itself tells them apart. */
const dashboardPaths = [
  '/',
  '/sessions/:sessionId',
  '/overview',
  '/rooms',
  '/sources',
  '/webhooks',
  '/webhooks/:webhookId',
]

const unbuilt =
  'The dashboard is not built: run `npm ci && npm run build` where Rollcall is installed. The API works without.\n'

/** The dashboard at `/` and the room page at `/room/:roomId`: files that the build made. */
export function webRoutes(
  { config }: Pick<Context, 'config'>,
  { auth, table, serverAddresses }: { auth: ApiAuth; table: RouteTable; serverAddresses(): string[] },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    await app.register(files, { serve: false, root: webFolder, preCompressed: true, cacheControl: false })
    const hidden = { onRequest: auth.open, schema: { hide: true } }
    for (const path of dashboardPaths) {
      app.get(path, hidden, async (request, reply) => {
        requireBrowser(request, reply)
        return sendPage(reply, 'index.html')
      })
    }
    app.get('/room/:roomId', hidden, async (_, reply) => sendPage(reply, 'room.html'))
    app.get('/favicon.svg', hidden, async (_, reply) => sendFile(reply, 'favicon.svg'))

    const params = Type.Object({ name: Type.String({ pattern: '^[\\w-]+(\\.[\\w-]+)+$' }) })
    app.get('/assets/:name', { ...hidden, schema: { hide: true, params } }, async (request, reply) => {
      // Its name tells its content: what is under it never changes.
      reply.header('cache-control', `public, max-age=${webFileMaxAgeSeconds}, immutable`)
      return sendFile(reply, `assets/${request.params.name}`)
    })
  }

  /** Whoever asks for a path of the API without its prefix is a program, unless it asks for HTML. */
  function requireBrowser({ method, url, headers }: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(url)
    if (!lacksPrefix(path, table)) return
    reply.header('vary', 'Accept')
    if (!/\btext\/html\b/i.test(headers.accept ?? '')) throw refuseWithoutPrefix(method, path)
  }

  function sendPage(reply: FastifyReply, name: string): FastifyReply {
    reply.header('content-security-policy', writePagePolicy(config, serverAddresses(), { 'media-src': "'self' blob:" }))
    if (!existsSync(join(webFolder, name))) return reply.type('text/plain; charset=utf-8').send(unbuilt)
    reply.header('permissions-policy', 'camera=(self), microphone=(self), display-capture=(self)')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('cache-control', 'no-cache')
    return reply.sendFile(name)
  }

  function sendFile(reply: FastifyReply, name: string): FastifyReply {
    if (!existsSync(join(webFolder, name))) {
      reply.removeHeader('cache-control')
      throw new Refusal('NOT_FOUND', `There is no GET /${name}`)
    }
    reply.header('x-content-type-options', 'nosniff')
    return reply.sendFile(name)
  }
}
