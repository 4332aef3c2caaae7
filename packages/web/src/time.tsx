import { Tooltip } from '@mantine/core'
import { atLocal, dateFormat, formatNumber, isoDay, offsetAt } from './formats.ts'
import { useNow } from './live.ts'

const moment = dateFormat({ dateStyle: 'medium', timeStyle: 'short' })
const clock = dateFormat({ timeStyle: 'medium' })

/** A moment in the chosen zone; in UTC for who points at it. */
export function Time({ at, as = 'moment' }: { at: string | number; as?: 'moment' | 'clock' }) {
  const date = new Date(at)
  const utc = date.toISOString()
  return (
    <Tooltip label={utc} openDelay={200}>
      <time dateTime={utc} dir="auto">
        {(as === 'moment' ? moment : clock).format(date)}
      </time>
    </Tooltip>
  )
}

export function clockOf(at: number): string {
  return clock.format(at)
}

/** Whether two moments are of one day in the chosen zone: then the clock tells enough of them. */
export function isOneDay(one: string | number, other: string | number): boolean {
  return isoDay(one) === isoDay(other)
}

/** From when to when: with the days, where these are two. */
export function spanOf(from: number, to: number | null): string {
  const tell = isOneDay(from, to ?? Date.now()) ? clock : moment
  return `${tell.format(from)} – ${to === null ? 'now' : tell.format(to)}`
}

/** How long something has lasted, second by second. */
export function RunningClock({ since }: { since: string }) {
  const seconds = (useNow() - Date.parse(since)) / 1000
  return (
    <span className="numeric" role="timer" aria-label="Running for">
      {formatClock(Math.max(0, seconds))}
    </span>
  )
}

/** `1:02:03`, as a stopwatch shows it. */
function formatClock(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h === 0 ? `${m}:${two(s)}` : `${h}:${two(m)}:${two(s)}`
}

/** `1,234 h`, `1 h 2 min`, `3 min 5 s`, `7 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  if (h >= 100) return `${formatNumber(h)} h`
  if (h > 0) return m === 0 ? `${h} h` : `${h} h ${m} min`
  if (m > 0) return s === 0 || m >= 10 ? `${m} min` : `${m} min ${s} s`
  return `${s} s`
}

/** What an input of the type `datetime-local` shows for a moment. */
export function toLocalInput(iso: string | undefined): string {
  if (iso === undefined || Number.isNaN(Date.parse(iso))) return ''
  const date = new Date(iso)
  return new Date(date.getTime() + offsetAt(date.getTime())).toISOString().slice(0, 16)
}

export function fromLocalInput(text: string): string | undefined {
  const local = Date.parse(`${text}Z`)
  return Number.isNaN(local) ? undefined : new Date(atLocal(local)).toISOString()
}
