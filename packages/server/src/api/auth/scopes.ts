import type { KeyScope } from '@rollcall/protocol'
import type { FastifyRequest } from 'fastify'
import { Refusal } from '../../error.ts'
import type { Key } from '../../store/keys/key.ts'
import type { Caller } from './caller.ts'

declare module 'fastify' {
  interface FastifySchema {
    /** Which keys may call a route that may not do everything: see `scopesOf`. */
    scopes?: KeyScope[]
  }
}

/** For a route's schema. */
export function scopes(...names: KeyScope[]): KeyScope[] {
  return names
}

/** Which scopes a route is in, beside `all`: those it names, else `read` where it only reads. */
export function scopesOf({ method, schema }: Pick<FastifyRequest['routeOptions'], 'method' | 'schema'>): KeyScope[] {
  return schema?.scopes ?? (method === 'GET' ? ['read'] : [])
}

/** What a key may do: the first of an owner everything. */
export function mayDo({ scopes }: Pick<Key, 'scopes'>, asked: KeyScope[]): boolean {
  return scopes === undefined || scopes.includes('all') || scopes.some((scope) => asked.includes(scope))
}

export function requireScope({ key, user }: Pick<Caller, 'key' | 'user'>, { routeOptions }: FastifyRequest): void {
  const asked = scopesOf(routeOptions)
  if (mayDo(key, asked)) return
  if (user !== undefined) throw new Refusal('FORBIDDEN', `A ${user.role} may not do this: an administrator may`)
  const takes = [...asked, 'all'].join(' or ')
  throw new Refusal(
    'FORBIDDEN',
    `This key may ${key.scopes?.join(', ')}: this route takes one whose scopes have ${takes}`,
  )
}
