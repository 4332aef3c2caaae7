import { PassThrough } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { turns } from '../../runtime/turns.ts'
import { readState, stateNumbers, writeExport } from '../../store/copies/export.ts'
import { openSnapshot } from '../../store/copies/kept-tables.ts'
import type { Database } from '../../store/database/database.ts'
import { type Key, ownerOf } from '../../store/keys/key.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { refusals } from '../http/refusals.ts'
import { exportsMax } from '../limits.ts'
import { type RecordTable, recordTables, writeRecordTable } from './record-tables.ts'

const ExportQuery = Type.Object(
  {
    state: Type.Optional(
      Type.String({
        pattern: `^\\d+(\\.\\d+){${stateNumbers - 1}}$`,
        description: 'the state of a manifest, as it came',
        about: 'Goes on with an export that was broken off; where anything was recorded since, it is refused.',
      }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('ndjson'), Type.Literal('parquet')], {
        description: 'ndjson or parquet',
        about: 'Everything as lines of JSON, which is so without it, or one table as a Parquet file.',
      }),
    ),
    table: Type.Optional(
      Type.Union(
        recordTables.map((table) => Type.Literal(table)),
        { description: recordTables.join(', '), about: 'Which table, with `format=parquet`.' },
      ),
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

type ExportQuery = Type.Static<typeof ExportQuery>

const ndjson = 'application/x-ndjson'
const parquet = 'application/vnd.apache.parquet'
const schema = {
  operationId: 'exportRecord',
  audited: true,
  tags: ['Reports'],
  summary: 'Export everything',
  description:
    'All that is recorded under the key, as it is at one moment, a line of JSON each: first a manifest, then the rows of each table, and at the end how many there are of each, with the SHA-256 of their lines. Or, `format=parquet`, who was inside from when to when as a table that DuckDB and others ask. Rollcall’s own: VideoSDK has no such call.',
  querystring: ExportQuery,
  response: {
    200: {
      description: 'The manifest, the rows, and the end; or a table.',
      content: {
        [ndjson]: { schema: Type.String({ description: 'A line a row, as JSON.' }) },
        [parquet]: { schema: Type.String({ format: 'binary', description: 'A Parquet file.' }) },
      },
    },
    ...refusals('CONFLICT', 'BUSY'),
  },
}

/** `GET /v2/export`: sent as it is read, from a connection of its own that sees one moment. */
export function exportRoutes(
  { config, log, clock }: Pick<Context, 'config' | 'log' | 'clock'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  let open = 0
  return async (app) => {
    app.get('/v2/export', { onRequest: auth.crawler, schema }, async (request, reply) => {
      const { state } = request.query
      const table = readTable(request.query)
      if (request.method === 'HEAD') return sendFile(reply, table, new PassThrough().end())
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
        const chunks =
          table === undefined
            ? linesOf(db, key, request.query.after ?? 0)
            : writeRecordTable(db, key.keyId, table, clock.now())
        for await (const chunk of chunks) {
          if (out.destroyed) return
          if (!out.write(chunk)) await untilTaken(out)
          // A file is read at once, and whoever reads fast leaves no turn of the loop to others.
          await turns.next(key.keyId, snapshot)
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
      return sendFile(reply, table, out)
    })
  }
}

/** Or until nobody takes it any more. */
function untilTaken(out: PassThrough): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => {
    out.off('drain', done)
    out.off('close', done)
    resolve()
  }
  out.on('drain', done)
  out.on('close', done)
  return promise
}

/** Undefined: it is not one table that is asked for. */
function readTable({ format, table, state, after }: ExportQuery): RecordTable | undefined {
  if (format !== 'parquet') {
    if (table === undefined) return undefined
    throw new Refusal('BAD_REQUEST', 'table is taken with format=parquet alone')
  }
  if (state !== undefined || after !== undefined) {
    throw new Refusal('BAD_REQUEST', 'state and after go on with lines of JSON: a Parquet file is asked for whole')
  }
  if (table !== undefined) return table
  throw new Refusal('BAD_REQUEST', `table is missing: with format=parquet it takes ${recordTables.join(', ')}`)
}

/** Those after so many that are there already. */
async function* linesOf(db: Database, key: Key, after: number): AsyncGenerator<string> {
  let line = 0
  for await (const lines of writeExport(db, pick(ownerOf(key)))) {
    const wanted = lines.slice(Math.max(0, after - line)).join('')
    line += lines.length
    if (wanted !== '') yield wanted
  }
}

function pick({ keyId, apiKey, userId, name }: Key) {
  return { keyId, apiKey, userId, name }
}

function sendFile(reply: FastifyReply, table: RecordTable | undefined, out: PassThrough): FastifyReply {
  const [type, name] =
    table === undefined ? [`${ndjson}; charset=utf-8`, 'rollcall.ndjson'] : [parquet, `${table}.parquet`]
  reply.type(type).header('content-disposition', `attachment; filename="${name}"`)
  return reply.send(out)
}
