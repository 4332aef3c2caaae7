import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

/** Everything that is registered while `start` runs, such as `GET /v2/rooms/:id`, hidden or not; the pages too, if asked. */
export async function collectRoutes(start: () => Promise<unknown>, { pages = true } = {}): Promise<string[]> {
  const routes = new Set<string>()
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url, schema }) => {
      if (!pages && schema?.hide === true && !url.startsWith('/v2/')) return
      // CORS answers every OPTIONS.
      for (const one of [method].flat()) if (one !== 'OPTIONS') routes.add(`${one} ${url}`)
    })
  }
  subscribe('fastify.initialization', listen)
  try {
    await start()
  } finally {
    unsubscribe('fastify.initialization', listen)
  }
  return [...routes].sort()
}
