import type { Insertable, Kysely } from 'kysely'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import { query } from '../noun.ts'
import { sourceScope } from './buckets.ts'
import { decodeSeal, type SealedText } from './seals.ts'

// The first page of a room is asked for most, and its sessions' texts lie in as many places as there are sessions: other rooms'
// were sealed in between. So those of each room's newest sessions are kept side by side too, in one row. That row follows from
// the seals, and may be missing: then a page is read as any other.

/** Most sessions of a room that are kept so. */
export const newestMax = 24
/** A room of fewer sessions has no such row: what would be spared is less than what it takes. */
export const newestFrom = 8
/** Letters of one text, and of all of a room: a longer one is read where it lies. */
const textMaxLength = 8 * 1024
const textsMaxLength = 64 * 1024
/** Rooms that are made such a row for in one transaction, and that are looked at for it. */
const roomsGathered = 8
const roomsLookedAt = 200

export type OfRoom = { keyId: number; roomId: string }
/** A sealed session with its text. */
export type NewestText = SealedText & { id: string; startAt: number }
/** `keys`: the newest sessions of the room, whether they are sealed or not; `texts`: those of sealed ones. */
export type NewestOfRoom = { total: number; keys: { id: string; startAt: number }[]; texts: Map<string, NewestText> }

type NewestRow = { total: number; texts: string | null; keys: string | null }

// All at once: on PostgreSQL each question is a way to the service and back. The index of a room's sessions has all of `keys`.
const newestOfRoom = query<OfRoom & { limit: number }, NewestRow>((k, p, { differences }) =>
  k
    .selectFrom('session_counts as c')
    .leftJoin('newest_texts as n', (join) =>
      join.onRef('n.key_id', '=', 'c.key_id').onRef('n.room_id', '=', 'c.room_id'),
    )
    .select(['c.sessions as total', 'n.texts'])
    .select((eb) =>
      eb
        .selectFrom(newest(k, p, ['id', 'start_at']).limit(p.limit).as('s'))
        .select(differences.listOf(['s.id', 's.start_at']).as('keys'))
        .as('keys'),
    )
    .where('c.key_id', '=', p.keyId)
    .where('c.room_id', '=', p.roomId),
)
const textsOfRooms = query<{ keyId: number; list: string }, { roomId: string; texts: string }>(
  (k, p, { differences }) =>
    k
      .selectFrom(differences.eachText(p.list))
      .crossJoin('newest_texts as n')
      .select(['n.room_id as roomId', 'n.texts'])
      .where('n.key_id', '=', p.keyId)
      .whereRef('n.room_id', '=', 'x.value'),
)
const largeRooms = query<{ keyId: number; list: string }, { roomId: string }>((k, p, { differences }) =>
  k
    .selectFrom(differences.eachText(p.list))
    .crossJoin('session_counts as c')
    .select('c.room_id as roomId')
    .where('c.key_id', '=', p.keyId)
    .whereRef('c.room_id', '=', 'x.value')
    .where('c.sessions', '>=', newestFrom),
)
// From the sessions to their texts: the order of this join is not left to the database.
const sealedOfRoom = query<OfRoom, NewestText>((k, p) =>
  k
    .selectFrom(newest(k, p, ['id', 'start_at', 'gaps']).limit(newestMax).as('s'))
    .crossJoin('seals as z')
    .select(['s.id', 's.start_at as startAt', 'z.head', 'z.middle', 'z.tail'])
    .where('s.gaps', 'is not', null)
    .where('z.key_id', '=', p.keyId)
    .whereRef('z.session_id', '=', 's.id')
    .$narrowType<{ startAt: number }>(),
)
const roomsAfter = query<OfRoom & { limit: number }, OfRoom & { isThere: number }>((k, p) =>
  k
    .selectFrom('session_counts as c')
    .select(['c.key_id as keyId', 'c.room_id as roomId'])
    .select((eb) =>
      eb
        .case()
        .when(
          eb.exists(
            eb
              .selectFrom('newest_texts as n')
              .select('n.room_id')
              .whereRef('n.key_id', '=', 'c.key_id')
              .whereRef('n.room_id', '=', 'c.room_id'),
          ),
        )
        .then(1)
        .else(0)
        .end()
        .as('isThere'),
    )
    .where((eb) => eb(eb.refTuple('c.key_id', 'c.room_id'), '>', eb.tuple(p.keyId, p.roomId)))
    .where('c.room_id', '!=', '')
    .where('c.room_id', 'not like', `${sourceScope('')}%`)
    .where('c.sessions', '>=', newestFrom)
    .orderBy('c.key_id')
    .orderBy('c.room_id')
    .limit(p.limit),
)
const dropOfSealed = query<{ keyId: number; ids: string }>((k, p, { differences }) =>
  k
    .deleteFrom('newest_texts')
    .where('key_id', '=', p.keyId)
    .where('room_id', 'in', (eb) =>
      eb
        .selectFrom('sessions as s')
        .select('s.room_id')
        .where('s.key_id', '=', p.keyId)
        .where(differences.isIn('s.id', p.ids))
        .where('s.gaps', 'is not', null),
    ),
)
const dropOfRooms = query<{ keyId: number; list: string }>((k, p, { differences }) =>
  k.deleteFrom('newest_texts').where('key_id', '=', p.keyId).where(differences.isIn('room_id', p.list)),
)

/** The newest sessions of a room. */
function newest<C extends 'id' | 'start_at' | 'gaps'>(k: Kysely<Tables>, p: OfRoom, columns: C[]) {
  return k
    .selectFrom('sessions')
    .select(columns)
    .where('key_id', '=', p.keyId)
    .where('room_id', '=', p.roomId)
    .where('start_at', 'is not', null)
    .orderBy('start_at', 'desc')
    .orderBy('id', 'desc')
}

export async function readNewest(db: Database, of: OfRoom, limit: number): Promise<NewestOfRoom> {
  const [row] = await db.all(newestOfRoom(db), { ...of, limit })
  const keys = JSON.parse(row?.keys ?? '[]') as [string, number][]
  return {
    total: row?.total ?? 0,
    keys: keys.map(([id, startAt]) => ({ id, startAt })),
    texts: new Map(unpack(row?.texts ?? '').map((text) => [text.id, text])),
  }
}

/** Puts the texts of sessions that were sealed just now, in this transaction, beside those of their rooms. */
export async function addNewest(
  db: Database,
  keyId: number,
  sealed: (NewestText & { roomId: string })[],
): Promise<void> {
  const ofRooms = Map.groupBy(sealed, ({ roomId }) => roomId)
  const rows: Insertable<Tables['newest_texts']>[] = []
  for (const { roomId, texts } of await readTexts(db, keyId, [...ofRooms.keys()])) {
    const added = ofRooms.get(roomId) ?? []
    const others = unpack(texts).filter((text) => !added.some(({ id }) => id === text.id))
    rows.push({ key_id: keyId, room_id: roomId, texts: pack([...others, ...added]) })
    ofRooms.delete(roomId)
  }
  await db.insertRows('newest_texts', rows, ['key_id', 'room_id'])
  await gatherNewest(db, keyId, [...ofRooms.keys()])
}

/** Makes the rows of rooms anew: of those that have enough sessions. */
export async function gatherNewest(db: Database, keyId: number, roomIds: string[]): Promise<void> {
  if (roomIds.length === 0) return
  const list = JSON.stringify(roomIds)
  await db.run(dropOfRooms(db), { keyId, list })
  const rows: Insertable<Tables['newest_texts']>[] = []
  for (const { roomId } of await db.all(largeRooms(db), { keyId, list })) {
    const sealed = await db.all(sealedOfRoom(db), { keyId, roomId })
    rows.push({ key_id: keyId, room_id: roomId, texts: pack(sealed.map(decodeSeal)) })
  }
  await db.insertRows('newest_texts', rows)
}

/** What became of one step. `after`: the room to go on after; undefined where there are no more. */
export type Gathered = { rooms: number; after: OfRoom | undefined }

/** Makes the rows of some rooms that have none yet: such as those of a record from before there were any. */
export async function gatherMissing(db: Database, after: OfRoom): Promise<Gathered> {
  const rooms = await db.all(roomsAfter(db), { ...after, limit: roomsLookedAt })
  const missing = rooms.filter(({ isThere }) => isThere === 0).slice(0, roomsGathered)
  for (const [keyId, ofKey] of Map.groupBy(missing, (room) => room.keyId)) {
    const roomIds = ofKey.map(({ roomId }) => roomId)
    await db.differences.lockRooms(keyId, roomIds)
    await gatherNewest(db, keyId, roomIds)
  }
  if (missing.length === roomsGathered) return { rooms: missing.length, after: missing.at(-1) }
  return { rooms: missing.length, after: rooms.length === roomsLookedAt ? rooms.at(-1) : undefined }
}

/** To be called before sessions are written that had ended: the row of a room where one of them is sealed goes. */
export async function dropNewest(db: Database, keyId: number, sessionIds: string[]): Promise<void> {
  await db.run(dropOfSealed(db), { keyId, ids: JSON.stringify(sessionIds) })
}

/** Takes sessions that were erased, in this transaction, out of the rows of their rooms. */
export async function eraseNewest(
  db: Database,
  keyId: number,
  erased: { id: string; roomId: string }[],
): Promise<void> {
  const ofRooms = Map.groupBy(erased, ({ roomId }) => roomId)
  const found = (await readTexts(db, keyId, [...ofRooms.keys()])).filter(({ roomId, texts }) => {
    const ids = new Set(unpack(texts).map(({ id }) => id))
    return ofRooms.get(roomId)?.some(({ id }) => ids.has(id))
  })
  await gatherNewest(
    db,
    keyId,
    found.map(({ roomId }) => roomId),
  )
}

/** Of these rooms, those that have a row. */
function readTexts(db: Database, keyId: number, roomIds: string[]) {
  return db.all(textsOfRooms(db), { keyId, list: JSON.stringify(roomIds) })
}

/** Five lines a session: its id, its start, and the three parts of its text, in which there is no end of a line. */
function pack(texts: NewestText[]): string {
  const lines: (string | number)[] = []
  let length = 0
  for (const { id, startAt, head, middle, tail } of texts.toSorted(newestFirst).slice(0, newestMax)) {
    const textLength = head.length + middle.length + tail.length
    if (textLength > textMaxLength || length + textLength > textsMaxLength) continue
    length += textLength
    lines.push(id, startAt, head, middle, tail)
  }
  return lines.join('\n')
}

export function unpack(packed: string): NewestText[] {
  if (packed === '') return []
  const lines = packed.split('\n')
  const texts: NewestText[] = []
  for (let i = 0; i < lines.length; i += 5) {
    const [id, startAt, head] = [lines[i], lines[i + 1], lines[i + 2]] as [string, string, string]
    const [middle, tail] = [lines[i + 3], lines[i + 4]] as [string, string]
    texts.push({ id, startAt: Number(startAt), head, middle, tail })
  }
  return texts
}

function newestFirst(a: NewestText, b: NewestText): number {
  return b.startAt - a.startAt || (a.id < b.id ? 1 : -1)
}
