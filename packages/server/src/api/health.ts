import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Health } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { refusals } from './http/refusals.ts'

const ok: Health = { status: 'ok' }

/** `/livez`: the process answers. `/readyz`: the store does too; 503 otherwise. Neither takes a token. */
export function healthRoutes({ reads, log }: Pick<Context, 'reads' | 'log'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    const live = {
      operationId: 'getLiveness',
      tags: ['Server'],
      summary: 'Is the process alive?',
      description: 'It answers as long as the process does.',
      response: { 200: Health },
    }
    app.get('/livez', { schema: live }, async () => ok)

    const ready = {
      operationId: 'getReadiness',
      tags: ['Server'],
      summary: 'Is the server ready?',
      description: 'It answers 200 as long as the store does too.',
      response: { 200: Health, ...refusals('BUSY') },
    }
    app.get('/readyz', { schema: ready }, async () => {
      try {
        await reads.keys.find('')
      } catch (err) {
        log.error({ err }, 'store not responding')
        throw new Refusal('BUSY', 'The store does not answer')
      }
      return ok
    })
  }
}
