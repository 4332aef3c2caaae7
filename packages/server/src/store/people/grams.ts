import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'
import {
  type Bits,
  blockNumbers,
  clearBit,
  countBits,
  createBits,
  hasBit,
  listBits,
  readBits,
  setBit,
  writeBits,
} from './members.ts'
import { gramsOfPart } from './searched.ts'

// Whatever has a part has each gram of that part. Of each gram it is kept which numbers have it, so that the numbers that may have a part
// are found by a few look-ups, however many there are; their texts then tell. A gram of many is a few rows, and so is that of one.

/** Grams that are looked up at once: few of them leave few numbers. */
const gramsAtOnce = 3
/** Most rows that are read of a part that is shorter than a gram. */
const rowsOfShortMax = 6000

/** What is found: people, whether merged or not, and rooms; each has numbers of its own. */
export type Noun = 'person' | 'room'

/** Numbers of which each may have a part. */
export type Candidates = { count: number; has(number: number): boolean; list(max: number): number[] }

type Row = { block: number; members: string }
type InNoun = { keyId: number; noun: string }
// Each by itself: of a list PostgreSQL expects many, and reads the whole table for them.
const ofGrams = query<InNoun & { one: string; two: string; three: string }, Row & { gram: string }>((k, p) =>
  k
    .selectFrom('search_grams')
    .select(['gram', 'block', 'members'])
    .where('key_id', '=', p.keyId)
    .where('noun', '=', p.noun)
    .where('gram', 'in', [p.one, p.two, p.three]),
)
const ofBeginning = query<InNoun & { from: string; to: string; limit: number }, Row>((k, p) =>
  k
    .selectFrom('search_grams')
    .select(['block', 'members'])
    .where('key_id', '=', p.keyId)
    .where('noun', '=', p.noun)
    .where('gram', '>=', p.from)
    .where('gram', '<', p.to)
    .limit(p.limit),
)
export const ofBlock = query<InNoun & { grams: string; block: number }, { gram: string; members: string }>(
  (k, p, { differences }) =>
    k
      .selectFrom(differences.eachText(p.grams))
      .crossJoin('search_grams as g')
      .select(['g.gram', 'g.members'])
      .where('g.key_id', '=', p.keyId)
      .where('g.noun', '=', p.noun)
      .whereRef('g.gram', '=', 'x.value')
      .where('g.block', '=', p.block),
)

/**
 * Undefined where so many have the part that to count them would take long: whoever walks meets some soon.
 * @param part as it is searched, not empty
 * @param few as many need not be told apart any further
 */
export async function findCandidates(
  db: Database,
  keyId: number,
  noun: Noun,
  part: string,
  few: number,
): Promise<Candidates | undefined> {
  const grams = gramsOfPart(part)
  if (grams.length === 0) {
    const params = { keyId, noun, from: part, to: `${part}\u{10ffff}`, limit: rowsOfShortMax + 1 }
    const rows = await db.all(ofBeginning(db), params)
    return rows.length > rowsOfShortMax ? undefined : toCandidates(unite(rows))
  }
  let blocks: Map<number, Bits> | undefined
  for (let at = 0; at < grams.length; at += gramsAtOnce) {
    const some = grams.slice(at, at + gramsAtOnce)
    const [one = '', two = one, three = two] = some
    const rows = await db.all(ofGrams(db), { keyId, noun, one, two, three })
    const ofGram = Map.groupBy(rows, ({ gram }) => gram)
    // Those that the fewest have first: where nobody is left of a block, it is not unpacked any more.
    const inOrder = some.map((gram) => ofGram.get(gram) ?? []).sort((a, b) => lengthOf(a) - lengthOf(b))
    for (const ofOne of inOrder) blocks = intersect(blocks, ofOne)
    const found = toCandidates(blocks ?? new Map())
    if (found.count <= few) return found
  }
  return toCandidates(blocks ?? new Map())
}

function lengthOf(rows: Row[]): number {
  return rows.reduce((sum, { members }) => sum + members.length, 0)
}

function unite(rows: Row[]): Map<number, Bits> {
  const blocks = new Map<number, Bits>()
  for (const { block, members } of rows) {
    const bits = readBits(members)
    const before = blocks.get(block)
    if (before === undefined) blocks.set(block, bits)
    else for (let at = 0; at < bits.length; at++) before[at] = (before[at] ?? 0) | (bits[at] ?? 0)
  }
  return blocks
}

function intersect(before: Map<number, Bits> | undefined, rows: Row[]): Map<number, Bits> {
  const blocks = new Map<number, Bits>()
  for (const { block, members } of rows) {
    const others = before?.get(block)
    if (before !== undefined && others === undefined) continue
    const bits = readBits(members)
    let left = 1
    if (others !== undefined) {
      left = 0
      for (let at = 0; at < bits.length; at++) {
        const both = (bits[at] ?? 0) & (others[at] ?? 0)
        bits[at] = both
        left |= both
      }
    }
    if (left !== 0) blocks.set(block, bits)
  }
  return blocks
}

function toCandidates(blocks: Map<number, Bits>): Candidates {
  let count = 0
  for (const bits of blocks.values()) count += countBits(bits)
  return {
    count,
    has(number) {
      const bits = blocks.get(Math.floor(number / blockNumbers))
      return bits !== undefined && hasBit(bits, number % blockNumbers)
    },
    /** The highest of them, which were taken in last. */
    list(max) {
      const numbers: number[] = []
      for (const block of [...blocks.keys()].sort((a, b) => b - a)) {
        const bits = blocks.get(block) ?? createBits()
        numbers.push(
          ...listBits(bits)
            .reverse()
            .map((place) => block * blockNumbers + place),
        )
        if (numbers.length >= max) break
      }
      return numbers.slice(0, max)
    },
  }
}

/** Whoever changes what is found awaits it first, before any other row: of several processes one does so at a time. */
export async function lockFound(db: Database, keyId: number): Promise<void> {
  await db.differences.lockRooms(keyId, ['all that is found'])
}

/** What one number is found by from now on, and no more; of one number in order. */
export type Change = { number: number; add: Iterable<string>; remove: Iterable<string> }

export async function changeGrams(db: Database, keyId: number, noun: Noun, changes: Change[]): Promise<void> {
  for (const [block, some] of Map.groupBy(changes, ({ number }) => Math.floor(number / blockNumbers))) {
    const ofGram = new Map<string, { place: number; isAdded: boolean }[]>()
    for (const { number, add, remove } of some) {
      const place = number % blockNumbers
      for (const gram of remove) note(ofGram, gram, { place, isAdded: false })
      for (const gram of add) note(ofGram, gram, { place, isAdded: true })
    }
    await changeBlock(db, { keyId, noun, block }, ofGram)
  }
}

type Places = Map<string, { place: number; isAdded: boolean }[]>

function note(ofGram: Places, gram: string, one: { place: number; isAdded: boolean }): void {
  const before = ofGram.get(gram)
  if (before === undefined) ofGram.set(gram, [one])
  else before.push(one)
}

async function changeBlock(
  db: Database,
  { keyId, noun, block }: { keyId: number; noun: Noun; block: number },
  ofGram: Places,
): Promise<void> {
  // In one order, as an index is written fastest.
  const grams = [...ofGram.keys()].sort()
  const kept = new Map(
    (await db.all(ofBlock(db), { keyId, noun, block, grams: JSON.stringify(grams) })).map((row) => [
      row.gram,
      row.members,
    ]),
  )
  const rows = []
  const gone = []
  for (const gram of grams) {
    const before = kept.get(gram)
    const bits = before === undefined ? createBits() : readBits(before)
    for (const { place, isAdded } of ofGram.get(gram) ?? []) (isAdded ? setBit : clearBit)(bits, place)
    const members = writeBits(bits)
    if (members === '') gone.push(gram)
    else if (members !== before) rows.push({ key_id: keyId, noun, gram, block, members })
  }
  await db.insertRows('search_grams', rows, ['key_id', 'noun', 'gram', 'block'])
  if (gone.length === 0) return
  await db.kysely
    .deleteFrom('search_grams')
    .where('key_id', '=', keyId)
    .where('noun', '=', noun)
    .where('block', '=', block)
    .where(db.differences.isIn('gram', JSON.stringify(gone)))
    .execute()
}
