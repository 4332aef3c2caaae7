import { BlockList } from 'node:net'
import type { networkInterfaces } from 'node:os'

/** The interfaces are looked at again after this, in milliseconds: a machine gets and loses addresses while it runs. */
const rereadMs = 5000

/** The networks that this machine has an address in, as they are now: its neighbours there trust it. */
export function createOwnNetworks(interfaces: typeof networkInterfaces): () => BlockList {
  let known = new BlockList()
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - readAt < rereadMs) return known
    readAt = now
    known = new BlockList()
    for (const { address, cidr, family } of Object.values(interfaces()).flatMap((addresses) => addresses ?? [])) {
      const version = family === 'IPv4' ? 'ipv4' : 'ipv6'
      known.addAddress(address, version)
      const prefixBits = Number(cidr?.split('/')[1])
      if (prefixBits > 0) known.addSubnet(address, prefixBits, version)
    }
    return known
  }
}
