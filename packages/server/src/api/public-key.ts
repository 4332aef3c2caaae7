import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { PublicKey } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { createSigningKey } from '../webhooks/signing-key.ts'
import type { ApiAuth } from './auth/auth.ts'
import { refusals } from './http/refusals.ts'

/** The public half of the key that webhooks are signed with, in PKCS#1 PEM. It takes no token. */
export function publicKeyRoutes(
  context: Pick<Context, 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  const signingKey = createSigningKey(context)
  return async (app) => {
    const schema = {
      operationId: 'getPublicKey',
      tags: ['Webhooks'],
      summary: 'Get the public key',
      description: 'The key that the `videosdk-signature` of a webhook is checked with. It stays the same.',
      response: { 200: PublicKey, ...refusals('BUSY') },
    }
    app.get('/v2/public/rsa-public-key', { onRequest: auth.open, schema }, async () => ({
      publicKey: (await signingKey()).publicPem,
    }))
  }
}
