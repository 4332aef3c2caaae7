import { isPerson } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'
import { type Change, changeGrams } from './grams.ts'
import { combine, type Kept, markStale, nextNumber, type Seen, stepRows, toRow } from './kept-people.ts'
import { gramsOf, toFoundBy, without } from './searched.ts'

type Stale = Omit<Kept, 'seenAt'> & { merged: number }

// The 1 is in the text: so the index of whoever is stale is chosen once, and not by each value.
const staleOf = query<{ keyId: number; limit: number }, Stale>((k, p) =>
  k
    .selectFrom('people')
    .select(['merged', 'id', 'name', 'texts', 'person_id as personId', 'number'])
    .where('key_id', '=', p.keyId)
    .where('stale', '=', sql.lit(1))
    .orderBy('merged')
    .limit(p.limit),
)

/** Gathers again who is stale: whoever is in no session any more goes, with all that they were found by. */
export async function freshen(db: Database, keyId: number): Promise<number> {
  const stale = await db.all(staleOf(db), { keyId, limit: stepRows })
  const changes: Change[] = []
  for (const one of stale) changes.push(...(await freshenOne(db, keyId, one)))
  await changeGrams(db, keyId, 'person', changes)
  return stale.length
}

/** Writes the row of somebody as it is now, or deletes it. Gives how what they are found by changes. */
async function freshenOne(db: Database, keyId: number, old: Stale): Promise<Change[]> {
  const { id, merged, personId } = old
  const fresh = await (merged === 1 ? readPerson(db, keyId, old) : readParticipant(db, keyId, old))
  if (personId !== null) await markStale(db, keyId, [personId], 1)
  const before = gramsOf(old.texts)
  if (fresh === undefined) {
    await db.kysely
      .deleteFrom('people')
      .where('key_id', '=', keyId)
      .where('merged', '=', merged)
      .where('id', '=', id)
      .execute()
    return old.number === null ? [] : [{ number: old.number, add: [], remove: before }]
  }
  const number = old.number ?? (await nextNumber(db, keyId))
  await db.insertRows('people', [toRow(keyId, { ...fresh, number }, merged)], ['key_id', 'merged', 'id'])
  const after = personId === null ? gramsOf(fresh.texts) : new Set<string>()
  return [{ number, add: after, remove: without(before, after) }]
}

async function readParticipant(
  db: Database,
  keyId: number,
  { id, personId, number }: Stale,
): Promise<Kept | undefined> {
  const seen = (await db.kysely
    .selectFrom('participants')
    .select(['participant_id as id', 'name', 'kind', sql<number>`max(coalesce(last_at, joined_at))`.as('at')])
    .where('key_id', '=', keyId)
    .where('participant_id', '=', id)
    .where('joined_at', 'is not', null)
    .groupBy(['participant_id', 'name', 'kind'])
    .execute()) as Seen[]
  const persons = seen.filter(({ kind }) => isPerson(kind))
  return persons.length === 0 ? undefined : { ...combine(undefined, id, persons), personId, number }
}

/** A person that several were merged into has all their names, and was seen when the last of them was. */
async function readPerson(db: Database, keyId: number, { id, name, number }: Stale): Promise<Kept | undefined> {
  const members = await db.kysely
    .selectFrom('people')
    .select(['seen_at as seenAt', 'texts'])
    .where('key_id', '=', keyId)
    .where('merged', '=', 0)
    .where('person_id', '=', id)
    .orderBy('seen_at', 'desc')
    .execute()
  const [latest] = members
  if (latest === undefined) return undefined
  const texts = new Set([toFoundBy(id), toFoundBy(name), ...members.flatMap((member) => member.texts.split('\n'))])
  return { id, name, seenAt: latest.seenAt, texts: [...texts].join('\n'), personId: null, number }
}
