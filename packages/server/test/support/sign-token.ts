import { createHmac } from 'node:crypto'
import type { TokenClaims } from '@rollcall/protocol'

/**
 * Signs a token as somebody does who has no library of ours: the server's own takes a file of tests longer to load than the server.
 * Good for `lifetimeMs` from `now` (epoch milliseconds).
 */
export async function signToken(
  { apiKey, secret }: { apiKey: string; secret: string },
  claims: Partial<TokenClaims>,
  { now, lifetimeMs }: { now: number; lifetimeMs: number },
): Promise<string> {
  const iat = Math.floor(now / 1000)
  const exp = Math.floor((now + lifetimeMs) / 1000)
  const said = [
    { alg: 'HS256', typ: 'JWT' },
    { apikey: apiKey, version: 2, ...claims, iat, exp },
  ]
  const signed = said.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
