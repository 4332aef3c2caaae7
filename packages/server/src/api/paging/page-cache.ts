import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasAlready } from '../http/kept-bytes.ts'
import { type Made, sendPieces, sizeOf } from './pieces.ts'

/** Most bytes of pages kept; the ones used longest ago go first. */
export const pageCacheMaxBytes = 64 * 1024 * 1024
/** A page that is larger is not kept: it would take the place of a thousand others. */
const pageMaxBytes = 4 * 1024 * 1024

export type CachedPage = { pieces: Buffer[]; etag: string }

export type PageCache = {
  /** The page kept under `name`, if nothing was written since: `version` is the one it was kept with. */
  get(name: string, version: number): CachedPage | undefined
  keep(name: string, version: number, made: Made): CachedPage
}

/** Pages as they were sent. Nothing is invalidated: a page of an older version is simply not found. */
export function createPageCache(maxBytes = pageCacheMaxBytes): PageCache {
  const pages = new Map<string, CachedPage & { version: number }>()
  let bytes = 0
  const drop = (name: string, { pieces }: CachedPage) => {
    pages.delete(name)
    bytes -= sizeOf(pieces) + name.length
  }
  return {
    get(name, version) {
      const page = pages.get(name)
      if (page === undefined) return undefined
      if (page.version !== version) {
        drop(name, page)
        return undefined
      }
      pages.delete(name)
      pages.set(name, page)
      return page
    },
    keep(name, version, { pieces, etag }) {
      const page = { version, pieces, etag: etag() }
      const old = pages.get(name)
      if (old !== undefined) drop(name, old)
      const size = sizeOf(pieces)
      if (size > pageMaxBytes) return page
      pages.set(name, page)
      bytes += size + name.length
      for (const [oldest, kept] of pages) {
        if (bytes <= maxBytes) break
        drop(oldest, kept)
      }
      return page
    },
  }
}

/** A page whose text is known: 304 where the client has it already. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, { pieces, etag }: CachedPage): FastifyReply {
  reply.header('etag', etag)
  if (hasAlready(request, etag)) return reply.code(304).send()
  return sendPieces(reply, pieces)
}
