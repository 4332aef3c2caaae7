import type { Fleet } from '../cluster/cluster.ts'
import type { Context } from '../context.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { Store } from './open-store.ts'

/** How often somebody looks whether anything is to be kept no longer, in milliseconds. */
const retainIntervalMs = 600_000

/** Drops the log of facts after `ROLLCALL_LOG_DAYS`, and erases sessions after `ROLLCALL_RETENTION_DAYS`. */
export function startRetention(
  store: Pick<Store, 'retain'>,
  { config, clock, log }: Pick<Context, 'config' | 'clock' | 'log'>,
  { isMine }: Pick<Fleet, 'isMine'>,
): Repeated {
  return repeat(
    retainIntervalMs,
    async () => {
      if (isMine('retain')) await store.retain(clock.now(), config)
    },
    (err) => log.error({ err }, 'what is to be kept no longer could not be erased; the next look tries again'),
  )
}
