import type { Context } from '../../context.ts'
import { repeat } from '../../runtime/repeat.ts'
import type { Key, KeyUse } from '../../store/keys/key.ts'

/** How often it is written down which keys were used, in milliseconds. */
const writtenEveryMs = 60_000

/** Remembers when each key was last used. */
export type KeyUses = {
  /** A token of it was good. */
  note(key: Pick<Key, 'keyId' | 'apiKey'>): void
  /** What is not written yet is. */
  stop(): Promise<void>
}

export function startKeyUses({ writes, clock, log }: Pick<Context, 'writes' | 'clock' | 'log'>): KeyUses {
  const uses = new Map<string, KeyUse>()

  async function write(): Promise<void> {
    if (uses.size === 0) return
    const noted = [...uses.values()]
    uses.clear()
    await writes.keys.noteUses({ uses: noted })
  }
  const logFailure = (err: unknown) => log.warn({ err }, 'uses of keys not written')
  const rounds = repeat(writtenEveryMs, write, logFailure)

  return {
    note({ keyId, apiKey }) {
      const known = uses.get(apiKey)
      if (known === undefined) uses.set(apiKey, { keyId, apiKey, at: clock.now() })
      else known.at = clock.now()
    },
    async stop() {
      await rounds.stop()
      await write().catch(logFailure)
    },
  }
}
