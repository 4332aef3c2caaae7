import { randomUUID } from 'node:crypto'
import type { Context } from './context.ts'
import { repeat } from './repeat.ts'

/** The lease is renewed this often, in milliseconds: after a crash, people are known to have been inside until the last. */
export const leaseIntervalMs = 10_000

export type Presence = { stop(): Promise<void> }

/**
 * Keeps this process's lease on the sockets it holds: one write for all of them, however many.
 * Resolves when the first is durable: only then may a socket be taken.
 */
export async function startPresence({
  writes,
  clock,
  log,
}: Pick<Context, 'writes' | 'clock' | 'log'>): Promise<Presence> {
  const holder = randomUUID()
  const renew = () => writes.renewLease({ holder, at: clock.now() })
  await renew()
  const renewing = repeat(leaseIntervalMs, renew, (err) =>
    log.error({ err }, 'the lease could not be renewed: after a crash, people would end at the one before'),
  )
  return {
    async stop() {
      await renewing.stop()
      await writes.releaseLease({ holder })
    },
  }
}
