// LiveKit dates a leave by whole seconds, cut off. Inside that second the arrival of the webhook says when it was: less the
// time that webhooks of that source take, and the difference of its clock.

/** A delay is forgotten after so long, in milliseconds: clocks drift. At most twice as long. */
const keepMs = 600_000
/** Most sources whose delays are remembered. */
const sourcesMax = 10_000

/** How long deliveries of a source take at least, by our clock less its own: negative where its clock is ahead. */
export type Delays = {
  /** An event that was not before `at` has arrived. */
  note(sourceId: string, at: number, receivedAt: number): void
  /** When it was, of an event in the second from `secondAt` on; that second where the arrival tells nothing of it. */
  date(sourceId: string, secondAt: number, receivedAt: number): number
}

/** The least delay since `since`, and that of the time before. */
type Least = { since: number; delayMs: number; earlierMs: number }

export function createDelays(): Delays {
  const leasts = new Map<string, Least>()
  return {
    note(sourceId, at, receivedAt) {
      const delayMs = receivedAt - at
      const known = leasts.get(sourceId)
      if (known !== undefined && receivedAt - known.since < keepMs) {
        known.delayMs = Math.min(known.delayMs, delayMs)
        return
      }
      if (leasts.size >= sourcesMax) leasts.clear()
      leasts.set(sourceId, { since: receivedAt, delayMs, earlierMs: known?.delayMs ?? delayMs })
    },

    date(sourceId, secondAt, receivedAt) {
      const known = leasts.get(sourceId)
      if (known === undefined) return secondAt
      const at = receivedAt - Math.min(known.delayMs, known.earlierMs)
      // It was sent late, or again.
      if (at >= secondAt + 1000) return secondAt
      return Math.max(at, secondAt)
    },
  }
}
