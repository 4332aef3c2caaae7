import { isPerson } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'
import { noteRooms, numberRooms } from './found-rooms.ts'
import { freshen } from './fresh.ts'
import { type Change, changeGrams, lockFound } from './grams.ts'
import { combine, type Kept, markStale, nextNumber, type Seen, stepRows, toRow } from './kept-people.ts'
import { gramsOf, without } from './searched.ts'

// Who there is follows from who was in which session. It is kept up from the log of changes, a moment after them: so recording
// facts does no more for it. What is older than the first look at a key is gathered from its participants, some at a time.

type Cursor = { seq: number; sessionId: string | null; participantId: string | null; roomId: string | null }

/** Takes in some of what is new of a key. Gives how much: nothing is left where that is 0. */
export async function gatherOfKey(db: Database, keyId: number): Promise<number> {
  await lockFound(db, keyId)
  const cursor = await takeCursor(db, keyId)
  let taken = (await freshen(db, keyId)) + (await numberPeople(db, keyId)) + (await numberRooms(db, keyId))
  if (cursor.sessionId !== null) taken += await gatherParticipants(db, keyId, cursor)
  if (cursor.roomId !== null) taken += await gatherRooms(db, keyId, cursor.roomId)
  return taken + (await gatherChanges(db, keyId, cursor.seq))
}

/** The keys of which something is new. */
export async function listKeysWithNews(db: Database): Promise<number[]> {
  const { rows } = await sql<{ keyId: number }>`
    select key_id as "keyId" from (select key_id from keys except select key_id from search_cursors) as fresh
    union select c.key_id from search_cursors as c left join counters as n on n.key_id = c.key_id
      where c.session_id is not null or c.room_id is not null or c.seq < coalesce(n.change_seq, 0)
    union select key_id from people where stale = 1
    union select key_id from people where number is null
    union select key_id from search_rooms where number is null`.execute(db.kysely)
  return rows.map(({ keyId }) => keyId)
}

const cursorOf = query<{ keyId: number }, Cursor>((k, p) =>
  k
    .selectFrom('search_cursors')
    .select(['seq', 'session_id as sessionId', 'participant_id as participantId', 'room_id as roomId'])
    .where('key_id', '=', p.keyId),
)

/** At the first look at a key, what is there already is gathered from its beginning, and what changes from now on beside it. */
async function takeCursor(db: Database, keyId: number): Promise<Cursor> {
  const [known] = await db.all(cursorOf(db), { keyId })
  if (known !== undefined) return known
  const first = { sessionId: '', participantId: '', roomId: '' }
  const counted = await db.kysely
    .selectFrom('counters')
    .select('change_seq as seq')
    .where('key_id', '=', keyId)
    .executeTakeFirst()
  const seq = counted?.seq ?? 0
  await db.insertRows('search_cursors', [{ key_id: keyId, seq, session_id: '', participant_id: '', room_id: '' }])
  return { seq, ...first }
}

async function gatherParticipants(db: Database, keyId: number, { sessionId, participantId }: Cursor): Promise<number> {
  const { rows } = await sql<Seen & { sessionId: string }>`
    select session_id as "sessionId", participant_id as id, name, kind, coalesce(last_at, joined_at) as at from participants
    where key_id = ${keyId} and (session_id, participant_id) > (${sessionId}, ${participantId}) and joined_at is not null
    order by session_id, participant_id limit ${stepRows}`.execute(db.kysely)
  await takeIn(db, keyId, rows)
  const last = rows.length < stepRows ? undefined : rows.at(-1)
  await db.kysely
    .updateTable('search_cursors')
    .set({ session_id: last?.sessionId ?? null, participant_id: last?.id ?? null })
    .where('key_id', '=', keyId)
    .execute()
  return rows.length
}

async function gatherRooms(db: Database, keyId: number, after: string): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select room_id as id from rooms where key_id = ${keyId} and room_id > ${after}
    order by room_id limit ${stepRows}`.execute(db.kysely)
  await noteRooms(
    db,
    keyId,
    rows.map(({ id }) => id),
  )
  const last = rows.length < stepRows ? undefined : rows.at(-1)
  await db.kysely
    .updateTable('search_cursors')
    .set({ room_id: last?.id ?? null })
    .where('key_id', '=', keyId)
    .execute()
  return rows.length
}

type Told = { seq: number; type: string; sessionId: string; roomId: string; participantId: string | null }
const changesAfter = query<{ keyId: number; seq: number; limit: number }, Told>((k, p) =>
  k
    .selectFrom('changes')
    .select(['seq', 'type', 'session_id as sessionId', 'room_id as roomId', 'participant_id as participantId'])
    .where('key_id', '=', p.keyId)
    .where('seq', '>', p.seq)
    .orderBy('seq')
    .limit(p.limit),
)
const seenOf = query<{ keyId: number; list: string }, Seen>((k, p, { differences }) =>
  k
    .selectFrom(
      differences
        .named('participants', p.list, {
          keyId: p.keyId,
          fields: { session_id: 'sessionId', participant_id: 'participantId' },
        })
        .as('p'),
    )
    .select(['p.participant_id as id', 'p.name', 'p.kind'])
    .select(sql<number>`coalesce(p.last_at, p.joined_at)`.as('at'))
    .where('p.joined_at', 'is not', null)
    .$narrowType<Seen>(),
)
const moveCursor = query<{ keyId: number; seq: number }>((k, p) =>
  k.updateTable('search_cursors').set({ seq: p.seq }).where('key_id', '=', p.keyId),
)

async function gatherChanges(db: Database, keyId: number, seq: number): Promise<number> {
  const changes = await db.all(changesAfter(db), { keyId, seq, limit: stepRows })
  const last = changes.at(-1)
  if (last === undefined) return 0
  // Of most there are several changes: who joined also left.
  const whose = new Map<string, { sessionId: string; participantId: string }>()
  for (const { sessionId, participantId } of changes) {
    if (participantId !== null) whose.set(`${sessionId} ${participantId}`, { sessionId, participantId })
  }
  await takeIn(db, keyId, await db.all(seenOf(db), { keyId, list: JSON.stringify([...whose.values()]) }))
  await noteRooms(
    db,
    keyId,
    changes.flatMap(({ type, roomId }) => (type === 'session.started' ? roomId : [])),
  )
  await db.run(moveCursor(db), { keyId, seq: last.seq })
  return changes.length
}

/** Notes where people were last seen, and under which names. */
async function takeIn(db: Database, keyId: number, seen: Seen[]): Promise<void> {
  const persons = Map.groupBy(
    seen.filter(({ kind }) => isPerson(kind)),
    ({ id }) => id,
  )
  const programs = seen.filter(({ kind }) => !isPerson(kind)).map(({ id }) => id)
  if (programs.length > 0) await markStale(db, keyId, programs)
  if (persons.size === 0) return
  const ids = JSON.stringify([...persons.keys()])
  const known = new Map((await db.all(peopleOf(db), { keyId, ids })).map((one) => [one.id, one]))
  const rows = []
  const changes: Change[] = []
  let next = await nextNumber(db, keyId)
  for (const [id, ofOne] of persons) {
    const before = known.get(id)
    const after = combine(before, id, ofOne)
    const isNew = after.number === null
    if (!isNew && before?.seenAt === after.seenAt && before.texts === after.texts) continue
    const numbered = { ...after, number: after.number ?? next++ }
    rows.push(toRow(keyId, numbered))
    if (numbered.personId !== null || (!isNew && before?.texts === after.texts)) continue
    const old = isNew ? new Set<string>() : gramsOf(before?.texts ?? '')
    changes.push({ number: numbered.number, add: without(gramsOf(after.texts), old), remove: [] })
  }
  await db.insertRows('people', rows, ['key_id', 'merged', 'id'], { stale: null })
  await changeGrams(db, keyId, 'person', changes)
  const mergedInto = [...new Set([...known.values()].flatMap(({ personId }) => personId ?? []))]
  if (mergedInto.length > 0) await markStale(db, keyId, mergedInto, 1)
}

const unnumberedOf = query<{ keyId: number; limit: number }, Kept & { merged: number }>((k, p) =>
  k
    .selectFrom('people')
    .select(['merged', 'id', 'name', 'seen_at as seenAt', 'texts', 'person_id as personId', 'number'])
    .where('key_id', '=', p.keyId)
    .where('number', 'is', null)
    .where('stale', '=', sql.lit(0))
    .orderBy('merged')
    .orderBy('id')
    .limit(p.limit),
)

/** Whoever was gathered before there were numbers is found from now on. */
async function numberPeople(db: Database, keyId: number): Promise<number> {
  const some = await db.all(unnumberedOf(db), { keyId, limit: stepRows })
  if (some.length === 0) return 0
  let next = await nextNumber(db, keyId)
  const numbered = some.map((one) => ({ ...one, number: next++ }))
  await db.insertRows(
    'people',
    numbered.map(({ merged, ...one }) => toRow(keyId, one, merged)),
    ['key_id', 'merged', 'id'],
  )
  const found = numbered.filter(({ personId }) => personId === null)
  await changeGrams(
    db,
    keyId,
    'person',
    found.map(({ number, texts }) => ({ number, add: gramsOf(texts), remove: [] })),
  )
  return some.length
}

const peopleOf = query<{ keyId: number; ids: string }, Kept>((k, p, { differences }) =>
  k
    .selectFrom('people')
    .select(['id', 'name', 'seen_at as seenAt', 'texts', 'person_id as personId', 'number'])
    .where('key_id', '=', p.keyId)
    .where('merged', '=', sql.lit(0))
    .where(differences.isIn('id', p.ids)),
)
