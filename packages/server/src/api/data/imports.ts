import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { customRoomIdMaxLength, ImportStep, importFormats } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { dateOrders } from '../../imports/format.ts'
import { type ReadFile, recordImport, toFailure } from '../../imports/imports.ts'
import { readOnThread } from '../../imports/reading.ts'
import { createFairPool } from '../../runtime/fair-pool.ts'
import { turns } from '../../runtime/turns.ts'
import type { Backpressure } from '../../sources/backpressure.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { importMaxBytes, importMaxWaitMs, importsMax } from '../limits.ts'

const ImportQuery = Type.Object(
  {
    format: Type.Union(
      importFormats.map((name) => Type.Literal(name)),
      { description: `one of ${importFormats.join(', ')}`, about: 'Whose file it is.' },
    ),
    room: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: customRoomIdMaxLength,
        description: `a text of 1 to ${customRoomIdMaxLength} characters`,
        about: 'The room, where the file names none.',
      }),
    ),
    tz: Type.Optional(
      Type.String({ description: 'a time zone such as Europe/Berlin', about: 'That of times which name none.' }),
    ),
    dateOrder: Type.Optional(
      Type.Union(
        dateOrders.map((name) => Type.Literal(name)),
        { description: 'dmy or mdy', about: 'What 03/04/2026 is, where no date of the file shows it.' },
      ),
    ),
    date: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
        description: 'a day such as 2026-03-01',
        about: 'That of times which name none.',
      }),
    ),
    merged: Type.Optional(
      Type.Boolean({
        description: 'true or false',
        about: 'Takes a row that adds up somebody’s stays as one stay, marked so in `metadata`.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** Lines that are sent in one turn of the event loop. */
const linesTogether = 500

const ndjson = 'application/x-ndjson'
const schema = {
  operationId: 'importFile',
  scopes: scopes('ingest'),
  tags: ['Reports'],
  summary: 'Import a file',
  description:
    'What another system recorded: the body is its file as it is. The answer is a line of JSON for each place that was not taken, and why, for how far it is, and at the end what became of it. Facts are known by their content: the same file again changes nothing, and goes on where one before ended in the middle. Rollcall’s own: VideoSDK has no such call.',
  querystring: ImportQuery,
  response: {
    200: { description: 'A step a line, the last of them the report.', content: { [ndjson]: { schema: ImportStep } } },
  },
}

/** `POST /v2/imports`: a file in, and line by line what becomes of it. */
export function importRoutes(
  context: Pick<Context, 'known' | 'record' | 'clock' | 'log'>,
  { auth, backpressure }: { auth: ApiAuth; backpressure: Backpressure },
): FastifyPluginAsyncTypebox {
  const { clock, log } = context
  const record: Context['record'] = (...facts) =>
    backpressure.retryWhileBusy(importMaxWaitMs, () => context.record(...facts))
  return async (app) => {
    // Whatever its type is said to be: the format says how to read it.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => body)
    const imports = createFairPool(importsMax)
    /** Before the file is read. */
    const preParsing = async (request: FastifyRequest, reply: FastifyReply) => {
      const { keyId } = callerOf(request).key
      if (!imports.take(keyId)) throw new Refusal('BUSY', 'Other imports are under way: try again later')
      reply.raw.once('close', () => imports.release(keyId))
    }
    const options = { onRequest: auth.crawler, preParsing, bodyLimit: importMaxBytes, schema }
    app.post('/v2/imports', options, async (request, reply) => {
      const { format, ...given } = request.query
      if (!Buffer.isBuffer(request.body)) throw new Refusal('BAD_REQUEST', 'The body is empty: it takes a file')
      const { keyId } = callerOf(request).key
      const file = await readOnThread({ bytes: request.body, format, options: given, now: clock.now() }, leftBy(reply))
      return sendLines(reply, tell(keyId, file, request.id))
    })
  }

  /** The answer has begun: what goes wrong from here on is told in it. */
  async function* tell(keyId: number, file: ReadFile, requestId: string) {
    const lines: string[] = []
    try {
      for await (const step of recordImport({ ...context, record }, keyId, file)) {
        lines.push(toLine(step))
        if (step.type === 'untaken' && lines.length < linesTogether) continue
        yield lines.splice(0).join('')
        await turns.next(keyId, lines)
      }
    } catch (err) {
      if (!(err instanceof Refusal)) log.error({ requestId, err }, 'import failed')
      yield [...lines, toLine(toFailure(err))].join('')
    }
  }
}

/** When the answer is sent, or nobody waits for it any more. */
function leftBy(reply: FastifyReply): AbortSignal {
  const left = new AbortController()
  const leave = () => left.abort(new Refusal('BUSY', 'Nobody waits for this answer any more'))
  if (reply.raw.closed) leave()
  else reply.raw.once('close', leave)
  return left.signal
}

function sendLines(reply: FastifyReply, lines: AsyncIterable<string>): FastifyReply {
  // `x-accel-buffering` keeps proxies from holding back how far it is.
  reply.type(`${ndjson}; charset=utf-8`).header('x-accel-buffering', 'no')
  return reply.send(Readable.from(lines))
}

function toLine(step: ImportStep): string {
  return `${JSON.stringify(step)}\n`
}
