import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'
import { changeGrams, findCandidates } from './grams.ts'
import { gramsOf, toFoundBy, toPattern } from './searched.ts'

// Rooms are found by any part of their ids. Whoever makes one notes it; it has a number, and is found, once that is gathered.

/** Rooms that are taken in at a time. */
const stepRooms = 500
/** Rooms that are looked at, from the newest, where so many have a part that they were not counted. */
const walkedMax = 20_000

export async function noteRooms(db: Database, keyId: number, roomIds: string[]): Promise<void> {
  if (roomIds.length === 0) return
  const rooms = await db.kysely
    .selectFrom('rooms')
    .select(['room_id as roomId', 'custom_room_id as customRoomId'])
    .where('key_id', '=', keyId)
    .where(db.differences.isIn('room_id', JSON.stringify(roomIds)))
    .orderBy('room_id')
    .execute()
  const rows = rooms.map(({ roomId, customRoomId }) => ({
    key_id: keyId,
    room_id: roomId,
    number: null,
    texts: [roomId, customRoomId ?? ''].map(toFoundBy).join('\n').trim(),
  }))
  await db.insertRows('search_rooms', rows, ['key_id', 'room_id'], { number: null })
}

const unnumberedOf = query<{ keyId: number; limit: number }, { room_id: string; texts: string }>((k, p) =>
  k
    .selectFrom('search_rooms')
    .select(['room_id', 'texts'])
    .where('key_id', '=', p.keyId)
    .where('number', 'is', null)
    .orderBy('room_id')
    .limit(p.limit),
)

/** Gives rooms that were noted their numbers. */
export async function numberRooms(db: Database, keyId: number): Promise<number> {
  const some = await db.all(unnumberedOf(db), { keyId, limit: stepRooms })
  if (some.length === 0) return 0
  const last = await db.kysely
    .selectFrom('search_rooms')
    .select('number')
    .where('key_id', '=', keyId)
    .where('number', 'is not', null)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  let next = (last?.number ?? -1) + 1
  const numbered = some.map((room) => ({ key_id: keyId, ...room, number: next++ }))
  await db.insertRows('search_rooms', numbered, ['key_id', 'room_id'])
  await changeGrams(
    db,
    keyId,
    'room',
    numbered.map(({ number, texts }) => ({ number, add: gramsOf(texts), remove: [] })),
  )
  return some.length
}

/** An erased room is not found any more. */
export async function dropRoomsFound(db: Database, keyId: number, roomId: string): Promise<void> {
  const known = await db.kysely
    .deleteFrom('search_rooms')
    .where('key_id', '=', keyId)
    .where('room_id', '=', roomId)
    .returning(['number', 'texts'])
    .executeTakeFirst()
  if (known?.number == null) return
  await changeGrams(db, keyId, 'room', [{ number: known.number, add: [], remove: gramsOf(known.texts) }])
}

type Sought = { keyId: number; like: string; limit: number }
const ofNumbers = query<Sought & { numbers: string }, { id: string }>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.numbers))
    .crossJoin('search_rooms as r')
    .select('r.room_id as id')
    .where('r.key_id', '=', p.keyId)
    .where('r.number', '=', sql<number>`cast(x.value as integer)`)
    .where(sql<boolean>`r.texts like ${p.like} escape '\\'`)
    .limit(p.limit),
)
const walk = query<Sought & { walked: number }, { id: string }>((k, p) =>
  k
    .selectFrom(
      k
        .selectFrom('search_rooms')
        .select(['room_id as id', 'texts'])
        .where('key_id', '=', p.keyId)
        .where('number', 'is not', null)
        .orderBy('number', 'desc')
        .limit(p.walked)
        .as('w'),
    )
    .select('w.id')
    .where(sql<boolean>`w.texts like ${p.like} escape '\\'`)
    .limit(p.limit),
)

/** The ids of rooms that have a part; where more than `max` do, of so many of the newest. @param part as it is searched, not empty */
export async function findRooms(db: Database, keyId: number, part: string, max: number): Promise<string[]> {
  const sought = { keyId, like: toPattern(part), limit: max }
  const candidates = await findCandidates(db, keyId, 'room', part, max)
  const rows = await (candidates === undefined
    ? db.all(walk(db), { ...sought, walked: walkedMax })
    : db.all(ofNumbers(db), { ...sought, numbers: JSON.stringify(candidates.list(walkedMax)) }))
  return rows.map(({ id }) => id)
}

const ofOne = query<Sought & { roomId: string }, { id: string }>((k, p) =>
  k
    .selectFrom('search_rooms')
    .select('room_id as id')
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where(sql<boolean>`texts like ${p.like} escape '\\'`)
    .limit(p.limit),
)

/** Whether a room has a part of its ids. @param part as it is searched, not empty */
export async function hasPart(db: Database, keyId: number, roomId: string, part: string): Promise<boolean> {
  return (await db.all(ofOne(db), { keyId, roomId, like: toPattern(part), limit: 1 })).length > 0
}
