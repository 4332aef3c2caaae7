import { randomUUID } from 'node:crypto'
import type { Context } from '../context.ts'
import { repeat } from '../runtime/repeat.ts'

/** This process's lease on the sockets it holds: one row for all of them, however many. */
export type ProcessLease = {
  /** The name of this process among others; a new one after its lease was revoked. */
  holder(): string
  /** Renews the lease now, or takes a new one where it was revoked. */
  renew(): Promise<void>
  stop(): Promise<void>
}

export type ProcessLeaseParts = {
  /** How often the lease is renewed, in milliseconds. */
  intervalMs: number
  /** Where others send those who want to join a room that this process holds; null while it is not known. */
  address(): string | null
  /** Begins its name. Default: nothing. */
  prefix?: string
  /** Called before a lease is taken for a holder. */
  prepare(holder: string): Promise<void>
  /** Called when the lease was revoked, with all rooms that were held under it. */
  revoked(): void
}

/** Takes the lease and keeps it. Resolves when the first is durable: only then may a socket be taken. */
export async function startProcessLease(
  { writes, clock, log }: Pick<Context, 'writes' | 'clock' | 'log'>,
  { intervalMs, address, prefix = '', prepare, revoked }: ProcessLeaseParts,
): Promise<ProcessLease> {
  let holder = await take()
  let renewing: Promise<void> | undefined
  const renew = () => {
    renewing ??= renewOrTake().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  const repeated = repeat(intervalMs, renew, (err) =>
    log.error({ err }, 'process lease not renewed: after a crash, people would end at the last renewal'),
  )
  return {
    holder: () => holder,
    renew,
    async stop() {
      await repeated.stop()
      await renewing
      await writes.leases.release({ holder })
    },
  }

  async function take(): Promise<string> {
    const next = `${prefix}${randomUUID()}`
    await prepare(next)
    await writes.leases.take({ holder: next, address: address(), at: clock.now() })
    return next
  }

  async function renewOrTake(): Promise<void> {
    if (await writes.leases.renew({ holder, address: address(), at: clock.now() })) return
    log.warn('process lease was revoked by another process: taking a new one')
    revoked()
    holder = await take()
  }
}
