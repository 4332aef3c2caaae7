import type { Context } from '../../context.ts'
import { StartRefusal } from '../../error.ts'
import type { Key } from '../../store/keys/key.ts'

/** A shorter secret may be guessed from one token: the signature is of so many bytes. */
const secretMinBytes = 32

/**
 * Ensures that there is a key: the one of the settings, else one made at the first start.
 * @returns the key to show; undefined where every key is disabled
 */
export async function ensureFirstKey({
  config: { firstKey },
  reads,
  writes,
  log,
}: Pick<Context, 'config' | 'reads' | 'writes' | 'log'>): Promise<Key | undefined> {
  if (firstKey === undefined) {
    const keys = await reads.keys.list()
    return keys.length === 0 ? writes.keys.addFirst({}) : keys.find((key) => key.disabledAt === null)
  }
  const kept = (await reads.keys.find(firstKey.apiKey)) ?? (await writes.keys.addFirst(firstKey))
  if (kept.secret !== firstKey.secret) {
    if (kept.previousSecret !== firstKey.secret) {
      throw new StartRefusal(
        `ROLLCALL_SECRET is not the secret of the key ${kept.apiKey} in the data folder: set that one, or change it by \`rollcall keys rotate ${kept.apiKey}\``,
      )
    }
    log.warn(
      { apiKey: kept.apiKey },
      'ROLLCALL_SECRET ignored: it is the secret before the last rotation, and the newer one is valid',
    )
  }
  const sizeBytes = Buffer.byteLength(firstKey.secret)
  if (sizeBytes < secretMinBytes) {
    log.warn(
      { apiKey: firstKey.apiKey, sizeBytes },
      `ROLLCALL_SECRET is short: who guesses it forges tokens; give it ${secretMinBytes} random bytes`,
    )
  }
  return kept.disabledAt === null ? kept : undefined
}
