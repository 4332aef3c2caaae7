import { createPool } from './numbers.ts'

// Of millions of people, who is who by the digests of their ids. A table of all of them lies all over the memory, where each look
// takes as long as all else that is done for a time inside. So there are two: one that is small, of the people of a day or two, and
// one in parts, whose people are told apart a part at a time.

/** Numbers people, from 0 on, as they are met. */
export type PersonNumbers = {
  numberOf(high: number, low: number): number
  count(): number
  /** The digest of a person, in two words. */
  highOf(person: number): number
  lowOf(person: number): number
  /** Forgets all of them. */
  clear(): void
}

/**
 * A table with open addresses: of each place the number with one added. Digests are told as they are packed, in two signed words:
 * the engine knows no other whole numbers of 32 bits.
 * @param onNew is told of each digest that is met first
 */
export function createPersonNumbers(onNew: (high: number, low: number) => void = () => {}): PersonNumbers {
  let places = 64
  let table = new Int32Array(places)
  /** Two words of each person. */
  let digests = new Int32Array(places)
  let count = 0
  const grow = () => {
    places *= 2
    table = new Int32Array(places)
    const old = digests
    digests = new Int32Array(places)
    digests.set(old)
    for (let person = 0; person < count; person++) {
      let place = (digests[2 * person + 1] ?? 0) & (places - 1)
      while (table[place] !== 0) place = (place + 1) & (places - 1)
      table[place] = person + 1
    }
  }
  return {
    count: () => count,
    highOf: (person) => digests[2 * person] ?? 0,
    lowOf: (person) => digests[2 * person + 1] ?? 0,
    numberOf(high, low) {
      // A digest is as good as random: a part of it says where to look first.
      let place = low & (places - 1)
      for (; ; place = (place + 1) & (places - 1)) {
        const known = (table[place] ?? 0) - 1
        if (known === -1) break
        if (digests[2 * known] === high && digests[2 * known + 1] === low) return known
      }
      digests[2 * count] = high
      digests[2 * count + 1] = low
      count += 1
      table[place] = count
      if (2 * count >= places) grow()
      onNew(high, low)
      return count - 1
    },
    clear() {
      table.fill(0)
      count = 0
    },
  }
}

/** Counts different people. */
export type Distinct = {
  add(high: number, low: number): void
  /** How many different ones; it yields now and then. */
  count(): Generator<void, number, void>
}

const partBits = 7
const partsMax = 2 ** partBits
/** Digests that the first part takes before its people are told apart. */
const partLength = 8
/** Parts that are counted in one turn of the loop. */
const partsTogether = 8

export function createDistinct(): Distinct {
  const parts = createParts()
  /** Each is made when it is needed first: most that is asked for has few people. */
  const all = new Array<Part | undefined>(partsMax).fill(undefined)
  // They are of different lengths, so that they are not all full at once.
  const make = (n: number): Part => {
    const part = parts.create(Math.round(partLength * 2 ** (n / partsMax)))
    all[n] = part
    return part
  }
  return {
    add(high, low) {
      const n = high >>> (32 - partBits)
      parts.add(all[n] ?? make(n), high, low)
    },
    *count() {
      let different = 0
      for (const [n, part] of all.entries()) {
        if (part !== undefined) different += parts.count(part)
        if (n % partsTogether === partsTogether - 1) yield
      }
      return different
    },
  }
}

/** Some digests, of each two words, in the first `length` places: one may be there more than once. */
export type Part = { words: Int32Array<ArrayBuffer>; length: number }

/** What tells apart the people of many parts. */
export type Parts = {
  /** @param length digests that there is room for at first */
  create(length: number): Part
  add(part: Part, high: number, low: number): void
  count(part: Part): number
}

export function createParts(): Parts {
  const tellApart = createTellingApart()
  const pool = createPool((length) => new Int32Array(length))
  const makeRoom = (part: Part) => {
    tellApart(part)
    // So each is looked at twice or so, however many there are.
    if (4 * part.length < part.words.length) return
    part.words = pool.enlarge(part.words)
  }
  return {
    create: (length) => ({ words: pool.take(2 * length), length: 0 }),
    add(part, high, low) {
      if (2 * part.length === part.words.length) makeRoom(part)
      part.words[2 * part.length] = high
      part.words[2 * part.length + 1] = low
      part.length += 1
    },
    count(part) {
      tellApart(part)
      return part.length
    },
  }
}

/** Leaves each digest in a part once. */
function createTellingApart(): (part: Part) => void {
  /** By place: where in the part, and one. */
  let table = new Int32Array(0)
  return (part) => {
    const { words, length } = part
    if (length < 2) return
    let places = 16
    while (places < 2 * length) places *= 2
    if (table.length < places) table = new Int32Array(places)
    else table.fill(0, 0, places)
    let different = 0
    for (let at = 0; at < length; at++) {
      const [high, low] = [words[2 * at] ?? 0, words[2 * at + 1] ?? 0]
      for (let place = low & (places - 1); ; place = (place + 1) & (places - 1)) {
        const known = (table[place] ?? 0) - 1
        if (known === -1) {
          words[2 * different] = high
          words[2 * different + 1] = low
          different += 1
          table[place] = different
          break
        }
        if (words[2 * known] === high && words[2 * known + 1] === low) break
      }
    }
    part.length = different
  }
}
