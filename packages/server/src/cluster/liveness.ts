import type { Context } from '../context.ts'
import type { Shared } from '../record/open-store.ts'
import type { Lease } from '../store/leases.ts'
import type { Member } from '../store/members.ts'
import type { FleetLimits } from './limits.ts'

/** By the clock that only goes forward: the processes' own clocks may differ. */
type Seen = { renewedAt: number; changedAt: number; freeSince: number | undefined }

/** Judges whether other processes are there, and takes the leases of those that are gone. */
export type Watch = {
  /** Looks at all of them. `isStanding`: this process has its own lease. */
  look(me: string): Promise<{ isStanding: boolean }>
  /** The lease of a process, with whether it is connected; undefined where it has none. */
  find(holder: string): Promise<(Lease & { isConnected: boolean }) | undefined>
  /** Where the processes are reached that were there at the last look. */
  addresses(): string[]
  /** What was seen does not count: it could not be looked all the time. */
  forget(): void
}

export function createWatch(
  { clock, log }: Pick<Context, 'clock' | 'log'>,
  { shared, member, limits }: { shared: Shared; member: Member; limits: FleetLimits },
): Watch {
  let seen = new Map<string, Seen>()
  let addresses: string[] = []
  return {
    async look(me) {
      const leases = await shared.leases.list()
      addresses = leases.flatMap(({ address }) => address ?? [])
      const free = new Set(await member.listFree(leases.map(({ holder }) => holder)))
      const now = performance.now()
      const before = seen
      seen = new Map()
      for (const { holder, renewedAt } of leases) {
        const known = before.get(holder)
        const one = {
          renewedAt,
          changedAt: known?.renewedAt === renewedAt ? known.changedAt : now,
          freeSince: free.has(holder) ? (known?.freeSince ?? now) : undefined,
        }
        seen.set(holder, one)
        if (holder !== me && isGone(one, now)) await revoke(holder)
      }
      return { isStanding: seen.has(me) }
    },
    async find(holder) {
      const lease = (await shared.leases.list()).find((one) => one.holder === holder)
      return lease && { ...lease, isConnected: (await member.listFree([holder])).length === 0 }
    },
    addresses: () => addresses,
    forget: () => seen.clear(),
  }

  function isGone({ changedAt, freeSince = Number.POSITIVE_INFINITY }: Seen, now: number): boolean {
    return now - changedAt >= limits.silentMs || now - freeSince >= limits.disconnectedMs
  }

  /** What it still writes is refused from here on. Its duties are free when its connection is cut off. */
  async function revoke(holder: string): Promise<void> {
    await shared.revokeLease(holder, clock.now())
    await member.cutOff(holder)
    log.warn({ holder }, 'a process is gone: whoever was inside its rooms left when it was last known to be there')
  }
}
