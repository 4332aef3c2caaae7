import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Account, BrowserSignIn, BrowserSignInList, givenPassword, newPassword, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import type { SignIn } from '../../store/keys/sign-ins.ts'
import type { User } from '../../store/keys/users.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import type { Caller } from '../auth/caller.ts'
import { createPasswordTries } from '../auth/password-tries.ts'
import { hashPassword, isPassword } from '../auth/passwords.ts'
import type { SignIns } from '../auth/sign-ins.ts'
import { refusals } from '../http/refusals.ts'
import { listSeenKeys, toAccount } from './account-view.ts'

const tags = ['Users']
const SignInPath = Type.Object({ signInId: Type.String({ description: 'one exact id', about: 'The browser.' }) })
const schemas = {
  account: {
    operationId: 'getAccount',
    tags,
    summary: 'Who am I?',
    description: 'Who asks, as what, and which keys they may see.',
    response: { 200: Account },
  },
  password: {
    operationId: 'changePassword',
    tags,
    summary: 'Change one’s password',
    description: 'All other browsers of the user are signed out.',
    body: Type.Object(
      {
        current: { ...givenPassword, about: 'The one that is good now.' },
        password: { ...newPassword, about: 'The one that is good from now on.' },
      },
      { additionalProperties: false },
    ),
    response: { 200: Account },
  },
  key: {
    operationId: 'switchKey',
    audited: false,
    tags,
    summary: 'Look at another key’s record',
    description: 'In this browser, from now on: of a key that the user may see.',
    body: Type.Object(
      { apiKey: Type.String({ description: 'an API key', about: 'The first of its owner.' }) },
      { additionalProperties: false },
    ),
    response: { 200: Account, ...refusals('KEY_NOT_FOUND') },
  },
  signIns: {
    operationId: 'listSignIns',
    tags,
    summary: 'List the browsers that one is signed in in',
    description: 'Newest first.',
    response: { 200: BrowserSignInList },
  },
  endSignIn: {
    operationId: 'endSignIn',
    tags,
    summary: 'Sign out another browser',
    description: 'Its cookie is no longer good.',
    params: SignInPath,
    response: { 200: BrowserSignIn, ...refusals('SIGN_IN_NOT_FOUND') },
  },
}

/** `/v2/account`: what users do about themselves. */
export function accountRoutes(
  context: Pick<Context, 'config' | 'reads' | 'writes' | 'clock'>,
  { auth, signIns }: { auth: ApiAuth; signIns: SignIns },
): FastifyPluginAsyncTypebox {
  const { config, reads, writes } = context
  const countTry = createPasswordTries(config)

  return async (app) => {
    app.get('/v2/account', { onRequest: auth.any, schema: schemas.account }, async (request) =>
      toAccount(context, callerOf(request)),
    )

    app.post('/v2/account/password', { onRequest: auth.user, schema: schemas.password }, async (request) => {
      const caller = callerOf(request)
      const { userId, name } = userOf(caller)
      countTry(request, name)
      const { current, password } = request.body
      const known = await reads.users.findById(userId)
      if (!(await isPassword(current, known?.passwordHash))) {
        throw new Refusal('FORBIDDEN', 'The current password is wrong')
      }
      const passwordHash = await hashPassword(password)
      await writes.users.setPassword({ userId, passwordHash, ...(caller.signIn && { keep: caller.signIn.id }) })
      return toAccount(context, caller)
    })

    app.post('/v2/account/key', { onRequest: auth.user, schema: schemas.key }, async (request) => {
      const { signIn, ...caller } = callerOf(request)
      const { apiKey } = request.body
      const key = (await listSeenKeys(context, userOf(caller).userId)).find((one) => one.apiKey === apiKey)
      if (key === undefined || signIn === undefined)
        throw new Refusal('KEY_NOT_FOUND', `Key ${quote(apiKey)} not found`)
      await signIns.setKey(signIn.secret, key.keyId)
      return toAccount(context, (await signIns.identify(signIn.secret)) ?? caller)
    })

    app.get('/v2/account/sign-ins', { onRequest: auth.user, schema: schemas.signIns }, async (request) => {
      const caller = callerOf(request)
      const found = await reads.signIns.list(userOf(caller).userId)
      return { data: found.map((one) => toSignIn(one, caller)) }
    })

    app.delete(
      '/v2/account/sign-ins/:signInId',
      { onRequest: auth.user, schema: schemas.endSignIn },
      async (request) => {
        const caller = callerOf(request)
        const { userId } = userOf(caller)
        const { signInId } = request.params
        const signIn = (await reads.signIns.list(userId)).find((one) => one.signInId === signInId)
        if (signIn === undefined || !(await writes.signIns.endOf({ userId, signInId }))) {
          throw new Refusal('SIGN_IN_NOT_FOUND', `Sign-in ${quote(signInId)} not found`)
        }
        return toSignIn(signIn, caller)
      },
    )
  }
}

/** Of a route whose hook has found one. */
function userOf({ user }: Pick<Caller, 'user'>): User {
  if (user === undefined) throw new Error('a route for users has a caller who is none')
  return user
}

export function toSignIn(signIn: SignIn, caller: Caller): BrowserSignIn {
  const { signInId, createdAt, seenAt, expiresAt, browser } = signIn
  return {
    signInId,
    createdAt: toIso(createdAt),
    lastSeenAt: toIso(seenAt),
    expiresAt: toIso(expiresAt),
    browser,
    isThis: caller.signIn?.id === signInId,
  }
}
