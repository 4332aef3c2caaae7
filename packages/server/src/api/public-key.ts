import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { createSigningKey } from '../signing-key.ts'

/** The public half of the key that webhooks are signed with, in PKCS#1 PEM. It takes no token. */
export function publicKeyRoutes(context: Pick<Context, 'reads' | 'writes'>): FastifyPluginAsyncTypebox {
  const signingKey = createSigningKey(context)
  return async (app) => {
    app.get('/v2/public/rsa-public-key', async () => ({ publicKey: (await signingKey()).publicPem }))
  }
}
