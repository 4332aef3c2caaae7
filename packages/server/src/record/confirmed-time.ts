/** What is kept of the time, from one look at the clock to the next, whatever process looks. */
export type KeptTime = {
  /** The time that is confirmed: what was old by then may be erased. Epoch milliseconds, as the other. */
  at: number
  /** What the clock said at the last look. */
  seenAt: number
}

/** How far a look may move the confirmed time, in milliseconds: several times what passes from look to look, so that it catches up. */
export const stepMaxMs = 3_600_000
/** A clock that is so far ahead of the confirmed time is warned of, in milliseconds. */
export const aheadMs = 24 * 3_600_000

/**
 * What is erased cannot be had back, and one wrong clock would erase all. So a time counts only once a second look has found
 * the clock beyond it, and each look moves the confirmed time by a step at most: a clock that leaps by years takes days to
 * do harm, and so long it is warned of.
 * @param lastFactAt when the latest fact came; undefined where there is none
 */
export function confirmTime(kept: KeptTime | undefined, now: number, lastFactAt: number | undefined): KeptTime {
  if (kept === undefined) return { at: Math.min(now, lastFactAt ?? now), seenAt: now }
  const seenTwice = Math.min(kept.seenAt, now)
  const moved = Math.max(kept.at, Math.min(seenTwice, kept.at + stepMaxMs))
  return { at: Math.min(moved, now), seenAt: now }
}
