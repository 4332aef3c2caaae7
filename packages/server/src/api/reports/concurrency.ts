import { createNumbers } from './numbers.ts'

/** How many were inside at most, in all of the time and in each step. */
export type Concurrency = {
  peaks: Float64Array
  peak(): number
  /** @param lastStep the last that it reaches into */
  add(from: number, to: number, lastStep: number): void
  /** Tells that every stay to come begins then or later. */
  settle(at: number): void
}

/** Moves are laid in so many parts by their time, or fewer. */
const partsMax = 2048
/** Fewer than this are in order as fast by comparing them. */
const manyMoves = 200
/** So few are put in order each before the next larger. */
const fewMoves = 24

/**
 * Most moves need not be in order: where those who come in some time, and all who are inside as it begins, are no more than were
 * inside before, how they came and went makes no difference.
 * @param starts where each step begins, in order, and then infinity
 */
export function createConcurrency(starts: Float64Array): Concurrency {
  const peaks = new Float64Array(starts.length)
  /** How many stays end just where each step begins: they are not in it, though they are still inside at that moment. */
  const endedAtStart = new Float64Array(starts.length)
  const moves = createNumbers()
  const lay = createLaying()
  let step = 0
  let peak = 0
  /** How many are inside, and how many of them are in the step too. */
  let [inside, insideStep] = [0, 0]
  /** Of those who leave as the step begins, the ones who are not in it. */
  let leavesToSkip = 0

  const enter = (next: number) => {
    step = next
    leavesToSkip = endedAtStart[step] ?? 0
    insideStep = inside - leavesToSkip
    peaks[step] = Math.max(peaks[step] ?? 0, insideStep)
  }
  const apply = (move: number) => {
    const at = Math.floor(move / 2)
    while ((starts[step + 1] ?? Number.POSITIVE_INFINITY) <= at) enter(step + 1)
    // A remainder of numbers as large as these takes longer than all the rest.
    if (move === 2 * at) {
      inside += 1
      insideStep += 1
      if (inside > peak) peak = inside
      if (insideStep > (peaks[step] ?? 0)) peaks[step] = insideStep
      return
    }
    inside -= 1
    if (leavesToSkip > 0 && at === starts[step]) leavesToSkip -= 1
    else insideStep -= 1
  }
  const applyAll = (some: Float64Array) => {
    for (let n = 0; n < some.length; n++) apply(some[n] ?? 0)
  }
  /** Whether no more are inside in this time than were before, and it is all of one step. */
  const isBelowPeak = (joins: number, end: number) =>
    inside + joins <= peak &&
    insideStep + joins <= (peaks[step] ?? 0) &&
    leavesToSkip === 0 &&
    end <= 2 * (starts[step + 1] ?? Number.POSITIVE_INFINITY)

  return {
    peaks,
    peak: () => peak,
    add(from, to, lastStep) {
      // As `createMoves` has them.
      moves.add(2 * from)
      moves.add(2 * to + 1)
      if (to === starts[lastStep + 1]) endedAtStart[lastStep + 1] = (endedAtStart[lastStep + 1] ?? 0) + 1
    },
    settle(moment) {
      const due = moves.takeBelow(2 * moment)
      const laid = due.length < manyMoves ? undefined : lay(due)
      if (laid === undefined) return applyAll(due.sort())
      const { ends, joins, least, width } = laid
      for (let part = 0, first = 0; part < partsMax && first < due.length; part++) {
        const end = ends[part] ?? 0
        const joined = joins[part] ?? 0
        if (end > first && isBelowPeak(joined, least + (part + 1) * width)) {
          inside += 2 * joined - (end - first)
          insideStep += 2 * joined - (end - first)
        } else if (end > first) applyAll(sortFew(laid.moves.subarray(first, end)))
        first = end
      }
    },
  }
}

/**
 * `moves` part after part, not in order within one, and of each part where it ends and how many are joins. The first part begins
 * at `least`, and each is `width` long.
 */
type Laid = { moves: Float64Array; ends: Uint32Array; joins: Uint32Array; least: number; width: number }

/** Lays moves in parts by their time. It gives nothing where they are too far apart. */
function createLaying(): (moves: Float64Array) => Laid | undefined {
  // Made when there are many moves first.
  let ends = new Uint32Array(0)
  let joins = new Uint32Array(0)
  /** Of each, how long after the first. */
  let after = new Int32Array(0)
  let laid = new Float64Array(0)
  return (moves) => {
    const { length } = moves
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (let n = 0; n < length; n++) {
      const move = moves[n] ?? 0
      if (move < least) least = move
      if (move > most) most = move
    }
    // Even: so what comes after it by an odd number is a leave.
    least = 2 * Math.floor(least / 2)
    if (most - least >= 2 ** 31) return
    let shift = 0
    while ((most - least) >>> shift >= partsMax) shift += 1
    if (after.length < length) {
      after = new Int32Array(2 * length)
      laid = new Float64Array(2 * length)
    }
    if (ends.length === 0) {
      ends = new Uint32Array(partsMax)
      joins = new Uint32Array(partsMax)
    } else {
      ends.fill(0)
      joins.fill(0)
    }
    for (let n = 0; n < length; n++) {
      const long = (moves[n] ?? 0) - least
      const part = long >>> shift
      after[n] = long
      ends[part] = (ends[part] ?? 0) + 1
      joins[part] = (joins[part] ?? 0) + 1 - (long & 1)
    }
    // First where each begins; and as they are put there, where it ends.
    for (let part = 0, sum = 0; part < partsMax; part++) {
      const count = ends[part] ?? 0
      ends[part] = sum
      sum += count
    }
    for (let n = 0; n < length; n++) {
      const long = after[n] ?? 0
      const part = long >>> shift
      const place = ends[part] ?? 0
      laid[place] = least + long
      ends[part] = place + 1
    }
    return { moves: laid, ends, joins, least, width: 2 ** shift }
  }
}

function sortFew(numbers: Float64Array): Float64Array {
  if (numbers.length > fewMoves) return numbers.sort()
  for (let n = 1; n < numbers.length; n++) {
    const number = numbers[n] ?? 0
    let place = n
    for (; place > 0 && (numbers[place - 1] ?? 0) > number; place--) numbers[place] = numbers[place - 1] ?? 0
    numbers[place] = number
  }
  return numbers
}
