import { crc32 } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasAlready } from '../http/kept-bytes.ts'
import { type Made, sendPieces, sizeOf } from './pieces.ts'

/** Most bytes of pages kept; the ones used longest ago go first. */
export const pageCacheMaxBytes = 64 * 1024 * 1024
/** A page that is larger is not kept: it would take the place of a thousand others. */
const pageMaxBytes = 4 * 1024 * 1024
/** Of so many names, and of as many before them, it is known that they were asked for. */
const askedMax = 10_000

export type CachedPage = { pieces: Buffer[]; etag: string }

export type PageCache = {
  /** The page kept under `name`, if nothing was written since: `version` is the one it was kept with. */
  get(name: string, version: number): CachedPage | undefined
  /** Keeps a page whose name was asked for before, of whatever version; of any other it only makes the tag. */
  keep(name: string, version: number, made: Made): CachedPage
}

/**
 * Pages as they were sent. Nothing is invalidated: a page of an older version is simply not found. What is asked for once is not
 * kept: it would take the place of what is asked for again, and to collect bytes that lived for a while costs as much as to make them.
 */
export function createPageCache(maxBytes = pageCacheMaxBytes): PageCache {
  const pages = new Map<string, CachedPage & { version: number }>()
  /** Names that were asked for, as numbers: where two have the same, one is kept a time too early. */
  let [asked, askedBefore] = [new Set<number>(), new Set<number>()]
  let bytes = 0
  const drop = (name: string, { pieces }: CachedPage) => {
    pages.delete(name)
    bytes -= sizeOf(pieces) + name.length
  }
  const wasAsked = (name: string) => {
    const number = crc32(name)
    const isAgain = asked.has(number) || askedBefore.has(number)
    if (asked.size >= askedMax) [asked, askedBefore] = [new Set(), asked]
    asked.add(number)
    return isAgain
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
      if (!wasAsked(name) || size > pageMaxBytes) return page
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
