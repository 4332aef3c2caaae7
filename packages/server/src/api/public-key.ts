import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { createSigningKey } from '../signing-key.ts'
import type { ApiAuth } from './auth.ts'

/** The public half of the key that webhooks are signed with, in PKCS#1 PEM. It takes no token. */
export function publicKeyRoutes(
  context: Pick<Context, 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  const signingKey = createSigningKey(context)
  return async (app) => {
    app.get('/v2/public/rsa-public-key', { onRequest: auth.open }, async () => ({
      publicKey: (await signingKey()).publicPem,
    }))
  }
}
