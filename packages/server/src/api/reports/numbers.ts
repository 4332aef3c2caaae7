// A year may have millions of times inside: these hold them without an object each, and in the same memory day after day, since
// what is thrown away has to be collected.

/** Numbers in the order in which they are added. */
export type Numbers = {
  add(number: number): void
  /** Those that there are, as they lie: valid until the next is added. */
  all(): Float64Array
  /** Takes out those below a limit: valid until the next are taken. */
  takeBelow(limit: number): Float64Array
  clear(): void
}

export function createNumbers(): Numbers {
  let numbers = new Float64Array(64)
  let length = 0
  let taken = new Float64Array(0)
  return {
    add(number) {
      if (length === numbers.length) {
        const larger = new Float64Array(2 * length)
        larger.set(numbers)
        numbers = larger
      }
      numbers[length++] = number
    },
    all: () => numbers.subarray(0, length),
    takeBelow(limit) {
      if (taken.length < length) taken = new Float64Array(2 * length)
      let count = 0
      let left = 0
      for (let at = 0; at < length; at++) {
        const number = numbers[at] ?? 0
        if (number < limit) taken[count++] = number
        else numbers[left++] = number
      }
      length = left
      return taken.subarray(0, count)
    },
    clear() {
      length = 0
    },
  }
}

/** Keeps arrays that were outgrown for what grows to their length next: each new one has to be collected. */
export function createPool<T extends Float64Array | Int32Array>(make: (length: number) => T) {
  const free = new Map<number, T[]>()
  const take = (length: number): T => free.get(length)?.pop() ?? make(length)
  return {
    take,
    /** Gives a longer one with the same in it. */
    enlarge(array: T): T {
      const larger = take(2 * array.length)
      larger.set(array)
      const outgrown = free.get(array.length)
      if (outgrown === undefined) free.set(array.length, [array])
      else outgrown.push(array)
      return larger
    },
  }
}
