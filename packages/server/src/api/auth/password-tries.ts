import type { FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { Refusal } from '../../error.ts'
import { foldName } from '../../store/keys/users.ts'
import { addressesCountedMax } from '../limits.ts'
import { toNetwork } from './rate-limit.ts'
import { createTokenBuckets } from './token-bucket.ts'

/** Passwords that may be tried at once, by one address and of one user; as many again come evenly within `fillMs`. */
const triesOfAddress = 30
const triesOfName = 10
const fillMs = 10 * 60_000

/** Throws a `Refusal` where too many passwords were tried: whoever guesses is slow, and whoever mistyped is not. */
export type CountTry = (request: FastifyRequest, name: string) => void

export function createPasswordTries({ keyRequestsPerSecond }: Pick<Config, 'keyRequestsPerSecond'>): CountTry {
  if (keyRequestsPerSecond === 0) return () => {}
  const addresses = createTokenBuckets(triesOfAddress, addressesCountedMax, fillMs)
  const names = createTokenBuckets(triesOfName, addressesCountedMax, fillMs)
  return ({ ip }, name) => {
    if (addresses.count(toNetwork(ip)).allowed && names.count(foldName(name)).allowed) return
    throw new Refusal('TOO_MANY_REQUESTS', 'Too many passwords were tried here: wait a few minutes')
  }
}
