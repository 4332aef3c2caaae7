import { createNumbers, type Numbers } from './numbers.ts'

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
  /** Has people known by other numbers from now on. */
  renumber(toNumber: (person: number) => number): void
}

const none = new Float64Array(0)

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
    const all = people.all()
    for (let n = 0; n < all.length; n++) {
      const person = all[n] ?? 0
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
    renumber(toNumber) {
      for (let step = settled; step < inside.length; step++) {
        const all = inside[step]?.all() ?? none
        for (let n = 0; n < all.length; n++) all[n] = toNumber(all[n] ?? 0)
      }
    },
  }
}
