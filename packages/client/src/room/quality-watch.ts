import type { QualityReport } from '@rollcall/protocol'
import { type Interval, toQuality } from './quality.ts'

/** What can be measured: an `RTCPeerConnection`. */
export type Measurable = Pick<RTCPeerConnection, 'getStats' | 'connectionState'>

export type QualityWatch = {
  /** Measures this connection too, until it is closed or the function that is given is called. */
  add(connection: Measurable): () => void
  stop(): void
}

/** Measures peer connections, all together, every `intervalMs`, and tells how their media went since the last time. */
export function createQualityWatch(intervalMs: number, tell: (report: QualityReport) => void): QualityWatch {
  /** Each with what it said the last time. */
  const watched = new Map<Measurable, RTCStatsReport | undefined>()
  let timer: ReturnType<typeof setInterval> | undefined

  async function measure(): Promise<void> {
    const intervals = await Promise.all([...watched.keys()].map(ask))
    const report = toQuality(intervals.filter((interval) => interval !== undefined))
    if (report !== undefined && timer !== undefined) tell(report)
  }

  /** What happened since it was last asked; undefined where that is not known. */
  async function ask(connection: Measurable): Promise<Interval | undefined> {
    const before = watched.get(connection)
    const after =
      connection.connectionState === 'closed' ? undefined : await connection.getStats().catch(() => undefined)
    // A connection that says nothing any more is over.
    if (after === undefined) return remove(connection)
    if (!watched.has(connection)) return undefined
    watched.set(connection, after)
    return before && { before, after }
  }

  function remove(connection: Measurable): undefined {
    watched.delete(connection)
    if (watched.size === 0) stop()
  }

  function stop(): void {
    watched.clear()
    clearInterval(timer)
    timer = undefined
  }

  return {
    add(connection) {
      watched.set(connection, undefined)
      ask(connection)
      timer ??= setInterval(measure, intervalMs)
      return () => remove(connection)
    },
    stop,
  }
}
