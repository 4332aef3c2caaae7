import { coalesce } from '../../runtime/single-flight.ts'

/** Most samples that are kept; the oldest go first. */
const samplesMax = 1000

/** What the primary had written when, and what a replica needs to have of it. Positions are bytes of its log. */
export type Positions = {
  /** Something of this key was written, by whichever server; undefined: of any. */
  noteWritten(keyId: number | undefined): void
  /**
   * How far a replica has to be to show all that is known to be written of a key, and to be no older than is allowed. The primary is
   * asked only where something was written since it last was. Undefined: it does not say.
   */
  neededFor(keyId: number): Promise<number | undefined>
  /** How long ago the primary had no more than this, in milliseconds; undefined: longer than is known. */
  ageOf(position: number): number | undefined
  /** Asks the primary how far it is. */
  sample(): Promise<void>
}

/** `n`: how many writes were noted before the primary was asked: it has all of them. `at`: when, by the monotonic clock. */
type Sample = { n: number; at: number; position: number }

export function createPositions(findPosition: () => Promise<number>, maxAgeMs: number): Positions {
  /** Which of all the writes was the last of each key. */
  const lastOf = new Map<number, number>()
  let lastOfAll = 0
  let n = 0
  let samples: Sample[] = []
  const sample = coalesce(async () => {
    const asked = { n, at: performance.now() }
    const position = await findPosition()
    // After a failover another service may be less far: what the one before had says nothing of it.
    if (position < (samples.at(-1)?.position ?? 0)) samples = []
    samples.push({ ...asked, position })
    if (samples.length > samplesMax) samples.shift()
  })
  return {
    noteWritten(keyId) {
      n += 1
      if (keyId === undefined) lastOfAll = n
      else lastOf.set(keyId, n)
    },
    async neededFor(keyId) {
      const last = Math.max(lastOfAll, lastOf.get(keyId) ?? 0)
      if ((samples.at(-1)?.n ?? -1) < last) await sample()
      const since = performance.now() - maxAgeMs
      return samples.find((one) => one.n >= last && one.at >= since)?.position
    },
    ageOf(position) {
      const before = samples.findLast((one) => one.position <= position)
      return before && performance.now() - before.at
    },
    sample,
  }
}
