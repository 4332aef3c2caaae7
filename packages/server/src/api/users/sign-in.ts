import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Account, givenPassword, nameMaxLength } from '@rollcall/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { keepSignInCookie, readCookie, readSignInCookie, requireOwnPage, setCookie } from '../auth/cookie.ts'
import type { Oidc } from '../auth/oidc.ts'
import { type CountTry, createPasswordTries } from '../auth/password-tries.ts'
import { isPassword } from '../auth/passwords.ts'
import { redeemLink } from '../auth/sign-in-link.ts'
import { type SignIns, signInLifetimeMs } from '../auth/sign-ins.ts'
import { TokenRefusal, type TokenVerifier, tokenMaxBytes } from '../auth/token.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { refusals } from '../http/refusals.ts'
import { linkCodeMaxLength } from '../limits.ts'
import { listSeenKeys, toAccount } from './account-view.ts'
import { decode, refusedCookie } from './oidc.ts'

/** How long a token without an end is kept for a browser, in milliseconds. */
const endlessTokenMs = 12 * 3600 * 1000

const GivenSignIn = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        maxLength: nameMaxLength,
        description: 'the name of a user',
        about: 'Who signs in, with their password.',
      }),
    ),
    password: Type.Optional({ ...givenPassword, about: 'The password.' }),
    code: Type.Optional(
      Type.String({
        maxLength: linkCodeMaxLength,
        description: `a text of at most ${linkCodeMaxLength} characters`,
        about: 'In place of both: what follows `#code=` in a link, which works once.',
      }),
    ),
    token: Type.Optional(
      Type.String({
        maxLength: tokenMaxBytes,
        description: 'a token',
        about: 'In place of both: a token that calls the API.',
      }),
    ),
  },
  { additionalProperties: false },
)

const tags = ['Users']
const schemas = {
  signIn: {
    operationId: 'signInHere',
    tags,
    summary: 'Sign in in a browser',
    description:
      'By a user’s name and password, a link’s code, or a token. The browser keeps a cookie that no script reads and no page of another site sends; wherever a token is taken, so is this. It lasts thirty days, or as long as the token.',
    body: GivenSignIn,
    response: { 200: Account, ...refusals('SIGN_IN_REFUSED', 'LINK_NOT_FOUND', 'TOKEN_INVALID', 'FORBIDDEN') },
  },
  ways: {
    operationId: 'getWaysToSignIn',
    tags,
    summary: 'How can one sign in?',
    description:
      'For the page that asks: whether there is a provider of sign-ins beside passwords, and why it just refused.',
    response: {
      200: Type.Object({
        oidcUrl: Type.Union([Type.String(), Type.Null()], {
          description: 'Where the browser goes to sign in by OpenID Connect; null: there is no provider.',
        }),
        refused: Type.Union([Type.String(), Type.Null()], {
          description: 'Why a sign-in of this browser there was refused, told once; null: none was.',
        }),
      }),
    },
  },
  signOut: {
    operationId: 'signOutHere',
    tags,
    summary: 'Sign out',
    description: 'The cookie of this browser is no longer good. Without one nothing is done.',
    response: {
      200: Type.Object({
        signedOut: Type.Boolean({ description: 'Whether somebody was signed in.' }),
        continueAt: Type.Optional(
          Type.String({ description: 'Where to go to be signed out of the provider too; absent where there is none.' }),
        ),
      }),
      ...refusals('FORBIDDEN'),
    },
  },
}

/** `POST /v2/sign-in`, `POST /v2/sign-out`: a browser in which somebody is signed in, and no longer is. */
export function signInRoutes(
  context: Pick<Context, 'config' | 'reads' | 'writes' | 'clock' | 'log'>,
  {
    auth,
    signIns,
    verifyToken,
    oidc,
  }: { auth: ApiAuth; signIns: SignIns; verifyToken: TokenVerifier; oidc: Oidc | undefined },
): FastifyPluginAsyncTypebox {
  const { config, reads, writes, clock, log } = context
  const countTry: CountTry = createPasswordTries(config)

  return async (app) => {
    app.post('/v2/sign-in', { onRequest: auth.open, schema: schemas.signIn }, async (request, reply) => {
      requireOwnPage(request, config)
      const { name, password, code, token } = request.body
      if (code !== undefined) return keepToken(request, reply, await redeem(code))
      if (token !== undefined) return keepToken(request, reply, token)
      if (name === undefined || password === undefined) {
        throw new Refusal('BAD_REQUEST', 'The body takes a name and a password, or a code, or a token')
      }
      return signInUser(request, reply, name, password)
    })

    app.get('/v2/sign-in', { onRequest: auth.open, schema: schemas.ways }, async (request, reply) => {
      const kept = readCookie(request.headers.cookie, refusedCookie)
      if (kept !== undefined) {
        setCookie(request, reply, config, { name: refusedCookie, value: '', lifetimeMs: 0, sameSite: 'Lax' })
      }
      return {
        oidcUrl: oidc === undefined ? null : `${baseUrlOf(request, config)}/v2/oidc/start`,
        refused: kept === undefined ? null : decode(kept),
      }
    })

    app.post('/v2/sign-out', { onRequest: auth.open, schema: schemas.signOut }, async (request, reply) => {
      requireOwnPage(request, config)
      const secret = readSignInCookie(request)
      const caller = secret === undefined ? undefined : await signIns.identify(secret)
      const user = caller?.user && (await reads.users.findById(caller.user.userId))
      if (secret !== undefined) await signIns.end(secret)
      keepSignInCookie(request, reply, config, { secret: '', lifetimeMs: 0 })
      // Whoever has a password here was not signed in there, for all that is known.
      const isTheirs = user?.subject !== undefined && user.subject !== null && user.passwordHash === null
      const continueAt = isTheirs ? await oidc?.endUrl(`${baseUrlOf(request, config)}/`) : undefined
      return { signedOut: secret !== undefined, ...(continueAt !== undefined && { continueAt }) }
    })
  }

  async function signInUser(request: FastifyRequest, reply: FastifyReply, name: string, password: string) {
    countTry(request, name)
    const user = await reads.users.findByName(name)
    const isGood = await isPassword(password, user?.passwordHash)
    const [key] = user !== undefined && isGood ? await listSeenKeys(context, user.userId) : []
    if (user === undefined || key === undefined) {
      log.info({ requestId: request.id }, 'sign-in refused')
      throw new Refusal('SIGN_IN_REFUSED', 'The name or the password is wrong')
    }
    const { userId } = user
    const about = { keyId: key.keyId, apiKey: key.apiKey, asParticipant: null, participantId: null, about: { userId } }
    await writes.audit.add({ action: 'signInHere', userName: user.name, ...about })
    return keep(request, reply, { keyId: key.keyId, userId, token: null, lifetimeMs: signInLifetimeMs })
  }

  async function keepToken(request: FastifyRequest, reply: FastifyReply, given: string) {
    const token = given.trim().replace(/^(Authorization:\s*)?(Bearer\s+)?/i, '')
    const { key, roles, expiresAt } = await verify(token)
    if (!roles.has('crawler')) {
      throw new Refusal('FORBIDDEN', 'This token may join rooms, not call the API: its roles lack crawler')
    }
    const lifetimeMs = Math.min(expiresAt === undefined ? endlessTokenMs : expiresAt - clock.now(), signInLifetimeMs)
    return keep(request, reply, { keyId: key.keyId, userId: null, token, lifetimeMs })
  }

  async function keep(
    request: FastifyRequest,
    reply: FastifyReply,
    { lifetimeMs, ...who }: { keyId: number; userId: string | null; token: string | null; lifetimeMs: number },
  ) {
    const before = readSignInCookie(request)
    if (before !== undefined) await signIns.end(before)
    const browser = request.headers['user-agent']
    const secret = await signIns.open({ ...who, browser, expiresAt: clock.now() + lifetimeMs })
    const caller = await signIns.identify(secret)
    if (caller === undefined) throw new Refusal('SIGN_IN_REFUSED', 'What this sign-in rests on is gone: try again')
    keepSignInCookie(request, reply, config, { secret, lifetimeMs })
    return toAccount(context, caller)
  }

  async function redeem(code: string): Promise<string> {
    const redeemed = await redeemLink(code, context)
    if (redeemed !== undefined) return redeemed.token
    throw new Refusal('LINK_NOT_FOUND', 'This link was used already, or is too old: `rollcall link` makes another')
  }

  async function verify(token: string) {
    try {
      return await verifyToken(token)
    } catch (error) {
      if (!(error instanceof TokenRefusal)) throw error
      throw new Refusal('TOKEN_INVALID', `This token is not good: ${error.message}`)
    }
  }
}
