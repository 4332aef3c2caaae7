import { toSearched } from '@rollcall/protocol'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'
import { type Candidates, findCandidates } from './grams.ts'
import { nextNumber } from './kept-people.ts'
import { toPattern } from './searched.ts'

/** To put somebody in order takes about as long as to walk over so many. */
const walkedPerGathered = 4
/** People that are walked over at a time, to begin with: four times as many the next time. */
const firstWalk = 250
/**
 * `walked`: most people that are walked over for one page; `gathered`: where few are among those, most that are read and put in order in
 * their place. What is left is for the next page.
 */
const limits = { walked: 20_000, gathered: 10_000 }

/** Where a page goes on: after somebody who was last seen then. `merged`: 1 of a person that several were merged into. */
export type PeopleCursor = { seenAt: number; merged: number; id: string }
export type Sought = { part: string; after: PeopleCursor | undefined; perPage: number }
/** `merged`: several participants were merged into it. */
export type FoundPerson = { id: string; name: string; seenAt: number; merged: boolean }
/** `next`: where the next page goes on; undefined at the end. */
export type Found = { people: FoundPerson[]; next: PeopleCursor | undefined }

type Row = { id: string; name: string; seenAt: number; merged: number }
type Place = { keyId: number; seenAt: number; merged: number; id: string; limit: number }

const newest = (k: Kysely<Tables>, p: Place, limit = p.limit) =>
  k
    .selectFrom('people as p')
    .where('p.key_id', '=', p.keyId)
    .where('p.person_id', 'is', null)
    .where((eb) => eb(eb.refTuple('p.seen_at', 'p.merged', 'p.id'), '<', eb.tuple(p.seenAt, p.merged, p.id)))
    .orderBy('p.seen_at', 'desc')
    .orderBy('p.merged', 'desc')
    .orderBy('p.id', 'desc')
    .limit(limit)
const columns = ['p.id', 'p.name', 'p.seen_at as seenAt', 'p.merged'] as const

const listNewest = query<Place, Row>((k, p) => newest(k, p).select(columns))
const walkTexts = query<Place & { like: string; most: number }, Row>((k, p) =>
  k
    .selectFrom(
      newest(k, p, p.most)
        .select([...columns, 'p.texts'])
        .as('w'),
    )
    .select(['w.id', 'w.name', 'w.seenAt', 'w.merged'])
    .where(sql<boolean>`w.texts like ${p.like} escape '\\'`)
    .orderBy('w.seenAt', 'desc')
    .orderBy('w.merged', 'desc')
    .orderBy('w.id', 'desc')
    .limit(p.limit),
)
const numbersNewest = query<Place, { list: string | null }>((k, p, { differences }) =>
  k.selectFrom(newest(k, p).select('p.number').as('w')).select(differences.listOf(['w.number']).as('list')),
)
// From the numbers to their rows: the order of this join is not left to the database.
const ofNumbers = query<Place & { numbers: string; like: string }, Row>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.numbers))
    .crossJoin('people as p')
    .select(columns)
    .where('p.key_id', '=', p.keyId)
    .where('p.number', '=', sql<number>`cast(x.value as integer)`)
    .where('p.person_id', 'is', null)
    .where(sql<boolean>`p.texts like ${p.like} escape '\\'`)
    .where((eb) => eb(eb.refTuple('p.seen_at', 'p.merged', 'p.id'), '<', eb.tuple(p.seenAt, p.merged, p.id)))
    .orderBy('p.seen_at', 'desc')
    .orderBy('p.merged', 'desc')
    .orderBy('p.id', 'desc')
    .limit(p.limit),
)
/** Of these numbers, whoever was last seen at a moment or before, and when. */
const seenOfNumbers = query<Pick<Place, 'keyId' | 'seenAt'> & { numbers: string }, { list: string | null }>(
  (k, p, { differences }) =>
    k
      .selectFrom(
        k
          .selectFrom(differences.eachText(p.numbers))
          .crossJoin('people as p')
          .select(['p.number', 'p.seen_at'])
          .where('p.key_id', '=', p.keyId)
          .where('p.number', '=', sql<number>`cast(x.value as integer)`)
          .where('p.seen_at', '<=', p.seenAt)
          .as('w'),
      )
      .select(differences.listOf(['w.number', 'w.seen_at']).as('list')),
)
const endOfWalk = query<Place & { before: number }, PeopleCursor>((k, p) =>
  newest(k, p).select(['p.seen_at as seenAt', 'p.merged', 'p.id']).offset(p.before),
)

/** Those whose names or ids have a part, in any letters, last seen first; everybody where it is empty. Each page costs about the same. */
export async function findPeople(
  db: Database,
  keyId: number,
  { part, after, perPage }: Sought,
  most = limits,
): Promise<Found> {
  const from = after ?? { seenAt: Number.MAX_SAFE_INTEGER, merged: 2, id: '' }
  const place: Place = { keyId, ...from, limit: perPage + 1 }
  const wanted = toSearched(part)
  if (wanted === '') return toFound({ rows: await db.all(listNewest(db), place), next: undefined }, perPage)
  const like = toPattern(wanted)
  // What many have is met at once.
  const met = await db.all(walkTexts(db), { ...place, like, most: firstWalk })
  if (met.length > perPage) return toFound({ rows: met, next: undefined }, perPage)
  const people = (await nextNumber(db, keyId)) + 1
  const few = Math.sqrt((people * place.limit) / walkedPerGathered)
  const candidates = await findCandidates(db, keyId, 'person', wanted, few)
  const gather = async (numbers: number[]) =>
    toFound({ rows: await readNewest(db, place, { numbers, like }), next: undefined }, perPage)
  if (candidates !== undefined && candidates.count <= few) return gather(candidates.list(candidates.count))
  const walked = await walk(db, place, { like, most: most.walked, may: candidates?.has })
  if (walked.next === undefined || candidates === undefined || candidates.count > most.gathered)
    return toFound(walked, perPage)
  return gather(candidates.list(candidates.count))
}

/** The newest of these numbers that have the part: each is put in order, and few are read. */
async function readNewest(
  db: Database,
  place: Place,
  { numbers, like }: { numbers: number[]; like: string },
): Promise<Row[]> {
  const [found] = await db.all(seenOfNumbers(db), { ...place, numbers: JSON.stringify(numbers) })
  const seen = (JSON.parse(found?.list ?? '[]') as [number: number, seenAt: number][]).sort(([, a], [, b]) => b - a)
  const rows: Row[] = []
  for (let from = 0, step = 2 * place.limit; from < seen.length && rows.length < place.limit; step *= 4) {
    let to = from + step
    // Those of one moment are put in order by more than that.
    while (to < seen.length && seen[to]?.[1] === seen[to - 1]?.[1]) to += 1
    const some = JSON.stringify(seen.slice(from, to).map(([number]) => number))
    rows.push(...(await db.all(ofNumbers(db), { ...place, numbers: some, like })))
    from = to
  }
  return rows
}

/** `next`: where it ended before a page was full, and before all were looked at. */
type Walked = { rows: Row[]; next: PeopleCursor | undefined }

/** From the newest on, until a page is full. @param may whether somebody may have the part, by their number */
async function walk(
  db: Database,
  from: Place,
  { like, most, may = () => true }: { like: string; most: number; may?: Candidates['has'] | undefined },
): Promise<Walked> {
  const rows: Row[] = []
  let place = from
  for (let left = most, step = firstWalk * 4; ; step *= 4) {
    const limit = Math.min(step, left)
    const [listed] = await db.all(numbersNewest(db), { ...place, limit })
    const numbers = (JSON.parse(listed?.list ?? '[]') as [number | null][]).map(([number]) => number)
    const some = JSON.stringify(numbers.filter((number) => number !== null && may(number)))
    if (some !== '[]') rows.push(...(await db.all(ofNumbers(db), { ...place, limit: from.limit, numbers: some, like })))
    if (numbers.length < limit || rows.length >= from.limit) return { rows, next: undefined }
    const [end] = await db.all(endOfWalk(db), { ...place, limit: 1, before: limit - 1 })
    left -= limit
    if (end === undefined || left === 0) return { rows, next: end }
    place = { ...place, ...end }
  }
}

function toFound({ rows, next }: Walked, perPage: number): Found {
  const shown = rows.slice(0, perPage)
  const last = shown.at(-1)
  const isMore = rows.length > perPage && last !== undefined
  return {
    people: shown.map(toPerson),
    next: isMore ? { seenAt: last.seenAt, merged: last.merged, id: last.id } : next,
  }
}

function toPerson({ merged, ...row }: Row): FoundPerson {
  return { ...row, merged: merged === 1 }
}

type OfId = { keyId: number; id: string }
const byId = query<OfId, Row & { personId: string | null }>((k, p) =>
  k
    .selectFrom('people as p')
    .select([...columns, 'p.person_id as personId'])
    .where('p.key_id', '=', p.keyId)
    .where('p.merged', 'in', [0, 1])
    .where('p.id', '=', p.id)
    .orderBy('p.merged', 'desc'),
)
const membersOf = query<OfId, { participantId: string; name: string }>((k, p) =>
  k
    .selectFrom('people')
    .select(['id as participantId', 'name'])
    .where('key_id', '=', p.keyId)
    .where('person_id', '=', p.id)
    .where('person_id', 'is not', null)
    .orderBy('id'),
)

/** One person, with the ids of all participants that they are. */
export type Person = FoundPerson & { participantIds: string[] }

/** By the id of a person, or of a participant: one that was merged is the person that they were merged into. */
export async function findPerson(db: Database, keyId: number, id: string): Promise<Person | undefined> {
  const rows = await db.all(byId(db), { keyId, id })
  const row = rows[0]
  if (row === undefined) return undefined
  if (row.merged === 0 && row.personId !== null) return findPerson(db, keyId, row.personId)
  const members = row.merged === 1 ? await listMembers(db, keyId, id) : []
  const participantIds = row.merged === 1 ? members.map(({ participantId }) => participantId) : [id]
  const { name, seenAt, merged } = row
  return { id, name, seenAt, merged: merged === 1, participantIds }
}

export async function listMembers(db: Database, keyId: number, id: string) {
  return db.all(membersOf(db), { keyId, id })
}
