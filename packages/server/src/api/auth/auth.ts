import type { IncomingHttpHeaders } from 'node:http'
import { tokenInvalidMessage, tokenMissingMessage } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Logger } from 'pino'
import type { Config } from '../../config.ts'
import { Refusal } from '../../error.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Patience } from '../http/patience.ts'
import { awayMaxMs as usualAwayMaxMs } from '../limits.ts'
import { type Caller, toCaller, whoIsBound } from './caller.ts'
import { readSignInCookie, requireOwnPage } from './cookie.ts'
import type { RateLimit } from './rate-limit.ts'
import { requireScope } from './scopes.ts'
import type { SignIns } from './sign-ins.ts'
import { TokenRefusal, type TokenVerifier } from './token.ts'

/**
 * The hooks of routes, one for each route. After those that take a token `callerOf` gives the caller. Wherever a token is taken, so
 * is the cookie of a browser in which somebody is signed in.
 */
export type ApiAuth = {
  /** For what takes no token. */
  open: onRequestAsyncHookHandler
  /** For the documented routes: any token that may call the API. */
  any: onRequestAsyncHookHandler
  /**
   * For the routes beyond the documented ones: an explicit role `crawler`, and no `roomId`. A token that was made for a
   * browser to join with forges no facts, and reads no other room.
   */
  crawler: onRequestAsyncHookHandler
  /** The same for whoever brings facts, who waits while the store is away. */
  bringer: onRequestAsyncHookHandler
  /** As `crawler`, and for hosts too: the route answers them for their own rooms alone. */
  reports: onRequestAsyncHookHandler
  /** For what users do about themselves: whoever is signed in as one, with any role. */
  user: onRequestAsyncHookHandler
}

export function createApiAuth({
  config,
  verifyToken,
  signIns,
  rateLimit,
  metrics,
  log,
  patience,
  awayMaxMs = usualAwayMaxMs,
}: {
  config: Pick<Config, 'publicUrl'>
  verifyToken: TokenVerifier
  signIns: Pick<SignIns, 'identify'>
  rateLimit: RateLimit
  metrics: Metrics
  log: Logger
  patience: Patience
  awayMaxMs?: number | undefined
}): ApiAuth {
  return {
    async open(request, reply) {
      rateLimit.countAddress(request.ip, reply)
    },
    async any(request, reply) {
      request.setDecorator<Caller>('caller', await identifyApiCaller(request, reply))
    },
    async crawler(request, reply) {
      request.setDecorator<Caller>('caller', await identifyCrawler(request, reply))
    },
    async reports(request, reply) {
      const caller = await identifyApiCaller(request, reply)
      request.setDecorator<Caller>('caller', caller.user === undefined ? requireCrawler(caller) : caller)
    },
    async bringer(request, reply) {
      request.setDecorator<Caller>('caller', await patience(awayMaxMs, () => identifyCrawler(request, reply)))
    },
    async user(request, reply) {
      const caller = await identify(request, reply)
      rateLimit.countKey(caller.key.keyId, reply)
      if (caller.user === undefined) throw new Refusal('FORBIDDEN', 'This is for users, who sign in with a name')
      request.setDecorator<Caller>('caller', caller)
    },
  }

  async function identifyCrawler(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    return requireCrawler(await identifyApiCaller(request, reply))
  }

  function requireCrawler(caller: Caller): Caller {
    if (!caller.explicitRoles) {
      throw new Refusal('FORBIDDEN', 'This token names no roles: this route takes one that names crawler')
    }
    if (caller.roomIds === undefined) return caller
    throw new Refusal('FORBIDDEN', `${whoIsBound(caller)}: this route is for who sees all rooms`)
  }

  async function identifyApiCaller(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const caller = await identify(request, reply)
    rateLimit.countKey(caller.key.keyId, reply)
    requireScope(caller, request)
    if (caller.roles.has('crawler')) return caller
    throw new Refusal('FORBIDDEN', 'This token may join rooms, not call the API: its roles lack crawler')
  }

  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const token = tokenOf(request)
    const cookie = token === '' ? readSignInCookie(request) : undefined
    if (cookie !== undefined) return identifyBrowser(cookie, request, reply)
    if (token === '') {
      metrics.noteTokenRefused('missing')
      rateLimit.countAddress(request.ip, reply)
      throw new Refusal('TOKEN_MISSING', tokenMissingMessage)
    }
    try {
      return toCaller(await verifyToken(token))
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      log.debug({ requestId: request.id, why: error.message }, 'token refused')
      metrics.noteTokenRefused(error.reason)
      rateLimit.countAddress(request.ip, reply)
      throw new Refusal('TOKEN_INVALID', tokenInvalidMessage, `${tokenInvalidMessage}: ${error.message}`)
    }
  }

  async function identifyBrowser(cookie: string, request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    requireOwnPage(request, config)
    const caller = await signIns.identify(cookie)
    if (caller !== undefined) return caller
    metrics.noteTokenRefused('token')
    rateLimit.countAddress(request.ip, reply)
    throw new Refusal('TOKEN_INVALID', tokenInvalidMessage, `${tokenInvalidMessage}: sign in again`)
  }
}

/** The token as it came, without the prefix that some put before it; empty where none came. */
export function tokenOf({ headers }: { headers: IncomingHttpHeaders }): string {
  return headers.authorization?.trim().replace(/^Bearer(\s+|$)/i, '') ?? ''
}

export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>('caller')
}
