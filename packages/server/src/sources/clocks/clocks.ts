import type { Context } from '../../context.ts'
import type { RunningSession, Source } from '../../store/sources.ts'
import type { Report } from '../engines/engine.ts'
import type { FetchedRooms } from '../engines/media-server.ts'
import { sourceNameOf } from '../source-name.ts'
import { createSenderClock, lateMaxMs, type SenderClock, wrongMs } from './clock.ts'
import { correctReport, correctRooms } from './corrected.ts'

/** Most senders whose clocks are remembered. */
const clocksMax = 10_000

/** Finds which media servers have a clock that is wrong, and moves the times that they tell by as much. */
export type Clocks = {
  /** A delivery that came at `receivedAt`, with times as they are by our clock. */
  correct(source: Source, report: Report, receivedAt: number): Promise<Report>
  /** The same of what a media server lists. */
  correctRooms(source: Source, fetched: FetchedRooms): Promise<FetchedRooms>
  /** A sender's clock was found to be so far behind ours, in milliseconds; negative: ahead. */
  noteMeasured(source: Source, reporter: string | undefined, skewMs: number): void
  /** How far it is behind ours, in milliseconds: 0 where it is right, or nothing is known of it. */
  skewOf(source: Source, reporter: string | undefined): number
}

export function createClocks({ reads, clock: ours }: Pick<Context, 'reads' | 'clock'>): Clocks {
  const clocks = new Map<string, SenderClock>()

  return {
    async correct(source, report, receivedAt) {
      const { sentAt, facts, sightings = [] } = report
      if (sentAt === undefined) return report
      const first = facts[0] ?? sightings[0]
      const name = sourceNameOf(source.id, first?.reporter)
      const lagMs = receivedAt - sentAt
      const isNew = !clocks.has(name)
      const senderClock = clockOf(name)
      const listRunning = () => reads.sources.listRunning(source.keyId, name)
      const mayBeInRecord = senderClock.skewMs === 0 && (lagMs > lateMaxMs || (isNew && Math.abs(lagMs) > wrongMs))
      if (mayBeInRecord) takeFromRecord(senderClock, await listRunning(), lagMs, receivedAt)
      const skewMs = senderClock.note(lagMs, receivedAt)
      if (skewMs === 0) return report
      return correctReport(report, receivedAt, skewIn(skewMs > 0 ? await listRunning() : [], skewMs))
    },

    async correctRooms(source, fetched) {
      const name = sourceNameOf(source.id, fetched.reporter)
      const { skewMs } = clockOf(name)
      if (skewMs === 0) return fetched
      const running = skewMs > 0 ? await reads.sources.listRunning(source.keyId, name) : []
      return correctRooms(fetched, skewIn(running, skewMs))
    },

    noteMeasured(source, reporter, skewMs) {
      clockOf(sourceNameOf(source.id, reporter)).take(skewMs, ours.now())
    },

    skewOf: (source, reporter) => clocks.get(sourceNameOf(source.id, reporter))?.skewMs ?? 0,
  }

  function clockOf(name: string): SenderClock {
    const known = clocks.get(name)
    if (known !== undefined) return known
    const made = createSenderClock()
    clocks.set(name, made)
    const [oldest = ''] = clocks.keys()
    if (clocks.size > clocksMax) clocks.delete(oldest)
    return made
  }
}

/** After a restart, and where another server found it: what running sessions were corrected by holds on. */
function takeFromRecord(clock: SenderClock, running: RunningSession[], lagMs: number, now: number): void {
  const isLikely = (ms: number) => ms !== 0 && ms < 0 === lagMs < 0 && ms <= lagMs
  const corrections = running.map(({ clockCorrectedMs }) => clockCorrectedMs).filter(isLikely)
  if (corrections.length > 0) clock.take(Math.max(...corrections), now)
}

/**
 * A clock that is behind is found late: sessions that run by its own time by then go on so, so that joins and leaves of a stay
 * are by one clock.
 */
function skewIn(running: RunningSession[], skewMs: number): (roomName: string) => number {
  if (skewMs < 0) return () => skewMs
  const uncorrected = new Set(
    running
      .filter(({ clockCorrectedMs }) => clockCorrectedMs === 0)
      .flatMap(({ roomId, customRoomId }) => [roomId, customRoomId ?? roomId]),
  )
  return (roomName) => (uncorrected.has(roomName) ? 0 : skewMs)
}
