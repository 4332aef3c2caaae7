import { personKinds } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { type Noun, ofBlock } from '../people/grams.ts'
import { blockNumbers, countBits, createBits, hasBit, readBits } from '../people/members.ts'
import { gramsOf } from '../people/searched.ts'

/** Rows of what people are found by that are read at once. */
const pageGrams = 2000

/** Where who there is is not what the participants say, as far as they are gathered. */
export async function* findPeopleFaults(db: Database): AsyncGenerator<string> {
  const persons = sql.join([...personKinds])
  const { rows: missing } = await sql<{ keyId: number; id: string }>`
    select distinct p.key_id as "keyId", p.participant_id as id from participants as p
    join search_cursors as c on c.key_id = p.key_id and c.session_id is null
    join counters as n on n.key_id = p.key_id and n.change_seq = c.seq
    left join people as g on g.key_id = p.key_id and g.merged = 0 and g.id = p.participant_id
    where p.joined_at is not null and p.kind in (${persons}) and g.id is null limit 100`.execute(db.kysely)
  for (const { keyId, id } of missing) yield `people of key ${keyId}: participant ${id} is missing`
  const { rows: gone } = await sql<{ keyId: number; id: string }>`
    select g.key_id as "keyId", g.id from people as g where g.merged = 0 and g.stale = 0 and not exists (
      select 1 from participants as p where p.key_id = g.key_id and p.participant_id = g.id
        and p.joined_at is not null and p.kind in (${persons})) limit 100`.execute(db.kysely)
  for (const { keyId, id } of gone) yield `people of key ${keyId}: ${id} was inside no session`
  yield* findRoomFaults(db)
  const { rows: keys } = await sql<{ keyId: number }>`select key_id as "keyId" from keys order by key_id`.execute(
    db.kysely,
  )
  for (const { keyId } of keys) for (const noun of ['person', 'room'] as const) yield* findGramFaults(db, keyId, noun)
}

async function* findRoomFaults(db: Database): AsyncGenerator<string> {
  const { rows: missing } = await sql<{ keyId: number; roomId: string }>`
    select distinct s.key_id as "keyId", s.room_id as "roomId" from sessions as s
    join rooms as o on o.key_id = s.key_id and o.room_id = s.room_id
    join search_cursors as c on c.key_id = s.key_id and c.room_id is null
    join counters as n on n.key_id = s.key_id and n.change_seq = c.seq
    left join search_rooms as r on r.key_id = s.key_id and r.room_id = s.room_id
    where s.start_at is not null and r.room_id is null limit 100`.execute(db.kysely)
  for (const { keyId, roomId } of missing) yield `search_rooms of key ${keyId}: room ${roomId} is missing`
  const { rows: gone } = await sql<{ keyId: number; roomId: string }>`
    select r.key_id as "keyId", r.room_id as "roomId" from search_rooms as r
    left join rooms as o on o.key_id = r.key_id and o.room_id = r.room_id
    where o.room_id is null limit 100`.execute(db.kysely)
  for (const { keyId, roomId } of gone) yield `search_rooms of key ${keyId}: there is no room ${roomId}`
}

type Row = { number: number; id: string; texts: string; isStale: number }

/** Whoever is not found by all that they are called, and whatever is found that is not called so. */
async function* findGramFaults(db: Database, keyId: number, noun: Noun): AsyncGenerator<string> {
  let places = 0
  let isStale = false
  for (let after = -1; ; ) {
    const [first, ...rest] = await readNumbered(db, keyId, noun, after)
    if (first === undefined) break
    const block = Math.floor(first.number / blockNumbers)
    const rows = [first, ...rest].filter(({ number }) => number < (block + 1) * blockNumbers)
    after = rows.at(-1)?.number ?? first.number
    isStale ||= rows.some((row) => Number(row.isStale) === 1)
    const whose = new Map(rows.map((row) => [row, gramsOf(row.texts)]))
    const grams = JSON.stringify([...new Set([...whose.values()].flatMap((all) => [...all]))])
    const kept = new Map(
      (await db.all(ofBlock(db), { keyId, noun, block, grams })).map((row) => [row.gram, readBits(row.members)]),
    )
    for (const [{ number, id, isStale }, all] of whose) {
      places += all.size
      const isFound = [...all].every((gram) => hasBit(kept.get(gram) ?? createBits(), number % blockNumbers))
      if (!isFound && Number(isStale) === 0)
        yield `${noun} ${id} of key ${keyId} is not found by all that they are called`
    }
  }
  const counted = await countPlaces(db, keyId, noun)
  if (!isStale && counted > places)
    yield `search_grams of key ${keyId}: ${counted - places} places of a ${noun} who is not there, or not called so`
}

/** The next in order of their numbers: whatever of one block is left, or more. */
async function readNumbered(db: Database, keyId: number, noun: Noun, after: number): Promise<Row[]> {
  const people = sql<Row>`
    select number, id, texts, stale as "isStale" from people
    where key_id = ${keyId} and number > ${after} and person_id is null`
  const rooms = sql<Row>`
    select number, room_id as id, texts, 0 as "isStale" from search_rooms where key_id = ${keyId} and number > ${after}`
  const { rows } = await sql<Row>`${noun === 'person' ? people : rooms} order by number limit ${blockNumbers}`.execute(
    db.kysely,
  )
  return rows
}

async function countPlaces(db: Database, keyId: number, noun: Noun): Promise<number> {
  let places = 0
  for (let after = { gram: '', block: 0 }; ; ) {
    const { rows } = await sql<{ gram: string; block: number; members: string }>`
      select gram, block, members from search_grams
      where key_id = ${keyId} and noun = ${noun} and (gram, block) > (${after.gram}, ${after.block})
      order by gram, block limit ${pageGrams}`.execute(db.kysely)
    const last = rows.at(-1)
    if (last === undefined) return places
    for (const { members } of rows) places += countBits(readBits(members))
    after = last
  }
}
