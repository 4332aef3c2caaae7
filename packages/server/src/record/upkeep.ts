import type { Fleet } from '../cluster/cluster.ts'
import type { Context } from '../context.ts'
import { type Repeated, repeat } from '../runtime/repeat.ts'
import type { Store } from './open-store.ts'

/** How often somebody looks whether a session is over, in milliseconds. */
export const sweepIntervalMs = 1000

/** How often somebody looks whether a session may be sealed, in milliseconds. */
export const sealIntervalMs = 1000

/** Keeps the JSON of sessions that ended and are quiet, so that a list need not make it again for each caller. */
export function startSealer(
  store: Pick<Store, 'seal'>,
  { clock, log }: Pick<Context, 'clock' | 'log'>,
  { isMine }: Pick<Fleet, 'isMine'>,
): Repeated {
  return repeat(
    sealIntervalMs,
    async () => {
      if (isMine('seal')) await store.seal(clock.now())
    },
    (err) => log.error({ err }, 'ended sessions could not be sealed; the next look tries again'),
  )
}

/** The wall clock only decides when to look; whether a session is over, and since when, the facts' own times say. */
export function startSweeper(
  store: Pick<Store, 'sweep'>,
  { clock, log }: Pick<Context, 'clock' | 'log'>,
  { isMine }: Pick<Fleet, 'isMine'>,
): Repeated {
  return repeat(
    sweepIntervalMs,
    async () => {
      if (isMine('sweep')) await store.sweep(clock.now())
    },
    (err) => log.error({ err }, 'sessions that are over could not be ended; the next look tries again'),
  )
}
