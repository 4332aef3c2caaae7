import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { SignIn } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { redeemLink } from '../auth/sign-in-link.ts'
import { refusals } from '../http/refusals.ts'
import { linkCodeMaxLength } from '../limits.ts'

const LinkToRedeem = Type.Object({
  code: Type.String({
    minLength: 1,
    maxLength: linkCodeMaxLength,
    description: `a text of 1 to ${linkCodeMaxLength} characters`,
    about: 'What follows `#code=` in the link.',
  }),
})

/** `POST /v2/links/redeem`: the code of a link, once, for a token. */
export function linkRoutes(
  context: Pick<Context, 'reads' | 'writes' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const redeem = {
      operationId: 'redeemLink',
      tags: ['Server'],
      summary: 'Sign in by a link',
      description:
        'Exchanges the code of a link, as `npm start` and `rollcall link` print it, for a token. A code works once, for ten minutes.',
      body: LinkToRedeem,
      response: { 200: SignIn, ...refusals('LINK_NOT_FOUND') },
    }
    app.post('/v2/links/redeem', { onRequest: auth.open, schema: redeem }, async (request) => {
      const signIn = await redeemLink(request.body.code, context)
      if (signIn !== undefined) return signIn
      throw new Refusal('LINK_NOT_FOUND', 'This link was used already, or is too old: `rollcall link` makes another')
    })
  }
}
