import { tokenInvalidMessage, tokenMissingMessage } from '@rollcall/protocol'
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Logger } from 'pino'
import { Refusal } from '../error.ts'
import { TokenRefusal, type TokenVerifier, type Verified } from '../token.ts'

/** Who calls: what their token says. */
export type Caller = Verified

/** The hook for every route that takes a token for the API. Then `callerOf` tells who it is. */
export function createApiAuth(verifyToken: TokenVerifier, log: Logger): onRequestAsyncHookHandler {
  return async (request) => {
    const caller = await identify(request)
    if (!caller.roles.has('crawler')) {
      throw new Refusal('FORBIDDEN', 'This token may join rooms, not call the API: its roles lack crawler')
    }
    request.setDecorator<Caller>('caller', caller)
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
