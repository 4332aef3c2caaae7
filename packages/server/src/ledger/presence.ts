import type { TimelogEntry } from './stays.ts'

/** How long somebody was inside, and how many at most at one moment: whoever leaves as another joins are two. */
export type Presence = { activeMs: number; maxInside: number }

/** Adds up the timelogs of a session's people, some of them at a time. */
export type PresenceSum = {
  /** In whatever order. */
  add(logs: Iterable<TimelogEntry[]>): void
  sum(): Presence
}

/** @param now epoch milliseconds: what is open lasts until now */
export function createPresenceSum(now: number): PresenceSum {
  const joins = createSortedTimes()
  const leaves = createSortedTimes()
  return {
    add(logs) {
      const joinsOfThese: number[] = []
      const leavesOfThese: number[] = []
      for (const log of logs) {
        for (const { joinedAt, leftAt } of log) {
          joinsOfThese.push(joinedAt)
          leavesOfThese.push(leftAt ?? Math.max(now, joinedAt))
        }
      }
      joins.add(joinsOfThese)
      leaves.add(leavesOfThese)
    },
    sum: () => walk(joins.all(), leaves.all()),
  }
}

/** There are as many leaves as joins. */
function walk(joins: Float64Array, leaves: Float64Array): Presence {
  let inside = 0
  let maxInside = 0
  let activeMs = 0
  let since = 0
  let join = 0
  for (const leftAt of leaves) {
    // Joins before leaves: a stay of no length was still somebody inside.
    for (let joinedAt = joins[join]; joinedAt !== undefined && joinedAt <= leftAt; joinedAt = joins[join]) {
      if (inside === 0) since = joinedAt
      inside += 1
      join += 1
    }
    maxInside = Math.max(maxInside, inside)
    inside -= 1
    if (inside === 0) activeMs += leftAt - since
  }
  return { activeMs, maxInside }
}

/** Sorted as they come, so that at no time all have to be. */
function createSortedTimes() {
  /** Each about twice as long as the next one at least. */
  const runs: Float64Array[] = []
  const mergeLast = () => {
    const [a, b] = runs.splice(-2)
    if (a !== undefined && b !== undefined) runs.push(merge(a, b))
  }
  return {
    add(times: number[]) {
      runs.push(Float64Array.from(times).sort())
      while (runs.length > 1 && (runs.at(-2)?.length ?? 0) < 2 * (runs.at(-1)?.length ?? 0)) mergeLast()
    },
    all(): Float64Array {
      while (runs.length > 1) mergeLast()
      return runs[0] ?? new Float64Array()
    },
  }
}

function merge(a: Float64Array, b: Float64Array): Float64Array {
  const merged = new Float64Array(a.length + b.length)
  let i = 0
  let j = 0
  for (let at = 0; at < merged.length; at++) {
    const [fromA, fromB] = [a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY]
    if (fromA <= fromB) i += 1
    else j += 1
    merged[at] = Math.min(fromA, fromB)
  }
  return merged
}
