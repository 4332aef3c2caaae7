import { createNumbers, createSort, type Numbers } from './numbers.ts'

/** Who was inside in each day or hour, and for how long. */
export type Steps = {
  insideMs: Float64Array
  /** How many people there were in each: of those that are settled. */
  unique: Float64Array
  /** Which one a moment lies in. */
  at(moment: number): number
  /** Gives the last one that it reaches into. */
  addStay(person: number, from: number, to: number): number
  /** Tells that every stay to come begins then or later. */
  settle(at: number): void
}

/**
 * @param starts where each begins, in order, and then infinity
 * @param countPeople how many numbers were given to people so far
 */
export function createSteps(starts: Float64Array, countPeople: () => number): Steps {
  const insideMs = new Float64Array(starts.length)
  const unique = new Float64Array(starts.length)
  const inside: (Numbers | undefined)[] = []
  /** Of steps that are settled: the next ones fill them again. */
  const free: Numbers[] = []
  /** By person: the mark of the last step in which they were counted. */
  let counted = new Uint32Array(1024)
  let last = 0
  let settled = 0

  const find = (moment: number): number => {
    let [low, high] = [0, starts.length - 1]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= moment) low = middle
      else high = middle
    }
    return low
  }
  const at = (moment: number): number => {
    // Most come one after the other.
    if (!((starts[last] ?? 0) <= moment && moment < (starts[last + 1] ?? 0))) last = find(moment)
    return last
  }
  const count = (people: Numbers, mark: number): number => {
    let different = 0
    for (const person of people.all()) {
      if (counted[person] === mark) continue
      counted[person] = mark
      different += 1
    }
    return different
  }

  return {
    insideMs,
    unique,
    at,
    addStay(person, from, to) {
      // A moment of no length lies in one step too.
      for (let step = at(from), since = from; ; step++) {
        const end = starts[step + 1] ?? Number.POSITIVE_INFINITY
        const people = inside[step] ?? free.pop() ?? createNumbers()
        inside[step] = people
        people.add(person)
        insideMs[step] = (insideMs[step] ?? 0) + Math.min(to, end) - since
        if (to <= end) return step
        since = end
      }
    },
    settle(moment) {
      if (counted.length < countPeople()) {
        const larger = new Uint32Array(2 * countPeople())
        larger.set(counted)
        counted = larger
      }
      for (; settled < starts.length - 1 && (starts[settled + 1] ?? 0) <= moment; settled++) {
        const people = inside[settled]
        if (people === undefined) continue
        unique[settled] = count(people, settled + 1)
        inside[settled] = undefined
        people.clear()
        free.push(people)
      }
    },
  }
}

/** How many were inside at most, in all of the time and in each step. */
export type Concurrency = {
  peaks: Float64Array
  peak(): number
  /** @param lastStep the last that it reaches into */
  add(from: number, to: number, lastStep: number): void
  /** Tells that every stay to come begins then or later. */
  settle(at: number): void
}

/** @param starts as above */
export function createConcurrency(starts: Float64Array): Concurrency {
  const peaks = new Float64Array(starts.length)
  /** How many stays end just where each step begins: they are not in it, though they are still inside at that moment. */
  const endedAtStart = new Float64Array(starts.length)
  const moves = createNumbers()
  const sort = createSort()
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
      const due = sort(moves.takeBelow(2 * moment))
      for (let at = 0; at < due.length; at++) apply(due[at] ?? 0)
    },
  }
}
