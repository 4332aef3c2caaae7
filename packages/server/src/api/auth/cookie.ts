import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { Refusal } from '../../error.ts'
import { baseUrlOf } from '../http/base-url.ts'

const name = 'rollcall-sign-in'

type Named = Pick<Config, 'publicUrl'>

/** What the browser keeps for a sign-in; undefined where it keeps none. */
export function readSignInCookie({ headers }: FastifyRequest): string | undefined {
  return readCookie(headers.cookie, name)
}

export function readCookie(header: string | undefined, named: string): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim().split('=', 2))
  const value = pairs.find(([one]) => one === named)?.[1]
  return value === '' ? undefined : value
}

/**
 * Has the browser keep it, for pages of this server alone: no script reads it, and no other site's page sends it.
 * @param lifetimeMs 0: it is forgotten
 */
export function keepSignInCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  config: Named,
  { secret, lifetimeMs }: { secret: string; lifetimeMs: number },
): void {
  setCookie(request, reply, config, { name, value: secret, lifetimeMs, sameSite: 'Strict' })
}

export function setCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  config: Named,
  cookie: { name: string; value: string; lifetimeMs: number; sameSite: 'Strict' | 'Lax' },
): void {
  const { protocol, pathname } = placeOf(request, config)
  const rules = [
    `${cookie.name}=${cookie.value}`,
    'HttpOnly',
    `SameSite=${cookie.sameSite}`,
    `Path=${pathname}`,
    `Max-Age=${Math.floor(cookie.lifetimeMs / 1000)}`,
    ...(protocol === 'https:' ? ['Secure'] : []),
  ]
  reply.header('set-cookie', rules.join('; '))
  reply.header('cache-control', 'no-store')
}

/** A `host` may be anything: where no public address is set, neither path nor protocol depends on it. */
function placeOf(request: FastifyRequest, { publicUrl }: Named): { protocol: string; pathname: string } {
  if (publicUrl === undefined) return { protocol: `${request.protocol}:`, pathname: '/' }
  const { protocol, pathname } = new URL(publicUrl)
  return { protocol, pathname }
}

/**
 * Refuses what a page of another site, or of another host of the same one, has a browser send. Browsers say so themselves
 * (`Sec-Fetch-Site`), or name the page (`Origin`); what is no browser says neither, and has no cookie that it was not given.
 */
export function requireOwnPage(request: FastifyRequest, config: Named): void {
  const { 'sec-fetch-site': site, origin } = request.headers
  const isOwn =
    site === undefined
      ? origin === undefined || origin === new URL(baseUrlOf(request, config)).origin
      : site === 'same-origin' || site === 'none'
  if (isOwn) return
  throw new Refusal('FORBIDDEN', 'This comes from a page of another site: sign in and act on the pages of this server')
}
