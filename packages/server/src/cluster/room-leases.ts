import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Shared } from '../record/open-store.ts'
import type { FleetLimits } from './limits.ts'
import type { Watch } from './liveness.ts'

/** A hosted room that this process holds. */
export type Hold = {
  keyId: number
  roomId: string
  /** What shows that no other process holds it since; undefined where there are no others. */
  fence: number | undefined
  /** Facts of it that are on their way to the record. */
  pending: number
  /** When it was last in use, by the clock that only goes forward. */
  usedAt: number
}

/** Of each hosted room all sockets are in one process. */
export type RoomHolds = {
  /** Holds a room, or tells where it is held. Rejects with BUSY where that cannot be told yet. */
  take(keyId: number, roomId: string): Promise<Hold | { address: string }>
  /** Who uses the holds: `isInUse` says whether somebody is in a room, `lost` is told that none of them is held any more. */
  serve(user: { isInUse(hold: Hold): boolean; lost(): void }): void
  /** A fact was refused as the room is held by another process: then all may be. */
  doubt(): void
  /** Lets go of rooms in which nobody is for longer than the grace. */
  release(): Promise<void>
  /** None of them is held any more. */
  lose(): void
}

export type HoldParts = {
  shared: Shared
  watch: Pick<Watch, 'find'>
  limits: FleetLimits
  /** Who this process is. */
  holder(): string
  /** Finds out whether this process is still taken to be there. */
  doubt(): void
}

/** @param parts undefined where there is one process */
export function createRoomHolds({ config }: Pick<Context, 'config'>, parts: HoldParts | undefined): RoomHolds {
  const holds = new Map<string, Hold>()
  const taking = new Map<string, Promise<Hold | { address: string }>>()
  let user = { isInUse: (_: Hold) => false, lost: () => {} }

  return {
    async take(keyId, roomId) {
      if (parts === undefined) return newHold(keyId, roomId, undefined)
      const name = `${keyId} ${roomId}`
      const known = holds.get(name)
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
    doubt: () => parts?.doubt(),
    async release() {
      const now = performance.now()
      for (const [name, hold] of holds) {
        if (hold.pending > 0 || user.isInUse(hold)) hold.usedAt = now
        if (now - hold.usedAt <= config.graceMs) continue
        holds.delete(name)
        await parts?.shared.leases.releaseRoom({ ...hold, fence: hold.fence ?? 0 })
      }
    },
    lose() {
      holds.clear()
      user.lost()
    },
  }

  async function takeShared(
    { shared, watch, holder, limits }: HoldParts,
    keyId: number,
    roomId: string,
  ): Promise<Hold | { address: string }> {
    const deadline = performance.now() + limits.claimMs
    while (performance.now() < deadline) {
      const me = holder()
      const taken = await shared.leases.takeRoom({ keyId, roomId }, me)
      if (taken !== undefined && 'fence' in taken && me === holder()) {
        const hold = newHold(keyId, roomId, taken.fence)
        holds.set(`${keyId} ${roomId}`, hold)
        return hold
      }
      if (taken !== undefined && 'holder' in taken) {
        const other = await findOther(watch, taken.holder)
        if (other?.isConnected && other.address !== null) return { address: other.address }
      }
      // Whoever held it is gone, or on its way out: its lease is taken from it soon.
      await new Promise((resolve) => setTimeout(resolve, limits.claimRetryMs))
    }
    throw new Refusal('BUSY', `it is not clear yet which process holds room ${roomId}`)
  }
}

/** Undefined where there is none, or the database could not say. */
async function findOther({ find }: HoldParts['watch'], holder: string) {
  try {
    return await find(holder)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'BUSY') return undefined
    throw error
  }
}

function newHold(keyId: number, roomId: string, fence: number | undefined): Hold {
  return { keyId, roomId, fence, pending: 0, usedAt: performance.now() }
}
