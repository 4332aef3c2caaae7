import type { PersonDigest } from '../../record/usage/packed-day.ts'

// A year may have millions of times inside: these hold them without an object each.

/** Numbers in the order in which they are added. */
export type Numbers = {
  add(number: number): void
  /** Those that there are, as they lie: valid until the next is added. */
  all(): Float64Array
  /** Leaves out so many of the first. */
  drop(first: number): void
}

export function createNumbers(): Numbers {
  let numbers = new Float64Array(64)
  let length = 0
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
    drop(first) {
      numbers.copyWithin(0, first, length)
      length -= first
    },
  }
}

/** Numbers people, from 0 on, as they are met. */
export type PersonNumbers = { numberOf(digest: PersonDigest): number; count(): number }

/** A table with open addresses: of each place three words, the digest and the number with one added. */
export function createPersonNumbers(): PersonNumbers {
  let places = 1024
  let table = new Uint32Array(3 * places)
  let count = 0
  const placeOf = (high: number, low: number): number => {
    // A digest is as good as random: a part of it says where to look first.
    let place = low & (places - 1)
    for (;;) {
      const at = 3 * place
      if (table[at + 2] === 0 || (table[at] === high && table[at + 1] === low)) return at
      place = (place + 1) & (places - 1)
    }
  }
  const grow = () => {
    const old = table
    places *= 2
    table = new Uint32Array(3 * places)
    for (let at = 0; at < old.length; at += 3) {
      if (old[at + 2] !== 0) table.set(old.subarray(at, at + 3), placeOf(old[at] ?? 0, old[at + 1] ?? 0))
    }
  }
  return {
    count: () => count,
    numberOf({ high, low }) {
      const at = placeOf(high, low)
      const known = table[at + 2] ?? 0
      if (known > 0) return known - 1
      count += 1
      table[at] = high
      table[at + 1] = low
      table[at + 2] = count
      if (2 * count > places) grow()
      return count - 1
    },
  }
}
