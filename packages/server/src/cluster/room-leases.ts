import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Shared } from '../record/shared.ts'
import type { FailureDetector } from './failure-detector.ts'
import type { ClusterLimits } from './limits.ts'

/** A hosted room that this process holds. */
export type RoomLease = {
  keyId: number
  roomId: string
  /** Proves to the database that no other process took the room since; undefined where there are no others. */
  fence: number | undefined
  /** Facts of it that are on their way to the record. */
  factsPending: number
  /** When it was last in use, by the monotonic clock. */
  usedAt: number
}

/** The rooms that this process holds: all sockets of a hosted room are in one process. */
export type RoomLeases = {
  /** Takes a room, or gives the address of the process that holds it. Rejects with BUSY where it is not clear yet who does. */
  take(keyId: number, roomId: string): Promise<RoomLease | { address: string }>
  /** Sets who uses the leases: `isInUse` says whether somebody is in a room; `lost` is called when none is held any more. */
  serve(user: { isInUse(lease: RoomLease): boolean; lost(): void }): void
  /** Forgets a lease, and checks whether this process has lost all: a fact was refused because another process holds the room. */
  refused(lease: RoomLease): void
  /** Releases rooms that have been empty for longer than the grace. */
  release(): Promise<void>
  /** Forgets all leases: they were revoked. */
  lose(): void
}

export type RoomLeasesParts = {
  shared: Shared
  detector: Pick<FailureDetector, 'find'>
  limits: ClusterLimits
  /** The name of this process. */
  holder(): string
  /** Renews the lease of this process, or finds that it was revoked. */
  renew(): void
}

/** @param parts undefined where there is one process */
export function createRoomLeases({ config }: Pick<Context, 'config'>, parts: RoomLeasesParts | undefined): RoomLeases {
  const leases = new Map<string, RoomLease>()
  const taking = new Map<string, Promise<RoomLease | { address: string }>>()
  let user = { isInUse: (_: RoomLease) => false, lost: () => {} }

  return {
    async take(keyId, roomId) {
      if (parts === undefined) return newLease(keyId, roomId, undefined)
      const name = nameOf({ keyId, roomId })
      const known = leases.get(name)
      if (known !== undefined) {
        known.usedAt = performance.now()
        return known
      }
      const underWay = taking.get(name)
      if (underWay !== undefined) return underWay
      const take = takeShared(parts, keyId, roomId).finally(() => taking.delete(name))
      taking.set(name, take)
      return take
    },
    serve(by) {
      user = by
    },
    refused(lease) {
      const name = nameOf(lease)
      if (leases.get(name) === lease) leases.delete(name)
      parts?.renew()
    },
    async release() {
      const now = performance.now()
      for (const [name, lease] of leases) {
        if (lease.factsPending > 0 || user.isInUse(lease)) lease.usedAt = now
        if (now - lease.usedAt <= config.graceMs) continue
        leases.delete(name)
        await parts?.shared.leases.releaseRoom({ ...lease, fence: lease.fence ?? 0 })
      }
    },
    lose() {
      leases.clear()
      user.lost()
    },
  }

  async function takeShared(
    { shared, detector, holder, limits }: RoomLeasesParts,
    keyId: number,
    roomId: string,
  ): Promise<RoomLease | { address: string }> {
    const deadline = performance.now() + limits.claimMs
    while (performance.now() < deadline) {
      const me = holder()
      const taken = await shared.leases.takeRoom({ keyId, roomId }, me)
      if (taken !== undefined && 'fence' in taken && me === holder()) {
        const lease = newLease(keyId, roomId, taken.fence)
        leases.set(nameOf(lease), lease)
        return lease
      }
      if (taken !== undefined && 'holder' in taken) {
        const other = await findOther(detector, taken.holder)
        if (other?.isConnected && other.address !== null) return { address: other.address }
      }
      // The holder is dead or stopping: its lease is revoked or released soon.
      await new Promise((resolve) => setTimeout(resolve, limits.claimRetryMs))
    }
    throw new Refusal('BUSY', `it is not clear yet which process holds room ${roomId}`)
  }
}

/** Undefined where there is none, or the database does not answer. */
async function findOther({ find }: RoomLeasesParts['detector'], holder: string) {
  try {
    return await find(holder)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'BUSY') return undefined
    throw error
  }
}

/** What a room goes by among those of all keys. */
export function nameOf({ keyId, roomId }: Pick<RoomLease, 'keyId' | 'roomId'>): string {
  return `${keyId} ${roomId}`
}

function newLease(keyId: number, roomId: string, fence: number | undefined): RoomLease {
  return { keyId, roomId, fence, factsPending: 0, usedAt: performance.now() }
}
