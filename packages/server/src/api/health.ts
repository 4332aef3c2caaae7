import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Health } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { refusals } from './http/refusals.ts'

const ok: Health = { status: 'ok' }

/** `/livez`: the process answers. `/readyz`: the store does too, and takes facts; 503 otherwise. Neither takes a token. */
export function healthRoutes({
  reads,
  recordingHealth,
  log,
}: Pick<Context, 'reads' | 'recordingHealth' | 'log'>): FastifyPluginAsyncTypebox {
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
      description:
        'It answers 200 as long as the store answers too and takes what is recorded. After something could not be recorded it answers 503 until something can.',
      response: { 200: Health, ...refusals('BUSY') },
    }
    app.get('/readyz', { schema: ready }, async () => {
      try {
        await reads.keys.find('')
      } catch (err) {
        log.error({ err }, 'store not responding')
        throw new Refusal('BUSY', 'The store does not answer')
      }
      if (await recordingHealth.isWell()) return ok
      throw new Refusal('BUSY', 'The store takes nothing')
    })
  }
}
