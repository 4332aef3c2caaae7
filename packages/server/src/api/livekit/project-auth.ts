import { sourceOfProject } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { shareInTurn } from '../../runtime/single-flight.ts'
import type { Source } from '../../store/sources.ts'
import { tokenOf } from '../auth/auth.ts'
import type { RateLimit } from '../auth/rate-limit.ts'
import { createLivekitTokens, type LivekitClaims } from './token.ts'

/** Whose tokens are good is looked up for those that fit no project, so often at most, in milliseconds. */
const lookEveryMs = 10_000

/**
 * The hook of the routes below `/api/project/:projectId`: the token is LiveKit's own, by the API key and secret of a LiveKit
 * source, with `video.roomList`. After it `sourceOf` gives the source of the project. A project that is another's is answered
 * as one that there is not.
 */
export function createProjectAuth(
  { reads, clock, metrics }: Pick<Context, 'reads' | 'clock' | 'metrics'>,
  { rateLimit }: { rateLimit: RateLimit },
): onRequestAsyncHookHandler {
  const tokens = createLivekitTokens(clock)
  const findSource = shareInTurn(reads.sources.find)
  const listLivekits = remember(async () => (await reads.sources.listAll()).filter(({ type }) => type === 'livekit'))

  return async (request, reply) => {
    const { projectId } = request.params as { projectId: string }
    const token = tokenOf(request)
    if (token === '') {
      throw refuse(
        request,
        reply,
        'missing',
        new Refusal('TOKEN_MISSING', 'There is no token in the header Authorization'),
      )
    }
    const source = projectId.startsWith('p_') ? await findSource(sourceOfProject(projectId)) : undefined
    const claims = source === undefined ? undefined : await tokens.verify(token, source)
    if (source === undefined || claims === undefined) {
      const other = await findSigned(token)
      if (other === undefined) {
        const words = 'This token is not signed with the API key and secret of a LiveKit source of this server'
        throw refuse(request, reply, 'token', new Refusal('TOKEN_INVALID', words))
      }
      requireGood(request, reply, other.claims, other.source)
      throw new Refusal('PROJECT_NOT_FOUND', `Project ${projectId} not found`)
    }
    requireGood(request, reply, claims, source)
    request.setDecorator<Source>('livekitSource', source)
  }

  function requireGood(request: FastifyRequest, reply: FastifyReply, claims: LivekitClaims, { keyId }: Source): void {
    if (!tokens.isTimely(claims)) {
      throw refuse(request, reply, 'token', new Refusal('TOKEN_INVALID', 'This token is expired, or not good yet'))
    }
    rateLimit.countKey(keyId, reply)
    if (claims.video?.roomList !== true) {
      throw new Refusal('FORBIDDEN', 'This token grants no video.roomList: this route takes one that does')
    }
  }

  function refuse(request: FastifyRequest, reply: FastifyReply, why: 'missing' | 'token', refusal: Refusal): Refusal {
    metrics.noteTokenRefused(why)
    rateLimit.countAddress(request.ip, reply)
    return refusal
  }

  /** The LiveKit source that signed a token, whichever its project. */
  async function findSigned(token: string): Promise<{ source: Source; claims: LivekitClaims } | undefined> {
    for (const source of await listLivekits()) {
      const claims = await tokens.verify(token, source)
      if (claims !== undefined) return { source, claims }
    }
    return undefined
  }

  /** What was found is found again within `lookEveryMs`: so that nobody has all sources read by sending tokens that fit none. */
  function remember<T>(find: () => Promise<T>): () => Promise<T> {
    let foundAt = Number.NEGATIVE_INFINITY
    let found: Promise<T> | undefined
    return () => {
      const now = clock.now()
      if (found === undefined || Math.abs(now - foundAt) >= lookEveryMs) {
        foundAt = now
        found = find()
        found.catch(() => {
          found = undefined
        })
      }
      return found
    }
  }
}

/** The source whose project is asked for. */
export function sourceOf(request: FastifyRequest): Source {
  return request.getDecorator<Source>('livekitSource')
}
