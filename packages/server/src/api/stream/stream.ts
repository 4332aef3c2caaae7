import { PassThrough } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type NumberedChange, StreamedChange, type StreamReset, toIso, tokenInvalidMessage } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { type ApiAuth, callerOf, tokenOf } from '../auth/auth.ts'
import { TokenRefusal, type TokenVerifier } from '../auth/token.ts'
import { requireParticipants, requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import type { FeedLimits } from './limits.ts'
import type { Tails } from './tail.ts'

const seqTakes = 'the number of a change: a whole number from 0'
const StreamQuery = Type.Object({
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: seqTakes,
      about:
        'Changes after this one; 0 is all that are kept. Without it, those that come from now on. A `Last-Event-ID` header goes before it.',
    }),
  ),
  roomId: Type.Optional(Type.String({ description: 'a roomId, customRoomId or id', about: 'Of this room alone.' })),
  sessionId: Type.Optional(Type.String({ description: 'one exact id', about: 'Of this session alone.' })),
})
type StreamQuery = Type.Static<typeof StreamQuery>

const eventStream = 'text/event-stream'

type Filter = (change: NumberedChange) => boolean

type OpenStream = {
  out: PassThrough
  token: string
  /** The last change that was looked at, whether it was sent or not. */
  seq: number
  /** By the clock that only goes forward, in milliseconds. */
  writtenAt: number
}

/** `GET /v2/stream`: the changes of a key as they are recorded, as Server-Sent Events. */
export function streamRoutes(
  { reads, log }: Pick<Context, 'reads' | 'log'>,
  {
    auth,
    tails,
    verifyToken,
    limits,
  }: { auth: ApiAuth; tails: Tails; verifyToken: TokenVerifier; limits: Omit<FeedLimits, 'pollMs'> },
): FastifyPluginAsyncTypebox {
  const streams = new Set<OpenStream>()

  return async (app) => {
    const heart = setInterval(beat, Math.min(limits.heartbeatMs, limits.tokenCheckMs))
    heart.unref()
    app.addHook('preClose', async () => {
      clearInterval(heart)
      for (const { out } of streams) out.end()
    })

    const stream = {
      operationId: 'streamChanges',
      tags: ['Events'],
      summary: 'Follow what changes',
      description:
        'Every change, in order, as Server-Sent Events: the `data` of a message is the change as JSON, its `id` the number to go on after. Where that number is not in the log any more, an event `reset` says after which one it goes on. An event `closed` says that the token is no longer good. Rollcall’s own: VideoSDK has no such call.',
      querystring: StreamQuery,
      response: {
        200: {
          description: 'A stream without an end: what is described is the `data` of one message.',
          content: { [eventStream]: { schema: StreamedChange } },
        },
        ...refusals('ROOM_NOT_FOUND', 'SESSION_NOT_FOUND'),
      },
    }
    const options = { onRequest: auth.crawler, schema: stream, exposeHeadRoute: false }
    app.get('/v2/stream', options, async (request, reply) => {
      const isWanted = await readFilter(request)
      const { first, last } = await reads.changes.range(callerOf(request).key.keyId)
      const asked = readLastEventId(request) ?? request.query.after
      const reset = asked === undefined ? undefined : findReset(asked, first, last)
      return open(request, reply, { seq: reset?.seq ?? asked ?? last, reset, isWanted })
    })
  }

  function open(
    request: FastifyRequest,
    reply: FastifyReply,
    { seq, reset, isWanted }: { seq: number; reset: StreamReset | undefined; isWanted: Filter },
  ): FastifyReply {
    const out = new PassThrough()
    // With the place where it begins: whoever loses the connection before the first change goes on there.
    out.write(`retry: ${retryMs}\nid: ${seq}\n${reset === undefined ? '' : toReset(reset)}\n`)
    const stream = { out, token: tokenOf(request), seq, writtenAt: performance.now() }
    send(callerOf(request).key.keyId, stream, isWanted).catch((err) => {
      log.error({ requestId: request.id, err }, 'a stream of changes broke off')
      out.destroy()
    })
    // What stands between is told not to hold anything back.
    reply.type(eventStream).header('cache-control', 'no-store').header('x-accel-buffering', 'no')
    return reply.send(out)
  }

  /** Writes a page after the other, the next when the last was taken, until either side closes. */
  async function send(keyId: number, stream: OpenStream, isWanted: Filter): Promise<void> {
    const { out } = stream
    const closed = new AbortController()
    out.once('close', () => closed.abort())
    out.once('finish', () => closed.abort())
    streams.add(stream)
    try {
      for await (const page of tails.follow(keyId, stream.seq, closed.signal)) {
        const text = page.filter(isWanted).map(toMessage).join('')
        stream.seq = page.at(-1)?.seq ?? stream.seq
        if (text !== '' && !write(stream, text)) await taken(out)
      }
    } finally {
      streams.delete(stream)
    }
  }

  /** Whoever is too slow is cut off: with the number of the last change that it got it goes on later. */
  function taken(out: PassThrough): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const stalled = setTimeout(() => out.destroy(), limits.stallMs)
    const done = () => {
      clearTimeout(stalled)
      resolve()
    }
    out.once('drain', done)
    out.once('close', done)
    return promise
  }

  /** Looks after all streams at once. */
  function beat(): void {
    for (const stream of streams) {
      verifyToken(stream.token).catch((error) => {
        if (error instanceof TokenRefusal) stream.out.end(toClosed())
        else log.error({ err: error }, 'a stream’s token could not be looked at; the next look tries again')
      })
      const quietMs = performance.now() - stream.writtenAt
      // An id without data moves the reader's place past what it did not ask for, and is no message.
      if (quietMs >= limits.heartbeatMs && !stream.out.writableNeedDrain) write(stream, `: \nid: ${stream.seq}\n\n`)
    }
  }

  async function readFilter(request: FastifyRequest<{ Querystring: StreamQuery }>): Promise<Filter> {
    const caller = callerOf(request)
    const { roomId: anyId, sessionId } = request.query
    const roomId = anyId === undefined ? undefined : (await requireRoom(reads, caller, anyId)).roomId
    if (sessionId !== undefined) await requireParticipants(reads, caller, sessionId, { page: 1, perPage: 1 })
    return (change) =>
      (roomId === undefined || change.roomId === roomId) && (sessionId === undefined || change.sessionId === sessionId)
  }
}

/** How long a browser waits before it comes back, in milliseconds. */
const retryMs = 2000

function write(stream: OpenStream, text: string): boolean {
  stream.writtenAt = performance.now()
  return stream.out.write(text)
}

function readLastEventId({ headers }: FastifyRequest): number | undefined {
  const text = headers['last-event-id']
  if (text === undefined || text === '') return undefined
  const seq = typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(seq)) return seq
  throw new Refusal('BAD_REQUEST', `Last-Event-ID=${quote(text)} is not understood: it takes ${seqTakes}`)
}

function findReset(asked: number, first: number, last: number): StreamReset | undefined {
  if (asked > last) return { seq: last, reason: `there is no change ${asked} yet: the last one is ${last}` }
  if (asked + 1 >= first) return undefined
  return { seq: first - 1, reason: `the changes from ${asked + 1} to ${first - 1} are not kept any more` }
}

function toReset(reset: StreamReset): string {
  return `event: reset\ndata: ${JSON.stringify(reset)}\n`
}

function toClosed(): string {
  return `event: closed\ndata: ${JSON.stringify({ code: 'TOKEN_INVALID', error: tokenInvalidMessage })}\n\n`
}

function toMessage({ seq, type, sessionId, roomId, at, participantId, name, reason }: NumberedChange): string {
  const data: StreamedChange = {
    seq,
    type,
    sessionId,
    roomId,
    at: toIso(at),
    ...(participantId !== undefined && { participantId }),
    ...(name !== undefined && { name }),
    ...(reason !== undefined && { reason }),
  }
  return `id: ${seq}\ndata: ${JSON.stringify(data)}\n\n`
}
