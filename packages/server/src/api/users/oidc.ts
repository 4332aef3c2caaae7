import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type UserRole, userRoles } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import type { Key } from '../../store/keys/key.ts'
import type { Credentials } from '../../store/keys/users.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { keepSignInCookie, readCookie, setCookie } from '../auth/cookie.ts'
import type { Begun, Oidc, Told } from '../auth/oidc.ts'
import { type SignIns, signInLifetimeMs } from '../auth/sign-ins.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { listSeenKeys } from './account-view.ts'

/** How long somebody may take at the provider, in milliseconds. */
const atProviderMs = 10 * 60_000
/** How long what was refused waits for the page that tells it, in milliseconds. */
const refusedMs = 60_000
const begunCookie = 'rollcall-oidc'
export const refusedCookie = 'rollcall-oidc-refused'

/** `/v2/oidc/…`, where the settings name a provider: a browser goes there, and comes back signed in, or told why not. */
export function oidcRoutes(
  context: Pick<Context, 'config' | 'reads' | 'writes' | 'clock' | 'log'>,
  { auth, signIns, oidc }: { auth: ApiAuth; signIns: SignIns; oidc: Oidc },
): FastifyPluginAsyncTypebox {
  const { config, reads, writes, clock, log } = context
  const hidden = { onRequest: auth.open, schema: { hide: true } }
  const redirectUriOf = (request: FastifyRequest) => `${baseUrlOf(request, config)}/v2/oidc/callback`

  return async (app) => {
    app.get('/v2/oidc/start', hidden, async (request, reply) =>
      orTell(request, reply, async () => {
        const { url, begun } = await oidc.begin(redirectUriOf(request))
        keep(request, reply, begunCookie, Buffer.from(JSON.stringify(begun)).toString('base64url'), atProviderMs)
        return url
      }),
    )

    app.get('/v2/oidc/callback', hidden, async (request, reply) =>
      orTell(request, reply, async () => {
        const begun = readBegun(readCookie(request.headers.cookie, begunCookie))
        if (begun === undefined) {
          throw new Refusal(
            'SIGN_IN_REFUSED',
            'This sign-in was not begun in this browser, or took too long: try again',
          )
        }
        const { search } = new URL(request.url, 'http://here')
        const told = await oidc.finish(new URL(redirectUriOf(request) + search), begun)
        const user = await findOrAdd(told)
        const [key] = await listSeenKeys(context, user.userId)
        if (key === undefined) throw new Refusal('SIGN_IN_REFUSED', `${user.name} may see nothing here any more`)
        await enter(request, reply, user, key)
        return `${baseUrlOf(request, config)}/`
      }),
    )
  }

  async function enter(request: FastifyRequest, reply: FastifyReply, { userId, name }: Credentials, key: Key) {
    const { keyId, apiKey } = key
    const about = { keyId, apiKey, asParticipant: null, participantId: null, about: { userId } }
    await writes.audit.add({ action: 'signInHere', userName: name, ...about })
    const expiresAt = clock.now() + signInLifetimeMs
    const browser = request.headers['user-agent']
    const secret = await signIns.open({ keyId, userId, token: null, browser, expiresAt })
    keepSignInCookie(request, reply, config, { secret, lifetimeMs: signInLifetimeMs })
  }

  /** By what the provider knows them by; else whoever was added under their address; else, by a role that it gives, somebody new. */
  async function findOrAdd(told: Told): Promise<Credentials> {
    const { subject, email } = told
    const role = roleOf(told.roles)
    const known = (await reads.users.findBySubject(subject)) ?? (await findByEmail(told))
    const owner = (await reads.keys.list()).find(({ disabledAt }) => disabledAt === null)
    if (owner === undefined) throw new Refusal('SIGN_IN_REFUSED', 'Every key is disabled: there is nothing to see')
    const { keyId } = owner
    if (known !== undefined) {
      if (known.subject === null) await writes.users.setSubject({ userId: known.userId, subject })
      if (role !== undefined) await writes.users.letIn({ keyId, userId: known.userId, role, rooms: [] })
      return known
    }
    const name = email ?? told.name ?? subject
    if (role === undefined) {
      throw new Refusal('SIGN_IN_REFUSED', `${name} is no user here: an administrator adds them under this very name`)
    }
    await writes.users.add({ keyId, name, role, rooms: [], passwordHash: null, subject })
    return (await reads.users.findBySubject(subject)) as Credentials
  }

  /** An address that the provider has verified is theirs. Whoever is somebody else's already stays so. */
  async function findByEmail({ email }: Told): Promise<Credentials | undefined> {
    const user = email === undefined ? undefined : await reads.users.findByName(email)
    return user?.subject === null ? user : undefined
  }

  /** Sends the browser on; or, where that is refused, to the page that says why. */
  async function orTell(request: FastifyRequest, reply: FastifyReply, work: () => Promise<string>) {
    try {
      return reply.redirect(await work())
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      log.info({ requestId: request.id, why: error.message }, 'sign-in refused')
      keep(request, reply, refusedCookie, Buffer.from(error.message.slice(0, 500)).toString('base64url'), refusedMs)
      return reply.redirect(`${baseUrlOf(request, config)}/`)
    }
  }

  /** The provider's page sends the browser back: such a cookie has to come along. */
  function keep(request: FastifyRequest, reply: FastifyReply, name: string, value: string, lifetimeMs: number): void {
    setCookie(request, reply, config, { name, value, lifetimeMs, sameSite: 'Lax' })
  }
}

/** Undefined where it is none: whoever comes says what their cookies are. */
function readBegun(cookie: string | undefined): Begun | undefined {
  if (cookie === undefined) return undefined
  let begun: { [name in keyof Begun]?: unknown } | null
  try {
    begun = JSON.parse(decode(cookie))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
  const isWhole = [begun?.verifier, begun?.state, begun?.nonce].every((one) => typeof one === 'string' && one !== '')
  return isWhole ? (begun as Begun) : undefined
}

export function decode(kept: string): string {
  return Buffer.from(kept, 'base64url').toString()
}

/** The one that may do most, of a text or a list of them; a host has rooms, which no provider knows. */
function roleOf(told: unknown): UserRole | undefined {
  const named = Array.isArray(told) ? told : [told]
  return userRoles.findLast((role) => role !== 'host' && named.includes(role))
}
