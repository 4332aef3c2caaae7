import { lookup } from 'node:dns/promises'

export type Address = { address: string; family: number }
/** All addresses of a name. */
export type LookUp = (hostname: string) => Promise<Address[]>

/**
 * Look-ups of the system under way at once. Each holds one of the four threads that Node also reads files with, for as long as a
 * name server does not answer, and cannot be called off.
 */
const lookUpsMax = 3

export const systemLookUp: LookUp = (hostname) => lookup(hostname, { all: true })

/** Asks for each name once at a time, whoever wants to know it, and for so many names at once; others wait for their turn. */
export function boundLookUps(ask: LookUp, max = lookUpsMax): LookUp {
  const underWay = new Map<string, Promise<Address[]>>()
  const waiting: (() => void)[] = []
  let asking = 0

  const askInTurn = async (hostname: string) => {
    if (asking < max) asking += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await ask(hostname)
    } finally {
      const next = waiting.shift()
      // Whoever is next takes this one's turn.
      if (next === undefined) asking -= 1
      else next()
    }
  }

  return (hostname) => {
    const known = underWay.get(hostname)
    if (known !== undefined) return known
    const asked = askInTurn(hostname).finally(() => underWay.delete(hostname))
    underWay.set(hostname, asked)
    return asked
  }
}
