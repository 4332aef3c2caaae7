import type { Role, TokenClaims } from '@rollcall/protocol'
import { ownTokenSeconds, ownTokenSpareSeconds } from './limits.ts'
import { requireText } from './text.ts'

/** An API key and its secret. Whoever has the secret can sign anything: it belongs on a server, not in a page. */
export type KeyPair = { apiKey: string; secret: string }

/** What a signed token says beside its key and its times. */
export type SignedClaims = Omit<TokenClaims, 'apikey' | 'iat' | 'exp'> & {
  /** Where the token is good: `rtc` to join rooms, `crawler` to call the API. */
  roles: Role[] | Role
}

/** A token, or a function that gives a fresh one whenever one is needed. */
export type TokenSource = string | (() => string | Promise<string>)

/**
 * Signs a token (a JWT, HS256) with Web Crypto, in Node as in browsers.
 *
 * @param key the API key and its secret
 * @param claims what the token allows. `roles` has to be said; `permissions` is `allow_join` and `allow_mod` where it is
 *   not; `roomId` and `participantId` bind the token to one room and one participant
 * @param options `expiresInSeconds`: how long it is good, by this machine's clock; 600 where it is not said
 * @returns the token, as `joinRoom` and the header `Authorization` take it
 * @throws TypeError where the key, the roles or the time are not usable
 * @example
 * const token = await signToken({ apiKey, secret }, { roles: ['rtc'], permissions: ['ask_join'] }, { expiresInSeconds: 3600 })
 */
export async function signToken(
  key: KeyPair,
  claims: SignedClaims,
  { expiresInSeconds = ownTokenSeconds }: { expiresInSeconds?: number } = {},
): Promise<string> {
  const apikey = requireText('apiKey', key.apiKey)
  const secret = new TextEncoder().encode(requireText('secret', key.secret))
  if (claims?.roles === undefined) {
    throw new TypeError(
      "roles is missing: it takes ['rtc'] for joining rooms, ['crawler'] for calling the API, or both",
    )
  }
  if (!(expiresInSeconds > 0 && Number.isFinite(expiresInSeconds))) {
    throw new TypeError(`expiresInSeconds=${expiresInSeconds} is not understood: it takes a number above 0`)
  }
  if (globalThis.crypto?.subtle === undefined) {
    throw new TypeError('Signing takes Web Crypto, which browsers have on https and localhost pages alone')
  }
  const iat = Math.floor(Date.now() / 1000)
  const payload: TokenClaims = { version: 2, ...claims, apikey, iat, exp: Math.ceil(iat + expiresInSeconds) }
  const text = `${toPart({ alg: 'HS256', typ: 'JWT' })}.${toPart(payload)}`
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const signer = await crypto.subtle.importKey('raw', secret, hmac, false, ['sign'])
  const signature = await crypto.subtle.sign(hmac, signer, new TextEncoder().encode(text))
  return `${text}.${toBase64Url(new Uint8Array(signature))}`
}

/** Reads a token from its source. Throws a `TypeError` where that gives none. */
export async function readToken(source: TokenSource): Promise<string> {
  return requireText('token', typeof source === 'function' ? await source() : source)
}

/** Signs tokens for the API, each good for a few minutes, and gives the last one until it is about to expire. */
export function createOwnTokens(key: KeyPair): () => Promise<string> {
  let last: { token: Promise<string>; renewAt: number } | undefined
  return () => {
    if (last === undefined || Date.now() >= last.renewAt) {
      last = {
        token: signToken(key, { roles: ['crawler'] }, { expiresInSeconds: ownTokenSeconds }),
        renewAt: Date.now() + (ownTokenSeconds - ownTokenSpareSeconds) * 1000,
      }
    }
    return last.token
  }
}

function toPart(value: unknown): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)))
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
