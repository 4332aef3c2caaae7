import { nameMaxLength, type Permission, type Role, type TokenClaims, toIso } from '@rollcall/protocol'
import { compactVerify, decodeJwt, decodeProtectedHeader, errors, type JWTPayload, SignJWT } from 'jose'
import type { Reads } from '../../record/nouns.ts'
import type { Clock } from '../../runtime/clock.ts'
import { quote } from '../../runtime/explain.ts'
import { shareInTurn } from '../../runtime/single-flight.ts'
import { isOver, type Key } from '../../store/keys/key.ts'
import type { KeyUses } from './key-uses.ts'

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
  /** The token joins under this name alone. */
  name?: string
  /** The token is good as long as this invite is. */
  inviteId?: string
  /** Epoch milliseconds. */
  expiresAt?: number
}

/**
 * Why a token is no good: `key`: its API key is unknown or disabled; `token`: anything else. The message is for its sender,
 * and the same for every token that is not signed with the secret of its key: it does not tell which keys there are.
 */
export class TokenRefusal extends Error {
  override name = 'TokenRefusal'
  reason: 'key' | 'token'

  constructor(reason: 'key' | 'token', message: string) {
    super(message)
    this.reason = reason
  }
}

const notSigned = 'it is not signed with the secret of an API key of this server'

export type TokenVerifier = (token: string) => Promise<Verified>

type Said = Omit<Verified, 'key'>
/** When a token is good, as it says itself: epoch seconds. */
type Times = { exp: number | undefined; nbf: number | undefined }
type Remembered = { apiKey: string; secret: string; times: Times; said: Said }

/** The verifier throws a `TokenRefusal` for every token that is not good at this moment. */
export function createTokenVerifier({
  reads,
  clock,
  strictRoles,
  keyUses,
}: {
  reads: Pick<Reads, 'keys'>
  clock: Clock
  strictRoles: boolean
  keyUses: Pick<KeyUses, 'note'>
}): TokenVerifier {
  const remembered = new Map<string, Remembered>()
  /** By token and secrets what is being verified: a thousand that come at once with one token take one signature. */
  const underWay = new Map<string, Promise<Remembered>>()
  const findKey = shareInTurn(reads.keys.find)

  return async (token) => {
    if (Buffer.byteLength(token) > tokenMaxBytes) {
      throw new TokenRefusal('token', `it is longer than ${tokenMaxBytes} bytes`)
    }
    const known = remembered.get(token)
    // The key is looked up each time, so that nothing remembered outlives its rotation or its end.
    const key = await requireKey(known?.apiKey ?? readApiKey(token))
    const fresh = known !== undefined && goodSecrets(key).includes(known.secret) ? known : await verifyOnce(token, key)
    if (fresh !== known) remember(token, fresh)
    requireTimely(fresh.times)
    keyUses.note(key)
    return { key, ...fresh.said }
  }

  async function requireKey(apiKey: string): Promise<Key> {
    const key = await findKey(apiKey)
    if (key === undefined || isOver(key, clock.now())) throw new TokenRefusal('key', notSigned)
    return key
  }

  function goodSecrets(key: Key): string[] {
    const { secret, previousSecret, previousUntil } = key
    const overlaps = previousSecret !== null && previousUntil !== null && clock.now() < previousUntil
    return overlaps ? [secret, previousSecret] : [secret]
  }

  function requireTimely({ exp, nbf }: Times): void {
    const nowSeconds = Math.floor(clock.now() / 1000)
    if (exp !== undefined && nowSeconds >= exp) throw new TokenRefusal('token', `it expired at ${showSecond(exp)}`)
    if (nbf !== undefined && nowSeconds < nbf) {
      throw new TokenRefusal('token', `it is not good before ${showSecond(nbf)}, which is its nbf`)
    }
  }

  function verifyOnce(token: string, key: Key): Promise<Remembered> {
    const secrets = goodSecrets(key)
    const name = [token, ...secrets].join(' ')
    const known = underWay.get(name)
    if (known !== undefined) return known
    const verifying = verify(token, key.apiKey, secrets).finally(() => underWay.delete(name))
    underWay.set(name, verifying)
    return verifying
  }

  async function verify(token: string, apiKey: string, secrets: string[]): Promise<Remembered> {
    for (const secret of secrets) {
      try {
        await compactVerify(token, new TextEncoder().encode(secret), { algorithms: ['HS256'] })
        return { apiKey, secret, ...readClaims(decodeJwt(token), strictRoles) }
      } catch (error) {
        if (!(error instanceof errors.JOSEError)) throw error
      }
    }
    throw new TokenRefusal('token', notSigned)
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
    const { alg, crit } = decodeProtectedHeader(token)
    if (crit !== undefined)
      throw new TokenRefusal('token', 'its header has a crit, which asks for more than is known here')
    if (alg !== 'HS256') throw new TokenRefusal('token', `its algorithm is ${quote(alg ?? null)}, not HS256`)
    const payload = decodeJwt(token)
    return readText(payload, 'apikey') ?? refuse(payload, 'apikey', 'an API key')
  } catch (error) {
    if (error instanceof TokenRefusal) throw error
    if (error instanceof errors.JOSEError || error instanceof TypeError) throw new TokenRefusal('token', 'it is no JWT')
    throw error
  }
}

/** Null and an empty text are a claim left out: backends in PHP and typed ones write so. */
function readClaim(payload: JWTPayload, claim: string): unknown {
  const value = payload[claim]
  return value === null || value === '' ? undefined : value
}

function readClaims(payload: JWTPayload, strictRoles: boolean): { said: Said; times: Times } {
  if (![undefined, 2, '2'].includes(readClaim(payload, 'version') as 2)) refuse(payload, 'version', '2, or nothing')
  const roomId = readText(payload, 'roomId')
  const participantId = readText(payload, 'participantId')
  const name = readText(payload, 'name', nameMaxLength)
  const inviteId = readText(payload, 'invite')
  const roles = readNames(payload, 'roles')?.map((role) => role.toLowerCase())
  const [exp, nbf] = [readSeconds(payload, 'exp'), readSeconds(payload, 'nbf')]
  readSeconds(payload, 'iat')
  const said = {
    // A name that is not ours grants nothing.
    permissions: pick(readNames(payload, 'permissions') ?? ['allow_join', 'allow_mod'], isPermission),
    roles: pick(roles ?? (strictRoles ? ['rtc'] : ['crawler', 'rtc']), isRole),
    explicitRoles: roles !== undefined,
    ...(roomId !== undefined && { roomId }),
    ...(participantId !== undefined && { participantId }),
    ...(name !== undefined && { name }),
    ...(inviteId !== undefined && { inviteId }),
    ...(exp !== undefined && { expiresAt: exp * 1000 }),
  }
  return { said, times: { exp, nbf } }
}

function readText(payload: JWTPayload, claim: string, maxLength = claimMaxLength): string | undefined {
  const value = readClaim(payload, claim)
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length <= maxLength) return value
  return refuse(payload, claim, `a text of at most ${maxLength} characters`)
}

function readNames(payload: JWTPayload, claim: string): string[] | undefined {
  const value = readClaim(payload, claim)
  if (value === undefined) return undefined
  const names = Array.isArray(value) ? value : [value]
  return names.every((name) => typeof name === 'string') ? names : refuse(payload, claim, 'a text, or a list of texts')
}

function readSeconds(payload: JWTPayload, claim: string): number | undefined {
  const value = readClaim(payload, claim)
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  return refuse(payload, claim, 'epoch seconds, as a number')
}

function showSecond(seconds: number): string {
  const at = seconds * 1000
  return Number.isNaN(new Date(at).getTime()) ? String(seconds) : toIso(at)
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

function refuse(payload: JWTPayload, claim: string, takes: string): never {
  const value = payload[claim]
  const wrong =
    value === undefined ? `the claim ${claim} is missing` : `the claim ${claim}=${quote(value)} is not understood`
  throw new TokenRefusal('token', `${wrong}: it takes ${takes}`)
}
