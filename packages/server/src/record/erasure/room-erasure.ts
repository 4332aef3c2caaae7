import type { Fact, Json } from '@rollcall/protocol'
import { sql } from 'kysely'
import { Refusal } from '../../error.ts'
import type { Database } from '../../store/database/database.ts'
import { digestOfPerson, pastOf } from '../../store/facts/erased-people.ts'
import { noun, type Over } from '../../store/noun.ts'
import { dropRoomsFound } from '../../store/people/found-rooms.ts'
import { dropRoom } from '../../store/schedules.ts'
import { eraseNewest } from '../../store/sessions/newest-texts.ts'
import { sealAtOf } from '../../store/sessions/seals.ts'
import { digestOf } from '../facts/fact-text.ts'
import { newAnonymousId } from './anonymous.ts'
import { hasWord, patternOf } from './pattern.ts'
import { emptyFact } from './session-erasure.ts'

/** Sessions that are listed, and facts of the log that are looked at, at a time. */
const sessionsMax = 200
const factsMax = 5000

/** A room by all that it is called. */
export type ErasedRoom = { keyId: number; roomId: string; id: string; customRoomId: string | null }

/** Ends the keeping of one room, once its sessions are erased. */
export const roomErasure = noun({
  reads: {
    /** Some of the sessions that a room still has. */
    async sessionsOf({ db }: Over, keyId: number, roomId: string): Promise<string[]> {
      const k = db.kysely.selectFrom('sessions').select('id').where('key_id', '=', keyId)
      const rows = await k.where('room_id', '=', roomId).limit(sessionsMax).execute()
      return rows.map(({ id }) => id)
    },
  },
  writes: {
    /** From now on nothing that is told of its time before is taken. Throws CONFLICT while it is in use. */
    async forget({ db, now }: Over, { keyId, roomId, customRoomId }: ErasedRoom): Promise<void> {
      await refuseRunning(db, keyId, roomId)
      const names = [roomId, ...(customRoomId === null ? [] : [customRoomId])]
      const rows = names.map((name) => ({ key_id: keyId, digest: digestOfPerson(pastOf(name)), erased_at: now() }))
      await db.insertRows('erased_people', rows, ['key_id', 'digest'])
    },
    /**
     * Takes it out of a part of the log: of facts that are of no session, that they name it; of those of other sessions, that these were
     * parts of one of it. Gives where to go on, and how many were emptied.
     */
    async emptyLog(
      { db }: Over,
      { after, ...room }: ErasedRoom & { after: number },
    ): Promise<{ next: number | undefined; emptied: number }> {
      const { keyId } = room
      const page = await db.kysely
        .selectFrom('facts')
        .select('seq')
        .where('key_id', '=', keyId)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(factsMax)
        .execute()
      const next = page.at(-1)?.seq
      if (next === undefined) return { next, emptied: 0 }
      const facts = await db.kysely
        .selectFrom('facts')
        .select(['seq', 'source', 'fact_id as factId', 'session_id as sessionId', 'fact_json as json'])
        .where('key_id', '=', keyId)
        .where('seq', '>', after)
        .where('seq', '<=', next)
        .where((eb) => eb.or(namesOf(room).map((name) => sql<boolean>`(fact_json like ${patternOf(name)} escape '!')`)))
        .execute()
      let emptied = 0
      for (const fact of facts) {
        if (fact.sessionId !== null) emptied += (await forgetParent(db, room, fact)) ? 1 : 0
        else if (tellsOf(fact, namesOf(room))) {
          await emptyFact(db, keyId, fact, 'its room was erased')
          emptied += 1
        }
      }
      return { next, emptied }
    },
    /** When nothing of it is in the log, and it has no session any more. */
    async erase({ db }: Over, room: ErasedRoom): Promise<void> {
      const { keyId, roomId } = room
      await refuseRunning(db, keyId, roomId)
      await releaseParts(db, room)
      await dropEndpoints(db, room)
      await dropRoom(db, keyId, roomId)
      await dropRoomsFound(db, keyId, roomId)
      const nobody = newAnonymousId()
      // What was planned of its sessions while they were erased.
      const ofRoom = db.kysely.selectFrom('changes').select('session_id').where('key_id', '=', keyId)
      await db.kysely
        .deleteFrom('webhook_deliveries')
        .where('key_id', '=', keyId)
        .where('session_id', 'in', ofRoom.where('room_id', '=', roomId))
        .execute()
      for (const table of ['newest_texts', 'room_leases', 'kept_out', 'invites', 'rooms'] as const) {
        await db.kysely.deleteFrom(table).where('key_id', '=', keyId).where('room_id', '=', roomId).execute()
      }
      await db.kysely
        .updateTable('changes')
        .set({ room_id: nobody })
        .where('key_id', '=', keyId)
        .where('room_id', '=', roomId)
        .execute()
      await eraseFromTexts(db, room, nobody)
    },
  },
})

async function refuseRunning(db: Database, keyId: number, roomId: string): Promise<void> {
  const running = await db.kysely
    .selectFrom('sessions')
    .select('id')
    .where('key_id', '=', keyId)
    .where('room_id', '=', roomId)
    .where('start_at', 'is not', null)
    .where('end_at', 'is', null)
    .executeTakeFirst()
  if (running !== undefined) throw new Refusal('CONFLICT', `Session ${running.id} runs in this room: end it first`)
}

function namesOf({ roomId, id, customRoomId }: ErasedRoom): string[] {
  return [roomId, id, ...(customRoomId === null ? [] : [customRoomId])]
}

type LoggedFact = { seq: number; source: string; factId: string; json: string }

/**
 * Of a fact of no session: whether any of its texts names the room, which may be called as a word of ours is. That a source started
 * anew is told of all its rooms, whatever its id says.
 */
function tellsOf({ json }: LoggedFact, names: string[]): boolean {
  const { type, source: _, kind: __, ...said }: { [field: string]: Json } = JSON.parse(json)
  if (type === 'source-started') return names.includes(String(said.roomId))
  return Object.values(said).some((value) => textsIn(value).some((text) => names.some((name) => hasWord(text, name))))
}

function textsIn(value: Json): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** False where it tells of something else. */
async function forgetParent(db: Database, { keyId, roomId }: ErasedRoom, fact: LoggedFact): Promise<boolean> {
  const { parent, ...said } = JSON.parse(fact.json) as Extract<Fact, { type: 'session-started' }>
  if (parent?.roomId !== roomId) return false
  const json = JSON.stringify(said)
  await db.kysely
    .updateTable('facts')
    .set({ fact_json: json })
    .where('key_id', '=', keyId)
    .where('seq', '=', fact.seq)
    .execute()
  await db.kysely
    .updateTable('claims')
    .set({ digest: digestOf(json) })
    .where('key_id', '=', keyId)
    .where('source', '=', fact.source)
    .where('fact_id', '=', fact.factId)
    .execute()
  return true
}

/** Sessions of other rooms that were parts of one of this. */
async function releaseParts(db: Database, { keyId, roomId }: ErasedRoom): Promise<void> {
  const parts = await db.kysely
    .selectFrom('sessions')
    .select(['id', 'room_id as roomId', 'end_at as endAt', 'updated_at as updatedAt'])
    .where('key_id', '=', keyId)
    .where('parent_room_id', '=', roomId)
    .execute()
  for (const part of parts) {
    await db.kysely
      .updateTable('sessions')
      .set({ parent_room_id: null, parent_key: null, seal_at: sealAtOf(part), gaps: null })
      .where('key_id', '=', keyId)
      .where('id', '=', part.id)
      .execute()
    await db.kysely.deleteFrom('seals').where('key_id', '=', keyId).where('session_id', '=', part.id).execute()
  }
  await eraseNewest(db, keyId, parts)
}

/** What it told of itself alone. */
async function dropEndpoints(db: Database, { keyId, roomId }: ErasedRoom): Promise<void> {
  const endpoints = await db.kysely
    .selectFrom('webhook_endpoints')
    .select('id')
    .where('key_id', '=', keyId)
    .where('room_id', '=', roomId)
    .execute()
  for (const { id } of endpoints) {
    for (const table of ['webhook_deliveries', 'webhook_cursors'] as const) {
      await db.kysely.deleteFrom(table).where('key_id', '=', keyId).where('endpoint_id', '=', id).execute()
    }
    await db.kysely.deleteFrom('webhook_endpoints').where('key_id', '=', keyId).where('id', '=', id).execute()
  }
}

/** What was done with it, and who may see it, is told of no room in particular. */
async function eraseFromTexts(db: Database, room: ErasedRoom, nobody: string): Promise<void> {
  const names = namesOf(room)
  const replace = (json: string) =>
    JSON.stringify(JSON.parse(json, (_, value) => (names.includes(value) ? nobody : value)))
  for (const name of names) {
    const entries = await db.kysely
      .selectFrom('audit')
      .select(['at', 'id', 'about_json as json'])
      .where('key_id', '=', room.keyId)
      .where(sql<boolean>`(about_json like ${patternOf(name)} escape '!')`)
      .execute()
    for (const { at, id, json } of entries) {
      await db.kysely
        .updateTable('audit')
        .set({ about_json: replace(json) })
        .where('key_id', '=', room.keyId)
        .where('at', '=', at)
        .where('id', '=', id)
        .execute()
    }
    const users = await db.kysely
      .selectFrom('user_keys')
      .select(['user_id as userId', 'rooms_json as json'])
      .where('key_id', '=', room.keyId)
      .where(sql<boolean>`(rooms_json like ${patternOf(name)} escape '!')`)
      .execute()
    for (const { userId, json } of users) {
      await db.kysely
        .updateTable('user_keys')
        .set({ rooms_json: replace(json) })
        .where('key_id', '=', room.keyId)
        .where('user_id', '=', userId)
        .execute()
    }
  }
}
