import { isPerson, type ParticipantKind } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { addSuffixes, removeSuffixes, suffixesOf, toSearched } from './suffixes.ts'

// Who there is follows from who was in which session. It is kept up from the log of changes, a moment after them: so recording
// facts does no more for it. What is older than the first look at a key is gathered from its participants, some at a time.

/** Changes, or participants, that are taken in at a time. */
const stepRows = 500
/** Names of one person that they are found by; most have one or two. */
const namesMax = 16

type Cursor = { seq: number; sessionId: string | null; participantId: string | null; roomId: string | null }
type Seen = { id: string; name: string; kind: ParticipantKind; at: number }
type Kept = { id: string; name: string; seenAt: number; texts: string; personId: string | null }

/** Takes in some of what is new of a key. Gives how much: nothing is left where that is 0. */
export async function gatherOfKey(db: Database, keyId: number): Promise<number> {
  const cursor = await takeCursor(db, keyId)
  let taken = await freshen(db, keyId)
  if (cursor.sessionId !== null) taken += await gatherParticipants(db, keyId, cursor)
  if (cursor.roomId !== null) taken += await gatherRooms(db, keyId, cursor.roomId)
  return taken + (await gatherChanges(db, keyId, cursor.seq))
}

/** The keys of which something is new. */
export async function listKeysWithNews(db: Database): Promise<number[]> {
  const { rows } = await sql<{ keyId: number }>`
    select k.key_id as "keyId" from keys as k
    left join search_cursors as c on c.key_id = k.key_id left join counters as n on n.key_id = k.key_id
    where c.key_id is null or c.session_id is not null or c.room_id is not null or c.seq < coalesce(n.change_seq, 0)
      or exists (select 1 from people as p where p.key_id = k.key_id and p.stale = 1)`.execute(db.kysely)
  return rows.map(({ keyId }) => keyId)
}

/** At the first look at a key, what is there already is gathered from its beginning, and what changes from now on beside it. */
async function takeCursor(db: Database, keyId: number): Promise<Cursor> {
  const { rows } = await sql<Cursor>`
    select seq, session_id as "sessionId", participant_id as "participantId", room_id as "roomId"
    from search_cursors where key_id = ${keyId}`.execute(db.kysely)
  if (rows[0] !== undefined) return rows[0]
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
  await takeInRooms(
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

async function gatherChanges(db: Database, keyId: number, seq: number): Promise<number> {
  const changes = await db.kysely
    .selectFrom('changes')
    .select(['seq', 'type', 'session_id as sessionId', 'room_id as roomId', 'participant_id as participantId'])
    .where('key_id', '=', keyId)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(stepRows)
    .execute()
  const last = changes.at(-1)
  if (last === undefined) return 0
  const whose = changes.flatMap(({ sessionId, participantId }) =>
    participantId === null ? [] : [{ sessionId, participantId }],
  )
  const list = db.differences.each(JSON.stringify(whose))
  const seen = (await db.kysely
    .selectFrom(list)
    .crossJoin('participants as p')
    .select(['p.participant_id as id', 'p.name', 'p.kind'])
    .select(sql<number>`coalesce(p.last_at, p.joined_at)`.as('at'))
    .where('p.key_id', '=', keyId)
    .where('p.session_id', '=', sql<string>`x.value ->> 'sessionId'`)
    .where('p.participant_id', '=', sql<string>`x.value ->> 'participantId'`)
    .where('p.joined_at', 'is not', null)
    .execute()) as Seen[]
  await takeIn(db, keyId, seen)
  await takeInRooms(
    db,
    keyId,
    changes.flatMap(({ type, roomId }) => (type === 'session.started' ? roomId : [])),
  )
  await db.kysely.updateTable('search_cursors').set({ seq: last.seq }).where('key_id', '=', keyId).execute()
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
  const known = new Map((await readPeople(db, keyId, [...persons.keys()])).map((one) => [one.id, one]))
  const rows = []
  const entries = []
  for (const [id, ofOne] of persons) {
    const before = known.get(id)
    const after = combine(before, id, ofOne)
    if (before !== undefined && before.seenAt === after.seenAt && before.texts === after.texts) continue
    rows.push(toRow(keyId, after))
    const old = suffixesOf(before?.texts.split('\n') ?? [])
    const suffixes = without(suffixesOf(after.texts.split('\n')), old)
    if (suffixes.size > 0 && after.personId === null) entries.push({ noun: 'participant' as const, id, suffixes })
  }
  await db.insertRows('people', rows, ['key_id', 'merged', 'id'])
  await addSuffixes(db, keyId, entries)
  const mergedInto = [...new Set([...known.values()].flatMap(({ personId }) => personId ?? []))]
  if (mergedInto.length > 0) await markStale(db, keyId, mergedInto, 1)
}

function combine(before: Kept | undefined, id: string, seen: Seen[]): Kept {
  const inOrder = seen.toSorted((a, b) => a.at - b.at)
  const texts = new Set(before?.texts.split('\n') ?? [toSearched(id)])
  for (const { name } of inOrder) if (texts.size <= namesMax && name !== '') texts.add(toSearched(name))
  const latest = inOrder.at(-1)
  const isLater = before === undefined || (latest?.at ?? 0) >= before.seenAt
  const named = inOrder.findLast(({ name }) => name !== '')?.name
  return {
    id,
    name: (isLater ? named : undefined) ?? before?.name ?? named ?? '',
    seenAt: Math.max(before?.seenAt ?? 0, latest?.at ?? 0),
    texts: [...texts].join('\n'),
    personId: before?.personId ?? null,
  }
}

function toRow(keyId: number, { id, name, seenAt, texts, personId }: Kept, merged = 0) {
  return { key_id: keyId, merged, id, name, seen_at: seenAt, texts, person_id: personId, stale: 0 }
}

async function readPeople(db: Database, keyId: number, ids: string[]): Promise<Kept[]> {
  return db.kysely
    .selectFrom('people')
    .select(['id', 'name', 'seen_at as seenAt', 'texts', 'person_id as personId'])
    .where('key_id', '=', keyId)
    .where('merged', '=', 0)
    .where('id', 'in', db.differences.texts(JSON.stringify(ids)))
    .execute()
}

/** Rooms are found by any part of their ids. */
export async function takeInRooms(db: Database, keyId: number, roomIds: string[]): Promise<void> {
  if (roomIds.length === 0) return
  const rooms = await db.kysely
    .selectFrom('rooms')
    .select(['room_id as roomId', 'custom_room_id as customRoomId'])
    .where('key_id', '=', keyId)
    .where('room_id', 'in', db.differences.texts(JSON.stringify(roomIds)))
    .execute()
  await addSuffixes(
    db,
    keyId,
    rooms.map(({ roomId, customRoomId }) => ({
      noun: 'room' as const,
      id: roomId,
      suffixes: suffixesOf([roomId, customRoomId ?? ''].map(toSearched)),
    })),
  )
}

/** What is kept of these people may be more than there is: it is gathered again. @param merged 1: persons that several were merged into */
export async function markStale(db: Database, keyId: number, ids: string[], merged: 0 | 1 = 0): Promise<void> {
  await db.kysely
    .updateTable('people')
    .set({ stale: 1 })
    .where('key_id', '=', keyId)
    .where('merged', '=', merged)
    .where('id', 'in', db.differences.texts(JSON.stringify(ids)))
    .execute()
}

/** Gathers again who is stale: whoever is in no session any more goes, with all that they were found by. */
async function freshen(db: Database, keyId: number): Promise<number> {
  const stale = await db.kysely
    .selectFrom('people')
    .select(['merged', 'id', 'name', 'texts', 'person_id as personId'])
    .where('key_id', '=', keyId)
    .where('stale', '=', 1)
    .orderBy('merged')
    .limit(stepRows)
    .execute()
  for (const one of stale) await (one.merged === 1 ? freshenPerson(db, keyId, one) : freshenParticipant(db, keyId, one))
  return stale.length
}

type Stale = Omit<Kept, 'seenAt'>

async function freshenParticipant(db: Database, keyId: number, { id, texts, personId }: Stale): Promise<void> {
  const seen = (await db.kysely
    .selectFrom('participants')
    .select(['participant_id as id', 'name', 'kind', sql<number>`max(coalesce(last_at, joined_at))`.as('at')])
    .where('key_id', '=', keyId)
    .where('participant_id', '=', id)
    .where('joined_at', 'is not', null)
    .groupBy(['participant_id', 'name', 'kind'])
    .execute()) as Seen[]
  const persons = seen.filter(({ kind }) => isPerson(kind))
  const fresh = persons.length === 0 ? undefined : { ...combine(undefined, id, persons), personId }
  await replace(
    db,
    keyId,
    { noun: 'participant', id, texts },
    personId === null ? fresh : fresh && { ...fresh, texts: '' },
  )
  if (fresh !== undefined) await db.insertRows('people', [toRow(keyId, fresh)], ['key_id', 'merged', 'id'])
  if (personId !== null) await markStale(db, keyId, [personId], 1)
}

/** A person that several were merged into has all their names, and was seen when the last of them was. */
async function freshenPerson(db: Database, keyId: number, { id, name, texts }: Stale): Promise<void> {
  const members = await db.kysely
    .selectFrom('people')
    .select(['name', 'seen_at as seenAt', 'texts'])
    .where('key_id', '=', keyId)
    .where('merged', '=', 0)
    .where('person_id', '=', id)
    .orderBy('seen_at', 'desc')
    .execute()
  const all = new Set([toSearched(id), toSearched(name), ...members.flatMap((member) => member.texts.split('\n'))])
  const seenAt = members[0]?.seenAt ?? 0
  const fresh = members.length === 0 ? undefined : { id, name, seenAt, texts: [...all].join('\n'), personId: null }
  await replace(db, keyId, { noun: 'person', id, texts }, fresh)
  if (fresh !== undefined) await db.insertRows('people', [toRow(keyId, fresh, 1)], ['key_id', 'merged', 'id'])
}

type Found = { noun: 'participant' | 'person'; id: string; texts: string }

/** Has somebody found by what is fresh alone; undefined: no more. */
async function replace(db: Database, keyId: number, old: Found, fresh: Kept | undefined): Promise<void> {
  const { noun, id } = old
  const [before, after] = [old, fresh].map((one) => suffixesOf(one?.texts.split('\n').filter(Boolean) ?? []))
  await removeSuffixes(db, keyId, { noun, id, suffixes: without(before ?? new Set(), after) })
  await addSuffixes(db, keyId, [{ noun, id, suffixes: after ?? [] }])
  if (fresh !== undefined) return
  await db.kysely
    .deleteFrom('people')
    .where('key_id', '=', keyId)
    .where('merged', '=', noun === 'person' ? 1 : 0)
    .where('id', '=', id)
    .execute()
}

function without(all: Set<string>, others: Set<string> | undefined): Set<string> {
  return new Set([...all].filter((one) => !others?.has(one)))
}
