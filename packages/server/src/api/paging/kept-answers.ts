import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http'
import type { KeyScope } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import type { Key } from '../../store/keys/key.ts'
import { callerOf, tokenOf } from '../auth/auth.ts'
import type { RateLimit } from '../auth/rate-limit.ts'
import { mayDo, scopesOf } from '../auth/scopes.ts'
import type { TokenVerifier } from '../auth/token.ts'
import { hasAlready } from '../http/kept-bytes.ts'
import { type NoteAnswer, requestIdOf } from '../http/request-log.ts'
import type { CachedPage, PageCache } from './page-cache.ts'
import { jsonType } from './pieces.ts'

/** Most requests that are remembered, and most letters of what one is remembered by. */
const rememberedMax = 2000
const askedMaxLength = 4096

/**
 * Answers in front of the routes whoever asks once more for a page that is kept. What the routes would do is done all the same: the
 * key of the token is looked up, the page is found by the version of the record, and the request is limited, logged and measured.
 */
export type KeptAnswers = {
  /** Leaves to `routes` what is not remembered, and that of which anything is otherwise now. */
  inFrontOf(routes: RequestListener): RequestListener
  /**
   * Remembers a request whose page was found kept: for routes that any token may call, before they send it.
   * @param name what the page is kept under, which is made of what `askedBy` names, and of nothing else
   */
  remember(request: FastifyRequest, reply: FastifyReply, pages: PageCache, name: string): void
  /** Leaves all to the routes from now on, since the server stops: they tell each caller that its connection closes. */
  stop(): void
}

/** `headers`: those of the hooks that all routes have. */
type Remembered = {
  pages: PageCache
  name: string
  keyId: number
  route: string | undefined
  scopes: KeyScope[]
  headers: OutgoingHttpHeaders
}

export function createKeptAnswers(
  { known, tracing }: Pick<Context, 'known' | 'tracing'>,
  parts: { verifyToken: TokenVerifier; rateLimit: RateLimit; noteAnswer: NoteAnswer },
): KeptAnswers {
  const { verifyToken, rateLimit, noteAnswer } = parts
  const remembered = new Map<string, Remembered>()
  // Where requests are traced, what is done for them lies below the span of each.
  let isLeft = tracing !== undefined

  return {
    inFrontOf: (routes) => async (request, response) => {
      const found = isLeft ? undefined : find(request)
      if (found === undefined || !(await answer(found, request, response))) routes(request, response)
    },
    remember(request, reply, pages, name) {
      const asked = askedBy(request.raw)
      if (isLeft || asked === undefined) return
      const [oldest] = remembered.keys()
      if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest)
      const { url: route } = request.routeOptions
      const { keyId } = callerOf(request).key
      const headers = reply.getHeaders() as OutgoingHttpHeaders
      remembered.set(asked, { pages, name, keyId, route, scopes: scopesOf(request.routeOptions), headers })
    },
    stop() {
      isLeft = true
    },
  }

  /** Undefined also where the page has to be made anew: the routes are to look up its key, which is done once so. */
  function find(request: IncomingMessage): Remembered | undefined {
    const asked = askedBy(request)
    const found = asked === undefined ? undefined : remembered.get(asked)
    return found && pageOf(found) && found
  }

  /** As the record is now; one that is sent in pieces is left to the routes. */
  function pageOf({ pages, name, keyId }: Remembered): CachedPage | undefined {
    const page = pages.get(name, known.versionOf(keyId))
    return page?.pieces.length === 1 ? page : undefined
  }

  /** False where it cannot be answered here. */
  async function answer(found: Remembered, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const startedAt = performance.now()
    const { keyId, route, scopes } = found
    const key = await findKey(request)
    if (key?.keyId !== keyId || !mayDo(key, scopes)) return false
    const page = pageOf(found)
    const rateHeaders = page && rateLimit.takeKey(keyId)
    if (page === undefined || rateHeaders === undefined) return false

    const [piece] = page.pieces
    const requestId = requestIdOf(request)
    const headers = { ...found.headers, 'x-request-id': requestId, ...rateHeaders, etag: page.etag }
    const status = hasAlready(request, page.etag) ? 304 : 200
    response.once('finish', () => {
      const { method = '', url = '' } = request
      noteAnswer({ requestId, method, url, route, status, ms: performance.now() - startedAt, apiKey: key.apiKey })
    })
    if (status === 304) response.writeHead(304, headers).end()
    else {
      const ofPage = { 'content-type': jsonType, 'content-length': piece?.length }
      response.writeHead(200, { ...headers, ...ofPage }).end(piece)
    }
    return true
  }

  /** What a token says stays so: but its key may be disabled by now, or be another's. */
  async function findKey(request: IncomingMessage): Promise<Key | undefined> {
    try {
      return (await verifyToken(tokenOf(request))).key
    } catch {
      // The routes find the same, and say so.
      return undefined
    }
  }
}

/**
 * All that a page is made of beside the record: what was asked for, by whom, and where, which its links are built on. Undefined of
 * what has no token, or is no plain GET.
 */
function askedBy({ method, url, headers, socket }: IncomingMessage): string | undefined {
  const { authorization, host, 'x-forwarded-host': forwardedHost, 'x-forwarded-proto': forwardedProto } = headers
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  if (method !== 'GET' || authorization === undefined || hasBody) return undefined
  // Whether a proxy is believed is a matter of its address.
  const asked = [url, authorization, host, forwardedHost, forwardedProto, socket.remoteAddress].join('\n')
  return asked.length > askedMaxLength ? undefined : asked
}
