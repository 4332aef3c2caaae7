/** Places for work that is under way, shared by whoever has some to do. */
export type FairPool = {
  /** Takes a place for them; false where they have their share, or none is free. */
  take(name: string | number): boolean
  /** Gives a place of theirs back. */
  release(name: string | number): void
}

/**
 * Whoever has fewer places than are free may take one more: one alone gets half of them, two get a third each, and so on. So
 * a place is free for whoever comes next, and nobody waits because another's work is slow.
 */
export function createFairPool(placesMax: number): FairPool {
  const taken = new Map<string | number, number>()
  let free = placesMax
  return {
    take(name) {
      const own = taken.get(name) ?? 0
      if (own >= free) return false
      taken.set(name, own + 1)
      free -= 1
      return true
    },
    release(name) {
      const own = (taken.get(name) ?? 0) - 1
      if (own > 0) taken.set(name, own)
      else taken.delete(name)
      free += 1
    },
  }
}
