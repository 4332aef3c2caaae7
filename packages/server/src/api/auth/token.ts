import type { Permission, Role, TokenClaims } from '@rollcall/protocol'
import { decodeJwt, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import type { Reads } from '../../record/nouns.ts'
import type { Clock } from '../../runtime/clock.ts'
import { shareInTurn } from '../../runtime/single-flight.ts'
import type { Key } from '../../store/keys.ts'

/** A longer token is refused unread. */
export const tokenMaxBytes = 8 * 1024
/** Longest text of an `apikey`, `roomId` or `participantId` claim, in UTF-16 units. */
const claimMaxLength = 256
/** Most verified tokens that are remembered, so that a client's every call costs no signature. */
const rememberedMax = 2000

/** A token that was found good, and what it says. */
export type Verified = {
  key: Key
  permissions: Set<Permission>
  /** Where the token is good; a token without roles got the ones that the settings give it. */
  roles: Set<Role>
  /** The token names its roles itself. */
  explicitRoles: boolean
  /** The token reads and acts on this room alone. */
  roomId?: string
  /** The token joins as this participant alone. */
  participantId?: string
  /** Epoch milliseconds. */
  expiresAt?: number
}

/** Why a token is no good: `key`: its API key is unknown or disabled; `token`: anything else. */
export class TokenRefusal extends Error {
  override name = 'TokenRefusal'
  reason: 'key' | 'token'

  constructor(reason: 'key' | 'token', message: string) {
    super(message)
    this.reason = reason
  }
}

export type TokenVerifier = (token: string) => Promise<Verified>

type Said = Omit<Verified, 'key'>
type Remembered = { apiKey: string; secret: string; payload: JWTPayload; said: Said }

/** The verifier throws a `TokenRefusal` for every token that is not good at this moment. */
export function createTokenVerifier({
  reads,
  clock,
  strictRoles,
}: {
  reads: Pick<Reads, 'keys'>
  clock: Clock
  strictRoles: boolean
}): TokenVerifier {
  const remembered = new Map<string, Remembered>()
  const findKey = shareInTurn(reads.keys.find)

  return async (token) => {
    if (Buffer.byteLength(token) > tokenMaxBytes) {
      throw new TokenRefusal('token', `the token is longer than ${tokenMaxBytes} bytes`)
    }
    const known = remembered.get(token)
    // The key is looked up each time, so that nothing remembered outlives its rotation or its end.
    const key = await requireKey(known?.apiKey ?? readApiKey(token))
    if (known !== undefined && goodSecrets(key).includes(known.secret) && isTimely(known.payload)) {
      return { key, ...known.said }
    }
    remembered.delete(token)
    const fresh = await verify(token, key)
    remember(token, fresh)
    return { key, ...fresh.said }
  }

  async function requireKey(apiKey: string): Promise<Key> {
    const key = await findKey(apiKey)
    if (key === undefined) throw new TokenRefusal('key', 'the API key is not known')
    if (key.disabledAt !== null) throw new TokenRefusal('key', 'the API key is disabled')
    return key
  }

  function goodSecrets(key: Key): string[] {
    const { secret, previousSecret, previousUntil } = key
    const overlaps = previousSecret !== null && previousUntil !== null && clock.now() < previousUntil
    return overlaps ? [secret, previousSecret] : [secret]
  }

  function isTimely({ exp, nbf }: JWTPayload): boolean {
    const nowSeconds = Math.floor(clock.now() / 1000)
    return (exp === undefined || nowSeconds < exp) && (nbf === undefined || nowSeconds >= nbf)
  }

  async function verify(token: string, key: Key): Promise<Remembered> {
    let failure: unknown
    for (const secret of goodSecrets(key)) {
      try {
        const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
          algorithms: ['HS256'],
          currentDate: new Date(clock.now()),
        })
        return { apiKey: key.apiKey, secret, payload, said: readClaims(payload, strictRoles) }
      } catch (error) {
        failure = error
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) break
      }
    }
    if (failure instanceof errors.JOSEError) throw new TokenRefusal('token', failure.message)
    throw failure
  }

  function remember(token: string, verified: Remembered): void {
    const [oldest] = remembered.keys()
    if (remembered.size >= rememberedMax && oldest !== undefined) remembered.delete(oldest)
    remembered.set(token, verified)
  }
}

/** Signs a token that is good for `lifetimeMs` from `now` (epoch milliseconds). */
export function signToken(
  { apiKey, secret }: Pick<Key, 'apiKey' | 'secret'>,
  claims: Omit<TokenClaims, 'apikey' | 'iat' | 'exp'>,
  { now, lifetimeMs }: { now: number; lifetimeMs: number },
): Promise<string> {
  return new SignJWT({ apikey: apiKey, version: 2, ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt(Math.floor(now / 1000))
    .setExpirationTime(Math.floor((now + lifetimeMs) / 1000))
    .sign(new TextEncoder().encode(secret))
}

/** The key that the token names; nothing of it is believed before the signature is checked. */
function readApiKey(token: string): string {
  try {
    return readText(decodeJwt(token), 'apikey') ?? refuse('apikey')
  } catch (error) {
    if (error instanceof errors.JOSEError) throw new TokenRefusal('token', error.message)
    throw error
  }
}

function readClaims(payload: JWTPayload, strictRoles: boolean): Said {
  if (![undefined, 2, '2'].includes(payload.version as 2)) refuse('version')
  const roomId = readText(payload, 'roomId')
  const participantId = readText(payload, 'participantId')
  const roles = readNames(payload, 'roles')?.map((role) => role.toLowerCase())
  return {
    // A name that is not ours grants nothing.
    permissions: pick(readNames(payload, 'permissions') ?? ['allow_join', 'allow_mod'], isPermission),
    roles: pick(roles ?? (strictRoles ? ['rtc'] : ['crawler', 'rtc']), isRole),
    explicitRoles: roles !== undefined,
    ...(roomId !== undefined && { roomId }),
    ...(participantId !== undefined && { participantId }),
    ...(payload.exp !== undefined && { expiresAt: payload.exp * 1000 }),
  }
}

function readText(payload: JWTPayload, claim: string): string | undefined {
  const value = payload[claim]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || value.length > claimMaxLength) return refuse(claim)
  return value
}

function readNames(payload: JWTPayload, claim: string): string[] | undefined {
  const value = payload[claim]
  if (value === undefined) return undefined
  const names = Array.isArray(value) ? value : [value]
  return names.every((name) => typeof name === 'string') ? names : refuse(claim)
}

function pick<Name extends string>(names: string[], isOurs: (name: string) => name is Name): Set<Name> {
  return new Set(names.filter(isOurs))
}

function isPermission(name: string): name is Permission {
  return name === 'allow_join' || name === 'ask_join' || name === 'allow_mod'
}

function isRole(name: string): name is Role {
  return name === 'crawler' || name === 'rtc'
}

function refuse(claim: string): never {
  throw new TokenRefusal('token', `the claim ${claim} is missing or has a wrong form`)
}
