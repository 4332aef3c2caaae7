import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { RateLimit } from './auth/rate-limit.ts'
import { keepFolder, sendKept } from './http/kept-bytes.ts'
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
  '/account',
  '/shared',

  '/imports',
  '/keys',
  '/overview',
  '/people',
  '/people/:personId',
  '/rooms',
  '/schedules',
  '/schedules/:scheduleId',
  '/sources',
  '/users',
  '/webhooks',
  '/webhooks/:webhookId',
]

const unbuilt =
  'The dashboard is not built: run `npm ci && npm run build` where Rollcall is installed. The API works without.\n'

/**
 * The dashboard at `/` and the room page at `/room/:roomId`: files that the build made. They cost next to nothing, so no limit
 * holds them up: a class behind one address opens a page of twenty files at once.
 */
export function webRoutes(
  { config }: Pick<Context, 'config'>,
  { rateLimit, table, serverAddresses }: { rateLimit: RateLimit; table: RouteTable; serverAddresses(): string[] },
): FastifyPluginAsyncTypebox {
  // A proxy may have put the server below a prefix: what a page loads is found from there.
  const prefix = config.publicUrl === undefined ? '' : new URL(config.publicUrl).pathname.replace(/\/+$/, '')
  const files = keepFolder(webFolder, (html) => html.replace('<base href="/"', `<base href="${prefix}/"`))
  return async (app) => {
    const hidden = { schema: { hide: true } }
    for (const path of dashboardPaths) {
      app.get(path, hidden, async (request, reply) => {
        requireBrowser(request, reply)
        return sendPage(request, reply, 'index.html')
      })
    }
    // The code of an invite is behind its `#`.
    app.get('/j', hidden, async (request, reply) => sendPage(request, reply, 'room.html'))
    app.get('/room/:roomId', hidden, async (request, reply) => sendPage(request, reply, 'room.html'))
    app.get('/favicon.svg', hidden, async (request, reply) => sendFile(request, reply, 'favicon.svg'))

    const params = Type.Object({ name: Type.String({ pattern: '^[\\w-]+(\\.[\\w-]+)+$' }) })
    app.get('/assets/:name', { schema: { hide: true, params } }, async (request, reply) =>
      // Its name tells its content: what is under it never changes.
      sendFile(request, reply, `assets/${request.params.name}`, `public, max-age=${webFileMaxAgeSeconds}, immutable`),
    )
  }

  /** Whoever asks for a path of the API without its prefix is a program, unless it asks for HTML. */
  function requireBrowser({ method, url, headers, ip }: FastifyRequest, reply: FastifyReply): void {
    const path = pathOf(url)
    if (!lacksPrefix(path, table)) return
    reply.header('vary', 'Accept')
    if (/\btext\/html\b/i.test(headers.accept ?? '')) return
    rateLimit.countAddress(ip, reply)
    throw refuseWithoutPrefix(method, path)
  }

  async function sendPage(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply> {
    reply.header(
      'content-security-policy',
      writePagePolicy(config, serverAddresses(), { 'media-src': "'self' blob:", 'base-uri': "'self'" }),
    )
    const page = await files.read(name)
    if (page === undefined) return reply.type('text/plain; charset=utf-8').send(unbuilt)
    reply.header('permissions-policy', 'camera=(self), microphone=(self), display-capture=(self)')
    reply.header('referrer-policy', 'no-referrer')
    reply.header('cache-control', 'no-cache')
    return sendKept(request, reply, page)
  }

  async function sendFile(
    request: FastifyRequest,
    reply: FastifyReply,
    name: string,
    caching?: string,
  ): Promise<FastifyReply> {
    const file = await files.read(name)
    if (file === undefined) {
      rateLimit.countAddress(request.ip, reply)
      throw new Refusal('NOT_FOUND', `There is no GET /${name}`)
    }
    if (caching !== undefined) reply.header('cache-control', caching)
    reply.header('x-content-type-options', 'nosniff')
    return sendKept(request, reply, file)
  }
}
