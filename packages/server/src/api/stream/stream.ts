import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { StreamedChange, type StreamReset, toIso } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { type ApiAuth, callerOf, tokenOf } from '../auth/auth.ts'
import { readCookie } from '../auth/cookie.ts'
import { scopes } from '../auth/scopes.ts'
import type { SignIns } from '../auth/sign-ins.ts'
import { TokenRefusal, type TokenVerifier } from '../auth/token.ts'
import { requireParticipants, requireRoom } from '../find.ts'
import { refusals } from '../http/refusals.ts'
import type { Stream } from './feed.ts'
import type { FeedLimits } from './limits.ts'
import { asStream, createOpenStreams } from './open-streams.ts'
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

const StreamCookie = Type.Object({
  path: Type.String({ description: 'What EventSource takes, on the same host.' }),
  expiresAt: Type.Optional(
    Type.String({ description: 'When the token expires, and the cookie with it; absent where it does not.' }),
  ),
})

const schema = {
  operationId: 'streamChanges',
  tags: ['Events'],
  summary: 'Follow what changes',
  description:
    'Every change, in order, as Server-Sent Events: the `data` of a message is the change as JSON, its `id` the number to go on after. Where that number is not in the log any more, an event `reset` says after which one it goes on. An event `closed` says that the token is no longer good. Rollcall’s own: VideoSDK has no such call.',
  querystring: StreamQuery,
  response: {
    200: {
      description: 'A stream without an end: what is described is the `data` of one message.',
      content: { 'text/event-stream': { schema: StreamedChange } },
    },
    ...refusals('ROOM_NOT_FOUND', 'SESSION_NOT_FOUND'),
  },
}

const cookieName = 'rollcall-stream'

const cookieSchema = {
  operationId: 'createStreamCookie',
  scopes: scopes('read'),
  audited: false,
  tags: ['Events'],
  summary: 'Open the stream to an EventSource',
  description:
    'A browser’s `EventSource` can send no header, and a token in an address ends up in logs. This keeps the token of the call in a cookie that `GET /v2/stream` alone is sent, by pages of the same site, and that no script reads: `new EventSource(path)` then follows. It is gone when the token expires.',
  response: { 200: StreamCookie },
}

/** What a stream of a browser is known by, in place of a token: whose record it follows, and the sign-in. */
const ofBrowser = /^sign-in (\d+) (.+)$/

/** `GET /v2/stream`: the changes of a key as they are recorded, as Server-Sent Events. */
export function streamRoutes(
  { config, clock, reads, log }: Pick<Context, 'config' | 'clock' | 'reads' | 'log'>,
  {
    auth,
    tails,
    verifyToken,
    signIns,
    limits,
  }: {
    auth: ApiAuth
    tails: Tails
    verifyToken: TokenVerifier
    signIns: Pick<SignIns, 'identify'>
    limits: Omit<FeedLimits, 'pollMs'>
  },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const streams = createOpenStreams({ log, tails, verify, limits })
    app.addHook('preClose', async () => streams.close())
    // Before the token is looked at: a browser's EventSource can send no header.
    app.addHook('onRequest', async ({ method, headers }) => {
      const kept = method === 'POST' ? undefined : readCookie(headers.cookie, cookieName)
      if (kept !== undefined) headers.authorization ??= kept
    })
    app.post('/v2/stream/cookie', { onRequest: auth.crawler, schema: cookieSchema }, async (request, reply) => {
      // A `host` may be anything: where no public address is set, neither path nor protocol depends on it.
      const { protocol, pathname } =
        config.publicUrl === undefined ? { protocol: `${request.protocol}:`, pathname: '/' } : new URL(config.publicUrl)
      const { expiresAt, signIn } = callerOf(request)
      const path = `${pathname.replace(/\/$/, '')}/v2/stream`
      const rules = ['HttpOnly', 'SameSite=Strict', `Path=${path}`, ...(protocol === 'https:' ? ['Secure'] : [])]
      if (expiresAt !== undefined) rules.push(`Max-Age=${Math.floor((expiresAt - clock.now()) / 1000)}`)
      // Whoever is signed in has a cookie that is sent there as well.
      if (signIn === undefined) reply.header('set-cookie', [`${cookieName}=${tokenOf(request)}`, ...rules].join('; '))
      reply.header('cache-control', 'no-store')
      return { path, ...(expiresAt !== undefined && { expiresAt: toIso(expiresAt) }) }
    })

    const options = { onRequest: auth.crawler, schema }
    app.get('/v2/stream', options, async (request, reply) => {
      const isWanted = await readFilter(request)
      if (request.method === 'HEAD') return asStream(reply).send(Readable.from([]))
      const { key, signIn } = callerOf(request)
      const { keyId } = key
      const token = signIn === undefined ? tokenOf(request) : `sign-in ${keyId} ${signIn.secret}`
      const { first, last } = await reads.changes.range(keyId)
      const asked = readLastEventId(request) ?? request.query.after
      const reset = asked === undefined ? undefined : findReset(asked, first, last)
      const seq = reset?.seq ?? asked ?? last
      streams.open(reply, { keyId, token, requestId: request.id, seq, last, reset, isWanted })
      return reply
    })
  }

  async function verify(token: string): Promise<void> {
    const [, keyId, secret] = ofBrowser.exec(token) ?? []
    if (secret === undefined) await verifyToken(token)
    else {
      const caller = await signIns.identify(secret)
      if (caller !== undefined && caller.key.keyId === Number(keyId) && caller.roomIds === undefined) return
      throw new TokenRefusal('token', 'whoever opened it is not signed in any more, or may not see all of it')
    }
  }

  async function readFilter(request: FastifyRequest<{ Querystring: StreamQuery }>): Promise<Stream['isWanted']> {
    const caller = callerOf(request)
    const { roomId: anyId, sessionId } = request.query
    const roomId = anyId === undefined ? undefined : (await requireRoom(reads, caller, anyId)).roomId
    if (sessionId !== undefined) await requireParticipants(reads, caller, sessionId, { page: 1, perPage: 1 })
    if (roomId === undefined && sessionId === undefined) return undefined
    return (change) =>
      (roomId === undefined || change.roomId === roomId) && (sessionId === undefined || change.sessionId === sessionId)
  }
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
