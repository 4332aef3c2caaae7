import { createPublicKey, type KeyObject } from 'node:crypto'
import { Refusal } from '../../error.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { GuardedFetch } from '../../runtime/guarded-fetch.ts'

/** A key that a signature does not fit is asked for again at most this often, in milliseconds. */
export const refetchMs = 60_000

type Asked = { at: number; key: Promise<KeyObject> }

export type PublicKeys = {
  /**
   * Whether the key at an address fits. It is kept, and asked for anew where it does not fit: it may have been changed.
   * Throws a `Refusal` BUSY where it cannot be had: then nobody knows.
   */
  fits(url: string, test: (key: KeyObject) => boolean): Promise<boolean>
}

export function createPublicKeys({ guardedFetch, clock }: { guardedFetch: GuardedFetch; clock: Clock }): PublicKeys {
  const asked = new Map<string, Asked>()
  const known = new Map<string, KeyObject>()

  return {
    async fits(url, test) {
      const key = known.get(url)
      if (key !== undefined && test(key)) return true
      return test(await ask(url))
    },
  }

  /** What the last asking gave, or gives. */
  function ask(url: string): Promise<KeyObject> {
    const last = asked.get(url)
    if (last !== undefined && clock.now() - last.at < refetchMs) return last.key
    const key = fetchKey(url)
    asked.set(url, { at: clock.now(), key })
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
