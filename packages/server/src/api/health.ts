import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'

/** `/livez`: the process answers. `/readyz`: the store does too; 503 otherwise. Neither takes a token. */
export function healthRoutes({ reads, log }: Pick<Context, 'reads' | 'log'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/livez', async () => ({ status: 'ok' }))

    app.get('/readyz', async () => {
      try {
        await reads.findKey('')
      } catch (err) {
        log.error({ err }, 'the store does not answer')
        throw new Refusal('BUSY', 'The store does not answer')
      }
      return { status: 'ok' }
    })
  }
}
