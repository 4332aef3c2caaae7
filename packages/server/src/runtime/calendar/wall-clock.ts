import { Temporal } from 'temporal-polyfill'

/** Zones change their clocks at whole quarters of an hour. */
const stepMs = 15 * 60_000

/** What clocks in a time zone show. Times are epoch milliseconds. */
export type WallClock = {
  timeZone: string
  /** What they show then, as if that were UTC. */
  show(at: number): number
  /** The same as yyyy-mm-dd hh:mm:ss. */
  write(at: number): string
  /** How far they are from UTC at some time of a period, such as UTC+01:00, the earliest first. */
  offsets(from: number, to: number): string[]
}

export function createWallClock(timeZone: string): WallClock {
  // Each is asked for of many moments that lie close together.
  const known = new Map<number, number>()
  const offsetAt = (at: number) => {
    const step = Math.floor(at / stepMs)
    const offset = known.get(step) ?? zonedAt(step * stepMs).offsetNanoseconds / 1e6
    known.set(step, offset)
    return offset
  }
  const zonedAt = (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
  const show = (at: number) => at + offsetAt(at)
  return {
    timeZone,
    show,
    write: (at) => new Date(show(at)).toISOString().slice(0, 19).replace('T', ' '),
    offsets(from, to) {
      const found = new Set<string>()
      let zoned: Temporal.ZonedDateTime | null = zonedAt(from)
      while (zoned !== null && zoned.epochMilliseconds <= to) {
        found.add(zoned.offset === '+00:00' ? 'UTC' : `UTC${zoned.offset}`)
        zoned = zoned.getTimeZoneTransition('next')
      }
      return [...found]
    },
  }
}
