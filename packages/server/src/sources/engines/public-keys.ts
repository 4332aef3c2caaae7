import { createPublicKey, type KeyObject } from 'node:crypto'
import { Refusal } from '../../error.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { GuardedFetch } from '../../runtime/guarded-fetch.ts'

/** A key that does not fit a signature is fetched again at most this often, in milliseconds. */
export const refetchMs = 60_000

type Fetched = { at: number; key: Promise<KeyObject> }

export type PublicKeys = {
  /**
   * Whether the key at an address fits. The key is cached, and fetched again where it does not fit: it may have been rotated.
   * Throws a `Refusal` BUSY where it cannot be fetched.
   */
  fits(url: string, test: (key: KeyObject) => boolean): Promise<boolean>
}

export function createPublicKeys({ guardedFetch, clock }: { guardedFetch: GuardedFetch; clock: Clock }): PublicKeys {
  const fetched = new Map<string, Fetched>()
  const known = new Map<string, KeyObject>()

  return {
    async fits(url, test) {
      const key = known.get(url)
      if (key !== undefined && test(key)) return true
      return test(await refetch(url))
    },
  }

  /** The result of the latest fetch, which may be under way. */
  function refetch(url: string): Promise<KeyObject> {
    const last = fetched.get(url)
    if (last !== undefined && clock.now() - last.at < refetchMs) return last.key
    const key = fetchKey(url)
    fetched.set(url, { at: clock.now(), key })
    return key
  }

  async function fetchKey(url: string): Promise<KeyObject> {
    try {
      const { status, body } = await guardedFetch.send(url)
      if (status !== 200) throw new Error(`it answers ${status}`)
      const { publicKey } = JSON.parse(body.toString()) as { publicKey: string }
      const key = createPublicKey(publicKey)
      known.set(url, key)
      return key
    } catch (error) {
      throw new Refusal('BUSY', `The public key at ${url} cannot be had: ${(error as Error).message}`)
    }
  }
}
