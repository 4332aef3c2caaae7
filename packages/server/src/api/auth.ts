import { tokenInvalidMessage, tokenMissingMessage } from '@rollcall/protocol'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { Refusal } from '../error.ts'
import { TokenRefusal, type TokenVerifier, type Verified } from '../token.ts'

/** Who calls: what their token says. */
export type Caller = Verified

/** The hooks for routes that take a token: one of them a route. Then `callerOf` tells who it is. */
export type ApiAuth = {
  /** For the documented routes: any token that may call the API. */
  any: onRequestAsyncHookHandler
  /**
   * For the routes beyond the documented ones: an explicit role `crawler`, and no `roomId`. A token that was made for a
   * browser to join with forges no facts, and reads no other room.
   */
  crawler: onRequestAsyncHookHandler
}

export function createApiAuth(verifyToken: TokenVerifier, log: Logger): ApiAuth {
  return {
    async any(request) {
      request.setDecorator<Caller>('caller', await identifyApiCaller(request))
    },
    async crawler(request) {
      const caller = await identifyApiCaller(request)
      if (!caller.explicitRoles) {
        throw new Refusal('FORBIDDEN', 'This token names no roles: this route takes one that names crawler')
      }
      if (caller.roomId !== undefined) {
        throw new Refusal(
          'FORBIDDEN',
          `This token is bound to room ${caller.roomId}: this route takes one that is bound to none`,
        )
      }
      request.setDecorator<Caller>('caller', caller)
    },
  }

  async function identifyApiCaller(request: FastifyRequest): Promise<Caller> {
    const caller = await identify(request)
    if (caller.roles.has('crawler')) return caller
    throw new Refusal('FORBIDDEN', 'This token may join rooms, not call the API: its roles lack crawler')
  }

  async function identify(request: FastifyRequest): Promise<Caller> {
    const token = request.headers.authorization?.trim().replace(/^Bearer(\s+|$)/i, '')
    if (token === undefined || token === '') throw new Refusal('TOKEN_MISSING', tokenMissingMessage)
    try {
      return await verifyToken(token)
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      log.debug({ requestId: request.id, why: error.message }, 'token refused')
      throw new Refusal('TOKEN_INVALID', tokenInvalidMessage)
    }
  }
}

export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>('caller')
}

/** A token that is bound to a room sees that room alone. */
export function maySee(caller: Caller, roomId: string): boolean {
  return caller.roomId === undefined || caller.roomId === roomId
}
