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

/** Numbers are put in order by so many bits at a time, the lowest first: three times makes six days in half milliseconds. */
const digitBits = 10
const digits = 2 ** digitBits
const rounds = 3
/** Fewer than this are in order as fast by comparing them. */
const manyNumbers = 200

/** Puts whole numbers in order: those that lie near each other by their digits, which takes a fraction of the time of comparing them. */
export function createSort(): (numbers: Float64Array) => Float64Array {
  const places = new Uint32Array(digits)
  let from = new Uint32Array(0)
  let to = new Uint32Array(0)

  const sortDigit = (length: number, shift: number) => {
    places.fill(0)
    for (let at = 0; at < length; at++) {
      const digit = ((from[at] ?? 0) >>> shift) & (digits - 1)
      places[digit] = (places[digit] ?? 0) + 1
    }
    for (let digit = 0, sum = 0; digit < digits; digit++) {
      const count = places[digit] ?? 0
      places[digit] = sum
      sum += count
    }
    for (let at = 0; at < length; at++) {
      const number = from[at] ?? 0
      const digit = (number >>> shift) & (digits - 1)
      const place = places[digit] ?? 0
      to[place] = number
      places[digit] = place + 1
    }
    ;[from, to] = [to, from]
  }

  return (numbers) => {
    const { length } = numbers
    if (length < manyNumbers) return numbers.sort()
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (let at = 0; at < length; at++) {
      const number = numbers[at] ?? 0
      if (number < least) least = number
      if (number > most) most = number
    }
    if (most - least >= 2 ** (rounds * digitBits)) return numbers.sort()
    if (from.length < length) {
      from = new Uint32Array(2 * length)
      to = new Uint32Array(2 * length)
    }
    for (let at = 0; at < length; at++) from[at] = (numbers[at] ?? 0) - least
    for (let shift = 0; shift < rounds * digitBits && most - least >= 2 ** shift; shift += digitBits) {
      sortDigit(length, shift)
    }
    for (let at = 0; at < length; at++) numbers[at] = least + (from[at] ?? 0)
    return numbers
  }
}

/** Numbers people, from 0 on, as they are met. */
export type PersonNumbers = { numberOf(high: number, low: number): number; count(): number }

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
      const number = old[at + 2] ?? 0
      if (number === 0) continue
      const [high, low] = [old[at] ?? 0, old[at + 1] ?? 0]
      const place = placeOf(high, low)
      table[place] = high
      table[place + 1] = low
      table[place + 2] = number
    }
  }
  return {
    count: () => count,
    numberOf(high, low) {
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
