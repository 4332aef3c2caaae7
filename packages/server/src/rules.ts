import type { Config } from './config.ts'
import type { Rules } from './ledger/state.ts'
import { hostedSource } from './operations.ts'

/** An empty named session is over when it was silent for this, in milliseconds. */
const silenceMs = 600_000
/** Whoever a source left inside is gone when it was silent for this, in milliseconds. */
const maxSilenceMs = 24 * 3_600_000

/** What the ledger goes by, from the settings. */
export function toRules({ graceMs }: Pick<Config, 'graceMs'>): Rules {
  return { graceMs, silenceMs, maxSilenceMs, leasedSource: hostedSource }
}
