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

/** Adds up what a session amounts to, some of its people at a time, so that the largest one takes no long turn. */
export type Sum = { add(presence: Presence): void; sum(): Sums }

/** @param now until when whoever is inside has been */
export function createSum(now: number): Sum {
  const moves = createMoves()
  let persons = 0
  let insideMs = 0
  return {
    add(presence) {
      let ofThese = 0
      persons += presence.size
      for (const times of presence.values()) {
        for (const { joinedAt, leftAt } of times) {
          const until = leftAt ?? Math.max(now, joinedAt)
          ofThese += until - joinedAt
          moves.add(joinedAt, until)
        }
      }
      insideMs += ofThese
    },
    sum: () => ({ persons, insideMs, ...moves.walk() }),
  }
}

/** Who was inside at `at`, in order of first join. */
export function whoWasInside(presence: Presence, at: number): string[] {
  const isInside = ({ joinedAt, leftAt }: TimeInside) => joinedAt <= at && (leftAt === null || at <= leftAt)
  return [...presence].flatMap(([participantId, times]) => (times.some(isInside) ? participantId : []))
}

/** Who comes and who goes, in whatever order it is told: sorted as it is told, so that no turn takes long over many. */
export type Moves = { add(from: number, to: number): void; walk(): Pick<Sums, 'activeMs' | 'peak'> }

/** Moves that are sorted together: of most sessions all. */
const movesTogether = 1024

export function createMoves(): Moves {
  /** Each twice its time, plus 1 of a going, so that joins sort before leaves of the same moment. */
  let some: number[] = []
  /** Each at least about twice as long as the next. */
  const runs: Float64Array[] = []
  const mergeLast = () => {
    const [a, b] = runs.splice(-2)
    if (a !== undefined && b !== undefined) runs.push(merge(a, b))
  }
  const sortSome = () => {
    runs.push(new Float64Array(some).sort())
    some = []
    while (runs.length > 1 && (runs.at(-2)?.length ?? 0) < 2 * (runs.at(-1)?.length ?? 0)) mergeLast()
  }
  return {
    add(from, to) {
      some.push(from * 2, to * 2 + 1)
      if (some.length >= movesTogether) sortSome()
    },
    walk() {
      sortSome()
      while (runs.length > 1) mergeLast()
      return walk(runs[0] ?? new Float64Array())
    },
  }
}

/** @param moves in order */
function walk(moves: Float64Array): Pick<Sums, 'activeMs' | 'peak'> {
  let inside = 0
  let peak = 0
  let activeMs = 0
  let since = 0
  for (const move of moves) {
    const at = Math.floor(move / 2)
    if (inside === 0) since = at
    inside += move % 2 === 0 ? 1 : -1
    peak = Math.max(peak, inside)
    if (inside === 0) activeMs += at - since
  }
  return { activeMs, peak }
}

function merge(a: Float64Array, b: Float64Array): Float64Array {
  const merged = new Float64Array(a.length + b.length)
  let i = 0
  let j = 0
  for (let at = 0; at < merged.length; at++) {
    const fromA = a[i] ?? Number.POSITIVE_INFINITY
    const fromB = b[j] ?? Number.POSITIVE_INFINITY
    if (fromA <= fromB) i += 1
    else j += 1
    merged[at] = Math.min(fromA, fromB)
  }
  return merged
}
