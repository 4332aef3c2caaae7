import { tokenInvalidMessage, tokenMissingMessage } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { Refusal } from '../../error.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import type { Patience } from '../http/patience.ts'
import { awayMaxMs as usualAwayMaxMs } from '../limits.ts'
import type { RateLimit } from './rate-limit.ts'
import { requireScope } from './scopes.ts'
import { TokenRefusal, type TokenVerifier, type Verified } from './token.ts'

/** Who calls: what their token says. */
export type Caller = Verified

/** The hooks of routes, one for each route. After those that take a token `callerOf` gives the caller. */
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
}

export function createApiAuth({
  verifyToken,
  rateLimit,
  metrics,
  log,
  patience,
  awayMaxMs = usualAwayMaxMs,
}: {
  verifyToken: TokenVerifier
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
    async bringer(request, reply) {
      request.setDecorator<Caller>('caller', await patience(awayMaxMs, () => identifyCrawler(request, reply)))
    },
  }

  async function identifyCrawler(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const caller = await identifyApiCaller(request, reply)
    if (!caller.explicitRoles) {
      throw new Refusal('FORBIDDEN', 'This token names no roles: this route takes one that names crawler')
    }
    if (caller.roomId === undefined) return caller
    throw new Refusal(
      'FORBIDDEN',
      `This token is bound to room ${caller.roomId}: this route takes one that is bound to none`,
    )
  }

  async function identifyApiCaller(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const caller = await identify(request, reply)
    rateLimit.countKey(caller.key.keyId, reply)
    requireScope(caller.key, request)
    if (caller.roles.has('crawler')) return caller
    throw new Refusal('FORBIDDEN', 'This token may join rooms, not call the API: its roles lack crawler')
  }

  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<Caller> {
    const token = tokenOf(request)
    if (token === '') {
      metrics.noteTokenRefused('missing')
      rateLimit.countAddress(request.ip, reply)
      throw new Refusal('TOKEN_MISSING', tokenMissingMessage)
    }
    try {
      return await verifyToken(token)
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      log.debug({ requestId: request.id, why: error.message }, 'token refused')
      metrics.noteTokenRefused(error.reason)
      rateLimit.countAddress(request.ip, reply)
      throw new Refusal('TOKEN_INVALID', tokenInvalidMessage, `${tokenInvalidMessage}: ${error.message}`)
    }
  }
}

/** The token as it came, without the prefix that some put before it; empty where none came. */
export function tokenOf({ headers }: FastifyRequest): string {
  return headers.authorization?.trim().replace(/^Bearer(\s+|$)/i, '') ?? ''
}

export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>('caller')
}

/** A token that is bound to a room sees that room alone. */
export function maySee(caller: Caller, roomId: string): boolean {
  return caller.roomId === undefined || caller.roomId === roomId
}
