import type { Session } from '../../ledger/state.ts'

// Which sessions took place at a given moment? An index on their starts alone finds all that ever began before it. So each
// ended session has a level by its length: those of one level are shorter than `spanOf(level)`, so only the ones that started
// that long before the moment can reach it. A few dozen short scans of one plain index find them all, whatever the history.

/** Levels there are: the last holds a year and more. */
export const spanLevels = 26

/** Sessions of this level are shorter than this, in milliseconds; the last level has no bound. */
export function spanOf(level: number): number {
  return level === spanLevels - 1 ? Number.POSITIVE_INFINITY : 1000 * 2 ** level
}

/** The level of sessions that last this long, in milliseconds. */
export function levelOf(durationMs: number): number {
  let level = 0
  while (durationMs >= spanOf(level)) level++
  return level
}

export function spanLevelOf({ startAt, endAt }: Pick<Session, 'startAt' | 'endAt'>): number | null {
  return startAt === null || endAt === null ? null : levelOf(endAt - startAt)
}
