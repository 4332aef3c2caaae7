import type { Config } from './config.ts'
import type { Rules } from './ledger/state.ts'

/** An empty named session is over when it was silent for this, in milliseconds. */
const silenceMs = 600_000

/** The durations the ledger goes by, from the settings. */
export function toRules({ graceMs }: Pick<Config, 'graceMs'>): Rules {
  return { graceMs, silenceMs }
}
