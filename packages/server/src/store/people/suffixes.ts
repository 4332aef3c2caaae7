import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

// What is searched for is found by any part of it: each place in a text is the beginning of a suffix, and a part of the text is
// the beginning of one of these. So one step down an index that any database has finds all that have the part, in the time that
// it takes to read them. SQLite's FTS5 and PostgreSQL's pg_trgm were considered: they are two things, the second is not there on
// every service, and neither knows texts of one or two letters.

/** Of a suffix so many characters are kept: what is longer is looked for by its most telling part. */
const suffixMaxLength = 8
/** Places in one text that a suffix begins at: of a name nearly always all. */
const placesMax = 40

/** What is found: a participant by their id, a person that several were merged into, a room. */
export type Noun = 'participant' | 'person' | 'room'

const letters: { [letter: string]: string } = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

/** A text as it is searched: without accents and capitals, and each gap one space. */
export function toSearched(text: string): string {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  return plain
    .replace(/[ßæœøłđðþı]/g, (letter) => letters[letter] ?? letter)
    .replace(/\s+/g, ' ')
    .trim()
}

/** @param texts as they are searched */
export function suffixesOf(texts: string[]): Set<string> {
  const suffixes = new Set<string>()
  for (const text of texts) {
    const characters = [...text]
    for (let at = 0; at < Math.min(characters.length, placesMax); at++) {
      if (characters[at] !== ' ') suffixes.add(characters.slice(at, at + suffixMaxLength).join(''))
    }
  }
  return suffixes
}

type Params = { keyId: number; noun: string; from: string; to: string; limit: number }
const idsOf = query<Params, { id: string }>((k, p) =>
  k
    .selectFrom('search_suffixes')
    .select('id')
    .where('key_id', '=', p.keyId)
    .where('noun', '=', p.noun)
    .where('suffix', '>=', p.from)
    .where('suffix', '<', p.to)
    .limit(p.limit),
)

/**
 * The ids of those that have this part, as far as an index tells: of a long part there may be others among them. More than `max`
 * where there are more: those are some of them.
 * @param part as it is searched, not empty
 */
export async function findIds(db: Database, keyId: number, noun: Noun, part: string, max: number): Promise<string[]> {
  let best: string[] | undefined
  for (const beginning of beginningsOf(part)) {
    const params = { keyId, noun, from: beginning, to: `${beginning}\u{10ffff}`, limit: max + 1 }
    const ids = new Set((await db.all(idsOf(db), params)).map(({ id }) => id))
    if (best === undefined || ids.size < best.length) best = [...ids]
  }
  return best ?? []
}

/** The last characters of many ids tell more than the first. */
function beginningsOf(part: string): string[] {
  const characters = [...part]
  if (characters.length <= suffixMaxLength) return [part]
  const slice = (at: number) => characters.slice(at, at + suffixMaxLength).join('')
  const last = slice(characters.length - suffixMaxLength)
  return last.startsWith(' ') ? [slice(0)] : [last, slice(0)]
}

type Entry = { noun: Noun; id: string; suffixes: Iterable<string> }

export async function addSuffixes(db: Database, keyId: number, entries: Entry[]): Promise<void> {
  const rows = entries.flatMap(({ noun, id, suffixes }) =>
    [...suffixes].map((suffix) => ({ key_id: keyId, noun, suffix, id })),
  )
  // In one order, as an index is written fastest, and two servers never wait for each other in a circle.
  rows.sort((a, b) => (a.suffix < b.suffix ? -1 : a.suffix > b.suffix ? 1 : a.id < b.id ? -1 : 1))
  await db.insertRows('search_suffixes', rows, ['key_id', 'noun', 'suffix', 'id'])
}

export async function removeSuffixes(db: Database, keyId: number, { noun, id, suffixes }: Entry): Promise<void> {
  await sql`
    delete from search_suffixes where key_id = ${keyId} and noun = ${noun} and id = ${id}
      and suffix in ${db.differences.texts(JSON.stringify([...suffixes]))}`.execute(db.kysely)
}
