import { lookup } from 'node:dns/promises'

export type ResolvedAddress = { address: string; family: number }
/** Gives all addresses of a name. */
export type Resolver = (hostname: string) => Promise<ResolvedAddress[]>

/**
 * Names that the system resolves at once. Each takes one of the four threads that Node also reads files with, for as long as
 * a name server is silent, and cannot be aborted: one thread stays free.
 */
const resolvingMax = 3

export const systemResolver: Resolver = (hostname) => lookup(hostname, { all: true })

/** Resolves each name once at a time, whoever asks for it, and at most `max` names at once; others wait in a queue. */
export function limitResolver(resolve: Resolver, max = resolvingMax): Resolver {
  const underWay = new Map<string, Promise<ResolvedAddress[]>>()
  const queue: (() => void)[] = []
  let resolving = 0

  const resolveInTurn = async (hostname: string) => {
    if (resolving < max) resolving += 1
    else await new Promise<void>((next) => queue.push(next))
    try {
      return await resolve(hostname)
    } finally {
      const next = queue.shift()
      // The next in the queue takes over this place, so the count stays.
      if (next === undefined) resolving -= 1
      else next()
    }
  }

  return (hostname) => {
    const known = underWay.get(hostname)
    if (known !== undefined) return known
    const resolved = resolveInTurn(hostname).finally(() => underWay.delete(hostname))
    underWay.set(hostname, resolved)
    return resolved
  }
}
