import type { Context } from './context.ts'
import type { Store } from './open-store.ts'

/** How often somebody looks whether a session is over, in milliseconds. */
export const sweepIntervalMs = 1000

export type Sweeper = { stop(): Promise<void> }

/** The wall clock only decides when to look; whether a session is over, and since when, the facts' own times say. */
export function startSweeper(store: Pick<Store, 'sweep'>, { clock, log }: Pick<Context, 'clock' | 'log'>): Sweeper {
  let sweeping: Promise<void> | undefined
  const timer = setInterval(() => {
    sweeping ??= store
      .sweep(clock.now())
      .catch((error) =>
        log.error({ err: error }, 'sessions that are over could not be ended; the next look tries again'),
      )
      .finally(() => {
        sweeping = undefined
      })
  }, sweepIntervalMs)
  return {
    async stop() {
      clearInterval(timer)
      await sweeping
    },
  }
}
