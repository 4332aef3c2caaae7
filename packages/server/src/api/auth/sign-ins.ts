import { hash, randomBytes } from 'node:crypto'
import type { Context } from '../../context.ts'
import { shareInTurn } from '../../runtime/single-flight.ts'
import { isOver, type Key } from '../../store/keys/key.ts'
import type { SignIn } from '../../store/keys/sign-ins.ts'
import type { User } from '../../store/keys/users.ts'
import { type Caller, toCaller } from './caller.ts'
import { TokenRefusal, type TokenVerifier } from './token.ts'

/** How long a user stays signed in, in milliseconds. */
export const signInLifetimeMs = 30 * 24 * 3600 * 1000
/** How often it is written down that a sign-in is used, in milliseconds. */
const seenEveryMs = 5 * 60_000
/** Most characters that are kept of how a browser calls itself. */
const browserMaxLength = 200

type WhoSignsIn = {
  keyId: number
  userId: string | null
  token: string | null
  browser: string | undefined
  expiresAt: number
}

/** The browsers in which somebody is signed in. */
export type SignIns = {
  /** @returns what the browser is to keep: the server keeps its digest alone */
  open(who: WhoSignsIn): Promise<string>
  /** Who is signed in; undefined where it is not known, over, or what it rests on is gone. */
  identify(secret: string): Promise<Caller | undefined>
  end(secret: string): Promise<void>
  /** Looks at another record from now on. */
  setKey(secret: string, keyId: number): Promise<void>
}

export function createSignIns(
  { reads, writes, clock, log }: Pick<Context, 'reads' | 'writes' | 'clock' | 'log'>,
  verifyToken: TokenVerifier,
): SignIns {
  const findSignIn = shareInTurn(reads.signIns.find)
  /** When each that was seen lately is to be written down again. */
  const noted = new Map<string, number>()

  return {
    async open({ browser = 'unknown', ...who }) {
      const secret = randomBytes(32).toString('base64url')
      await writes.signIns.add({ digest: digestOf(secret), browser: browser.slice(0, browserMaxLength), ...who })
      return secret
    },
    async identify(secret) {
      const digest = digestOf(secret)
      const signIn = await findSignIn(digest)
      if (signIn === undefined || signIn.expiresAt <= clock.now()) return undefined
      const caller = await (signIn.token === null ? identifyUser(signIn) : identifyToken(signIn.token))
      if (caller === undefined) return undefined
      noteSeen(digest, signIn.seenAt)
      return { ...caller, signIn: { id: signIn.signInId, secret }, expiresAt: signIn.expiresAt }
    },
    end: (secret) => writes.signIns.end({ digest: digestOf(secret) }),
    setKey: (secret, keyId) => writes.signIns.setKey({ digest: digestOf(secret), keyId }),
  }

  async function identifyToken(token: string): Promise<Caller | undefined> {
    try {
      return toCaller(await verifyToken(token))
    } catch (error) {
      if (error instanceof TokenRefusal) return undefined
      throw error
    }
  }

  async function identifyUser({ keyId, userId }: SignIn): Promise<Caller | undefined> {
    const user = await reads.users.find({ keyId, userId: userId ?? '' })
    const key = user && (await reads.keys.getFirst(keyId))
    if (key === undefined || user === undefined || isOver(key, clock.now())) return undefined
    return {
      ...{ key: asRole(key, user), user, permissions: new Set(), roles: new Set(['crawler']), explicitRoles: true },
      ...(user.role === 'host' && { roomIds: user.rooms }),
    }
  }

  function noteSeen(digest: string, seenAt: number): void {
    const now = clock.now()
    if (now - Math.max(seenAt, noted.get(digest) ?? 0) < seenEveryMs) return
    noted.set(digest, now)
    for (const [one, at] of noted) if (now - at >= seenEveryMs) noted.delete(one)
    writes.signIns.noteSeen({ digest }).catch((err) => log.warn({ err }, 'use of a sign-in not written'))
  }
}

/** The key with what a user of this role may do of what it may. */
function asRole(key: Key, { role }: User): Key {
  if (role === 'administrator') return key
  const { apiKey, name, email } = key
  return { ...key, first: { apiKey, name, email }, scopes: role === 'viewer' ? ['read'] : ['read', 'rooms'] }
}

/** The table holds nothing that somebody who reads it could use. */
function digestOf(secret: string): string {
  return hash('sha256', secret)
}
