import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { readState, stateNumbers, writeExport } from '../../store/copies/export.ts'
import { openSnapshot } from '../../store/copies/kept-tables.ts'
import { type Key, ownerOf } from '../../store/keys/key.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { exportsMax } from '../limits.ts'

const ExportQuery = Type.Object(
  {
    state: Type.Optional(
      Type.String({
        pattern: `^\\d+(\\.\\d+){${stateNumbers - 1}}$`,
        description: 'the state of a manifest, as it came',
        about: 'Goes on with an export that was broken off; where anything was recorded since, it is refused.',
      }),
    ),
    after: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'a whole number from 0',
        about: 'How many lines of that export there are already.',
      }),
    ),
  },
  { additionalProperties: false },
)

const ndjson = 'application/x-ndjson'
const schema = {
  operationId: 'exportRecord',
  audited: true,
  tags: ['Reports'],
  summary: 'Export everything',
  description:
    'All that is recorded under the key, as it is at one moment, a line of JSON each: first a manifest, then the rows of each table, and at the end how many there are of each, with the SHA-256 of their lines. Rollcall’s own: VideoSDK has no such call.',
  querystring: ExportQuery,
  response: {
    200: {
      description: 'The manifest, the rows, and the end.',
      content: { [ndjson]: { schema: Type.String({ description: 'A line a row, as JSON.' }) } },
    },
    ...refusals('CONFLICT', 'BUSY'),
  },
}

/** `GET /v2/export`: sent as it is read, from a connection of its own that sees one moment. */
export function exportRoutes(
  { config, log }: Pick<Context, 'config' | 'log'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  let open = 0
  return async (app) => {
    app.get('/v2/export', { onRequest: auth.crawler, schema }, async (request, reply) => {
      const { state, after = 0 } = request.query
      if (request.method === 'HEAD') return sendLines(reply, new PassThrough().end())
      if (open >= exportsMax) throw new Refusal('BUSY', `${exportsMax} exports are being read: try again later`)
      const { key } = callerOf(request)
      const snapshot = openSnapshot(config)
      open += 1
      const out = new PassThrough()
      const begun = Promise.withResolvers<void>()
      const done = snapshot.read(async (db) => {
        const now = await readState(db, key.keyId)
        if (state !== undefined && state !== now) {
          throw new Refusal('CONFLICT', `The record is not what it was at ${state}: begin the export again`)
        }
        begun.resolve()
        let line = 0
        for await (const lines of writeExport(db, pick(ownerOf(key)))) {
          const wanted = lines.slice(Math.max(0, after - line)).join('')
          line += lines.length
          if (out.destroyed) return
          if (wanted !== '' && !out.write(wanted)) await Promise.race([once(out, 'drain'), once(out, 'close')])
        }
        out.end()
      })
      done
        .catch((err: Error) => {
          begun.reject(err)
          // Before the answer begins nobody listens to it.
          out.destroy(out.readableDidRead ? err : undefined)
          if (!(err instanceof Refusal)) log.error({ requestId: request.id, err }, 'export failed')
        })
        .finally(() => {
          open -= 1
          return snapshot.close()
        })
      await begun.promise
      return sendLines(reply, out)
    })
  }
}

function pick({ keyId, apiKey, userId, name }: Key) {
  return { keyId, apiKey, userId, name }
}

function sendLines(reply: FastifyReply, out: PassThrough): FastifyReply {
  reply.type(`${ndjson}; charset=utf-8`).header('content-disposition', 'attachment; filename="rollcall.ndjson"')
  return reply.send(out)
}
