import { isPerson } from '@rollcall/protocol'
import type { Participant } from './state.ts'
import type { TimelogEntry } from './stays.ts'

/** A time inside, in epoch milliseconds; `leftAt` is null while they are. */
export type TimeInside = Pick<TimelogEntry, 'joinedAt' | 'leftAt'>

/** When each person was inside, by their participantId and in order of first join: all of them, and persons alone. */
export type Presence = Map<string, TimeInside[]>

/** What a session amounts to: whatever is counted of it is counted of persons. */
export type Sums = {
  persons: number
  /** Milliseconds inside, of all together. */
  insideMs: number
  /** Milliseconds with somebody inside. */
  activeMs: number
  /** Most at one moment: whoever leaves as another joins are two. */
  peak: number
}

/** @param logs the timelog of each participant, by their id */
export function presenceOf(participants: Participant[], logs: Map<string, TimelogEntry[]>): Presence {
  const persons = participants.filter(({ kind }) => isPerson(kind))
  return new Map(persons.map(({ participantId }) => [participantId, logs.get(participantId) ?? []]))
}

/** @param now until when whoever is inside has been */
export function sumUp(presence: Presence, now: number): Sums {
  // Each twice its time, plus 1 where somebody leaves: joins sort before leaves of the same moment.
  const moves: number[] = []
  let insideMs = 0
  for (const times of presence.values()) {
    for (const { joinedAt, leftAt } of times) {
      const until = leftAt ?? Math.max(now, joinedAt)
      insideMs += until - joinedAt
      moves.push(joinedAt * 2, until * 2 + 1)
    }
  }
  return { persons: presence.size, insideMs, ...walk(moves) }
}

/** Who was inside at `at`, in order of first join. */
export function whoWasInside(presence: Presence, at: number): string[] {
  const isInside = ({ joinedAt, leftAt }: TimeInside) => joinedAt <= at && (leftAt === null || at <= leftAt)
  return [...presence].flatMap(([participantId, times]) => (times.some(isInside) ? participantId : []))
}

function walk(moves: number[]): Pick<Sums, 'activeMs' | 'peak'> {
  let inside = 0
  let peak = 0
  let activeMs = 0
  let since = 0
  for (const move of Float64Array.from(moves).sort()) {
    const at = Math.floor(move / 2)
    if (inside === 0) since = at
    inside += move % 2 === 0 ? 1 : -1
    peak = Math.max(peak, inside)
    if (inside === 0) activeMs += at - since
  }
  return { activeMs, peak }
}
