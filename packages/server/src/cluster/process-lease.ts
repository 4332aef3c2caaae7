import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import { repeat } from '../runtime/repeat.ts'

export type Presence = {
  /** Who this process is among others; another one after its lease was taken from it. */
  holder(): string
  /** Renews the lease now, or finds out that it was taken. */
  renew(): Promise<void>
  stop(): Promise<void>
}

export type PresenceParts = {
  /** How often the lease is renewed, in milliseconds. */
  intervalMs: number
  /** Where others send those who want to join a room that this process holds; null while it is not known. */
  address(): string | null
  /** What has to be before a lease is taken for a holder. */
  prepare(holder: string): Promise<void>
  /** The lease was taken away, with all rooms that were held under it. */
  lost(): void
}

/**
 * Keeps this process's lease on the sockets it holds: one write for all of them, however many.
 * Resolves when the first is durable: only then may a socket be taken.
 */
export async function startPresence(
  { writes, clock, log }: Pick<Context, 'writes' | 'clock' | 'log'>,
  { intervalMs, address, prepare, lost }: PresenceParts,
): Promise<Presence> {
  let holder = await take()
  let renewing: Promise<void> | undefined
  const renew = () => {
    renewing ??= renewOrTake().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  const repeated = repeat(intervalMs, renew, (err) =>
    log.error({ err }, 'the lease could not be renewed: after a crash, people would end at the one before'),
  )
  return {
    holder: () => holder,
    renew,
    async stop() {
      await repeated.stop()
      await renewing
      await writes.releaseLease({ holder })
    },
  }

  async function take(): Promise<string> {
    const next = randomUUID()
    await prepare(next)
    await writes.takeLease({ holder: next, address: address(), at: clock.now() })
    return next
  }

  async function renewOrTake(): Promise<void> {
    if (await writes.renewLease({ holder, address: address(), at: clock.now() })) return
    log.warn('the lease was taken away, as nothing was heard of this process: its rooms are held anew')
    lost()
    holder = await take()
  }
}
