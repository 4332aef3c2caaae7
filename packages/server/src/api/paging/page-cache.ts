import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Most bytes of pages kept; the ones used longest ago go first. */
export const pageCacheMaxBytes = 64 * 1024 * 1024
/** A page that is larger is not kept: it would take the place of a thousand others. */
const pageMaxBytes = 4 * 1024 * 1024

export type CachedPage = { body: Buffer; etag: string }

export type PageCache = {
  /** The page kept under `name`, if nothing was written since: `version` is the one it was kept with. */
  get(name: string, version: number): CachedPage | undefined
  keep(name: string, version: number, text: string): CachedPage
}

/** Pages as they were sent. Nothing is invalidated: a page of an older version is simply not found. */
export function createPageCache(maxBytes = pageCacheMaxBytes): PageCache {
  const pages = new Map<string, CachedPage & { version: number }>()
  let bytes = 0
  const drop = (name: string, body: Buffer) => {
    pages.delete(name)
    bytes -= body.length + name.length
  }
  return {
    get(name, version) {
      const page = pages.get(name)
      if (page === undefined) return undefined
      if (page.version !== version) {
        drop(name, page.body)
        return undefined
      }
      pages.delete(name)
      pages.set(name, page)
      return page
    },
    keep(name, version, text) {
      const body = Buffer.from(text)
      const page = { version, body, etag: `"${hash('sha256', body, 'base64url').slice(0, 27)}"` }
      const old = pages.get(name)
      if (old !== undefined) drop(name, old.body)
      if (body.length > pageMaxBytes) return page
      pages.set(name, page)
      bytes += body.length + name.length
      for (const [oldest, { body }] of pages) {
        if (bytes <= maxBytes) break
        drop(oldest, body)
      }
      return page
    },
  }
}

/** A page whose text is known: 304 where the client has it already. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, { body, etag }: CachedPage): FastifyReply {
  reply.header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return sendJson(reply, body)
}

/** JSON that was made already. */
export function sendJson(reply: FastifyReply, json: Buffer | string): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(json)
}
