import type { ImportedStay } from './format.ts'

/** Reports round times and lengths to minutes: what differs by no more than this, in milliseconds, is the same. */
const roundedMs = 120_000

/**
 * A row that has somebody's first join, last leave and how long they were inside, as a stay: it is one where they were inside all the
 * time. Where they were not, when they were away is not known: it is one stay that is marked so, and only where `merged` asks for that.
 * @returns why it is none, otherwise
 */
export function toSummedStay(
  stay: ImportedStay & { leftAt: number },
  insideMs: number | undefined,
  merged = false,
): ImportedStay | string {
  if (insideMs !== undefined && stay.leftAt - stay.joinedAt - insideMs <= roundedMs) return stay
  if (!merged) {
    return 'they were away in between, and the file does not say when: merged (--merged) takes such rows as one stay, marked so'
  }
  const inside = insideMs === undefined ? {} : { insideSeconds: Math.round(insideMs / 1000) }
  return { ...stay, metadata: { ...stay.metadata, mergedStays: true, ...inside } }
}
