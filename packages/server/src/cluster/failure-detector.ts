import type { Context } from '../context.ts'
import type { Shared } from '../record/shared.ts'
import type { Lease } from '../store/leases.ts'
import type { Member } from '../store/members.ts'
import { pooledPrefix } from '../store/pooled-members.ts'
import type { ClusterLimits } from './limits.ts'

/** What was seen of a process, by the monotonic clock: the processes' own clocks may differ. */
type Seen = { renewedAt: number; changedAt: number; disconnectedAt: number | undefined }

/** Judges which processes are dead, and revokes their leases. */
export type FailureDetector = {
  /** Checks all other processes. `hasLease`: this process still has its own. */
  check(me: string): Promise<{ hasLease: boolean }>
  /** The lease of a process, with whether it is connected; undefined where it has none. */
  find(holder: string): Promise<(Lease & { isConnected: boolean }) | undefined>
  /** The addresses of the processes that had a lease at the last check. */
  addresses(): string[]
  /** Begins anew: checks were missed, so that what was seen before them proves no silence. */
  forget(): void
}

export function createFailureDetector(
  { clock, log }: Pick<Context, 'clock' | 'log'>,
  { shared, member, limits }: { shared: Shared; member: Member; limits: ClusterLimits },
): FailureDetector {
  let seen = new Map<string, Seen>()
  let addresses: string[] = []
  return {
    async check(me) {
      const leases = await shared.leases.list()
      addresses = leases.flatMap(({ address }) => address ?? [])
      const connectable = leases.map(({ holder }) => holder).filter((holder) => !isPooledHolder(holder))
      const disconnected = new Set(await member.listFree(connectable))
      const now = performance.now()
      const before = seen
      seen = new Map()
      for (const { holder, renewedAt } of leases) {
        const known = before.get(holder)
        const one = {
          renewedAt,
          changedAt: known?.renewedAt === renewedAt ? known.changedAt : now,
          disconnectedAt: disconnected.has(holder) ? (known?.disconnectedAt ?? now) : undefined,
        }
        seen.set(holder, one)
        if (holder !== me && isDead(holder, one, now)) await revoke(holder)
      }
      return { hasLease: seen.has(me) }
    },
    async find(holder) {
      const lease = (await shared.leases.list()).find((one) => one.holder === holder)
      if (lease === undefined) return undefined
      return { ...lease, isConnected: isPooledHolder(holder) || (await member.listFree([holder])).length === 0 }
    },
    addresses: () => addresses,
    forget: () => seen.clear(),
  }

  function isDead(
    holder: string,
    { changedAt, disconnectedAt = Number.POSITIVE_INFINITY }: Seen,
    now: number,
  ): boolean {
    const silentMs = isPooledHolder(holder) ? limits.pooledSilentMs : limits.silentMs
    return now - changedAt >= silentMs || now - disconnectedAt >= limits.disconnectedMs
  }

  /** From here on its writes are refused. Its duties are free when its connection is cut off. */
  async function revoke(holder: string): Promise<void> {
    await shared.revokeLease(holder, clock.now())
    await member.cutOff(holder)
    log.warn(
      { holder },
      'process lease revoked: the process is dead, and people in its rooms left when it was last seen',
    )
  }
}

/** No connection stands for it. */
function isPooledHolder(holder: string): boolean {
  return holder.startsWith(pooledPrefix)
}
