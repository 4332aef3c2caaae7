import { isPerson, type Participant, type Session } from '@rollcall/client'
import { offsetAt } from '../formats.ts'

/** Epoch milliseconds. */
export type View = { from: number; to: number }

/** From the start of a session to its end; of one that runs, to now and a little more, so that it has room to grow. */
export function wholeOf({ start, end }: Pick<Session, 'start' | 'end'>, now: number): View {
  const from = Date.parse(start)
  const to = end === null ? now + Math.max(10_000, (now - from) * 0.03) : Date.parse(end)
  return { from, to: Math.max(to, from + 1000) }
}

/** Whether somebody is inside. */
export function isOpen(timelog: Participant['timelog']): boolean {
  return timelog.some(({ end }) => end === null)
}

/** How many persons were inside, at each moment that it changed. */
export function countInside(participants: Participant[], now: number): { times: number[]; counts: number[] } {
  const moves: { at: number; by: 1 | -1 }[] = []
  for (const { kind, timelog } of participants) {
    if (!isPerson(kind)) continue
    for (const { start, end } of timelog) {
      moves.push({ at: Date.parse(start), by: 1 })
      if (end !== null) moves.push({ at: Date.parse(end), by: -1 })
    }
  }
  // Joins before leaves, as the server counts: a stay of no length was still somebody inside.
  moves.sort((a, b) => a.at - b.at || b.by - a.by)
  const times: number[] = []
  const counts: number[] = []
  let inside = 0
  for (const { at, by } of moves) {
    inside += by
    times.push(at)
    counts.push(inside)
  }
  const last = times.at(-1)
  if (inside > 0 && last !== undefined && now > last) {
    times.push(now)
    counts.push(inside)
  }
  return { times, counts }
}

/** Zooms by a factor around a moment that stays where it is, within the whole. */
export function zoom(view: View, whole: View, factor: number, around: number): View {
  const shortestMs = Math.min(1000, whole.to - whole.from)
  const length = Math.min(whole.to - whole.from, Math.max(shortestMs, (view.to - view.from) * factor))
  const part = (around - view.from) / (view.to - view.from)
  return within({ from: around - length * part, to: around + length * (1 - part) }, whole)
}

export function pan(view: View, whole: View, byMs: number): View {
  return within({ from: view.from + byMs, to: view.to + byMs }, whole)
}

function within({ from, to }: View, whole: View): View {
  const length = Math.min(to - from, whole.to - whole.from)
  const start = Math.min(Math.max(from, whole.from), whole.to - length)
  return { from: start, to: start + length }
}

/** Moments of even clock time for the axis of a view. */
export function ticksOf({ from, to }: View, most: number): number[] {
  const minute = 60_000
  const steps = [1000, 5000, 10_000, 30_000, minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, 60 * minute]
  const hours = [2, 3, 6, 12, 24, 48, 168].map((n) => n * 60 * minute)
  const step = [...steps, ...hours].find((one) => (to - from) / one <= most) ?? 720 * 60 * minute
  const offset = -offsetAt(from)
  const ticks: number[] = []
  for (let at = Math.ceil((from - offset) / step) * step + offset; at < to; at += step) ticks.push(at)
  return ticks
}
