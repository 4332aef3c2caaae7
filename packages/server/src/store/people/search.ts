import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'
import { findIds, toSearched } from './suffixes.ts'

/** Of a part that so many have, all are read and put in order; one that more have is soon met by whoever walks from the newest. */
const gatheredMax = 2000
/** Most people that are walked over for one page: what is left is for the next. */
const walkMax = 20_000

/** Where a page goes on: after somebody who was last seen then. `merged`: 1 of a person that several were merged into. */
export type PeopleCursor = { seenAt: number; merged: number; id: string }
export type Sought = { part: string; after: PeopleCursor | undefined; perPage: number }
/** `merged`: several participants were merged into it. */
export type FoundPerson = { id: string; name: string; seenAt: number; merged: boolean }
/** `next`: where the next page goes on; undefined at the end. */
export type Found = { people: FoundPerson[]; next: PeopleCursor | undefined }

type Row = { id: string; name: string; seenAt: number; merged: number }
type Place = { keyId: number; seenAt: number; merged: number; id: string; limit: number }

const newest = (k: Kysely<Tables>, p: Place) =>
  k
    .selectFrom('people as p')
    .where('p.key_id', '=', p.keyId)
    .where('p.person_id', 'is', null)
    .where((eb) => eb(eb.refTuple('p.seen_at', 'p.merged', 'p.id'), '<', eb.tuple(p.seenAt, p.merged, p.id)))
    .orderBy('p.seen_at', 'desc')
    .orderBy('p.merged', 'desc')
    .orderBy('p.id', 'desc')
    .limit(p.limit)
const columns = ['p.id', 'p.name', 'p.seen_at as seenAt', 'p.merged'] as const

const listNewest = query<Place, Row>((k, p) => newest(k, p).select(columns))
const walk = query<Place & { like: string; perPage: number }, Row>((k, p) =>
  k
    .selectFrom(
      newest(k, p)
        .select([...columns, 'p.texts'])
        .as('w'),
    )
    .select(['w.id', 'w.name', 'w.seenAt', 'w.merged'])
    .where(sql<boolean>`w.texts like ${p.like} escape '\\'`)
    .orderBy('w.seenAt', 'desc')
    .orderBy('w.merged', 'desc')
    .orderBy('w.id', 'desc')
    .limit(p.perPage),
)
const endOfWalk = query<Place, { seenAt: number; merged: number; id: string }>((k, p) =>
  newest(k, p)
    .select(['p.seen_at as seenAt', 'p.merged', 'p.id'])
    .offset(sql.lit(walkMax - 1)),
)
// From the ids to their rows: the order of this join is not left to the database.
const ofIds = query<Place & { ids: string; mergedOnly: number; like: string }, Row>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.ids))
    .crossJoin('people as p')
    .select(columns)
    .where('p.key_id', '=', p.keyId)
    .where('p.merged', '=', p.mergedOnly)
    .whereRef('p.id', '=', 'x.value')
    .where('p.person_id', 'is', null)
    .where(sql<boolean>`p.texts like ${p.like} escape '\\'`)
    .where((eb) => eb(eb.refTuple('p.seen_at', 'p.merged', 'p.id'), '<', eb.tuple(p.seenAt, p.merged, p.id)))
    .orderBy('p.seen_at', 'desc')
    .orderBy('p.merged', 'desc')
    .orderBy('p.id', 'desc')
    .limit(p.limit),
)

/** Those whose names or ids have a part, in any letters, last seen first; everybody where it is empty. Each page costs about the same. */
export async function findPeople(db: Database, keyId: number, { part, after, perPage }: Sought): Promise<Found> {
  const place: Place = {
    keyId,
    ...(after ?? { seenAt: Number.MAX_SAFE_INTEGER, merged: 2, id: '' }),
    limit: perPage + 1,
  }
  const wanted = toSearched(part)
  if (wanted === '') return toFound(await db.all(listNewest(db), place), perPage)
  const like = `%${wanted.replace(/[\\%_]/g, '\\$&')}%`
  const ids = await Promise.all(
    (['participant', 'person'] as const).map((noun) => findIds(db, keyId, noun, wanted, gatheredMax)),
  )
  const [participants = [], persons = []] = ids
  if (participants.length > gatheredMax || persons.length > gatheredMax) {
    const rows = await db.all(walk(db), { ...place, limit: walkMax, like, perPage: perPage + 1 })
    if (rows.length > perPage) return toFound(rows, perPage)
    const [end] = await db.all(endOfWalk(db), { ...place, limit: 1 })
    return { people: rows.map(toPerson), next: end }
  }
  const rows: Row[] = []
  for (const [mergedOnly, some] of [participants, persons].entries()) {
    if (some.length > 0) {
      rows.push(...(await db.all(ofIds(db), { ...place, ids: JSON.stringify(some), mergedOnly, like })))
    }
  }
  rows.sort((a, b) => b.seenAt - a.seenAt || b.merged - a.merged || (a.id < b.id ? 1 : -1))
  return toFound(rows, perPage)
}

function toFound(rows: Row[], perPage: number): Found {
  const shown = rows.slice(0, perPage)
  const last = shown.at(-1)
  const next = rows.length > perPage && last !== undefined ? last : undefined
  return { people: shown.map(toPerson), next: next && { seenAt: next.seenAt, merged: next.merged, id: next.id } }
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
