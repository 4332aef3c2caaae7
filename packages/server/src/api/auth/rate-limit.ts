import { isIP } from 'node:net'
import type { FastifyReply } from 'fastify'
import { Refusal } from '../../error.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { addressesCountedMax, addressRequestsPerSecond } from '../limits.ts'
import { createTokenBuckets } from './token-bucket.ts'

/**
 * Counts requests, says in `RateLimit-*` headers what is left, and refuses those beyond the limit with a `Refusal`. A good
 * token is counted for its key alone: other requests from the same address do not limit it.
 */
export type RateLimit = {
  /** A request with a good token. */
  countKey(keyId: number, reply: FastifyReply): void
  /** The same of one that is answered without a reply: gives the headers; undefined beyond the limit, where it is not counted. */
  takeKey(keyId: number): RateHeaders | undefined
  /** A request without a key: without a good token, to an unknown path, or to a route that takes no token. */
  countAddress(address: string, reply: FastifyReply): void
  /** The same of one that has no reply, such as a socket: gives the refusal. */
  checkAddress(address: string): Refusal | undefined
}

/** What clients are told, in three headers that they know. */
export type RateHeaders = { 'ratelimit-limit'?: number; 'ratelimit-remaining'?: number; 'ratelimit-reset'?: number }

/** @param keyRequestsPerSecond 0: nothing is counted, of addresses neither */
export function createRateLimit(keyRequestsPerSecond: number, metrics: Metrics): RateLimit {
  if (keyRequestsPerSecond === 0) {
    return { countKey() {}, takeKey: () => ({}), countAddress() {}, checkAddress: () => undefined }
  }
  // Only who holds a secret has a bucket here.
  const keys = createTokenBuckets(keyRequestsPerSecond, Number.POSITIVE_INFINITY)
  const addresses = createTokenBuckets(addressRequestsPerSecond, addressesCountedMax)

  function refuseAddress(): Refusal {
    metrics.noteRateLimited('address')
    return new Refusal(
      'TOO_MANY_REQUESTS',
      `This address makes more than ${addressRequestsPerSecond} requests a second without a good token (ROLLCALL_RATE_LIMIT=0 takes them all)`,
    )
  }

  return {
    countKey(keyId, reply) {
      const { allowed, remaining } = keys.count(keyId)
      reply.headers(toHeaders(keyRequestsPerSecond, remaining))
      if (allowed) return
      metrics.noteRateLimited('key')
      throw new Refusal(
        'TOO_MANY_REQUESTS',
        `This key makes more than ${keyRequestsPerSecond} requests a second, which is the ROLLCALL_RATE_LIMIT of this server`,
      )
    },
    takeKey(keyId) {
      const { allowed, remaining } = keys.count(keyId)
      return allowed ? toHeaders(keyRequestsPerSecond, remaining) : undefined
    },
    countAddress(address, reply) {
      const { allowed, remaining } = addresses.count(toNetwork(address))
      reply.headers(toHeaders(addressRequestsPerSecond, remaining))
      if (!allowed) throw refuseAddress()
    },
    checkAddress: (address) => (addresses.count(toNetwork(address)).allowed ? undefined : refuseAddress()),
  }
}

/** A bucket is full again within a second. */
function toHeaders(limit: number, remaining: number): RateHeaders {
  return { 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': 1 }
}

/** One IPv6 client usually has a whole /64: its addresses count as one. */
export function toNetwork(address: string): string {
  const version = isIP(address)
  // A proxy may send something that is no address.
  if (version === 0) return 'unknown'
  if (version === 4) return address
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const groups = [...before, ...zeros, ...after].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
