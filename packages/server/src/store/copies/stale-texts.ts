import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { unpack } from '../sessions/newest-texts.ts'
import { decodeSeal } from '../sessions/seals.ts'

/** Rooms whose texts are read at once. */
const pageRooms = 100

type Row = { keyId: number; roomId: string; texts: string }
type Seal = { sessionId: string; roomId: string; startAt: number; text: string }

/** Tells in words where a text that lies beside the others of its room is not that of a sealed session of it. */
export async function* findStaleTexts(db: Database): AsyncGenerator<string> {
  for (let after = { keyId: 0, roomId: '' }; ; ) {
    const { rows } = await sql<Row>`
      select key_id as "keyId", room_id as "roomId", texts from newest_texts
      where (key_id, room_id) > (${after.keyId}, ${after.roomId})
      order by key_id, room_id limit ${sql.lit(pageRooms)}`.execute(db.kysely)
    const last = rows.at(-1)
    if (last === undefined) return
    for (const { keyId, roomId, texts } of rows) {
      const kept = unpack(texts)
      const seals = await readSeals(
        db,
        keyId,
        kept.map(({ id }) => id),
      )
      for (const { id, startAt, head, middle, tail } of kept) {
        const seal = seals.get(id)
        const is = JSON.stringify([roomId, startAt, `${head}${middle}${tail}`])
        if (seal !== undefined && is === JSON.stringify([seal.roomId, seal.startAt, seal.text])) continue
        yield `newest_texts of key ${keyId}, room ${roomId}: that of session ${id} is not its seal`
      }
    }
    after = last
  }
}

async function readSeals(db: Database, keyId: number, ids: string[]): Promise<Map<string, Seal>> {
  const rows = await db.kysely
    .selectFrom('sessions as s')
    .innerJoin('seals as z', (join) => join.onRef('z.key_id', '=', 's.key_id').onRef('z.session_id', '=', 's.id'))
    .select(['s.id as sessionId', 's.room_id as roomId', 's.start_at as startAt', 'z.head', 'z.middle', 'z.tail'])
    .where('s.key_id', '=', keyId)
    .where(db.differences.isIn('s.id', JSON.stringify(ids)))
    .where('s.gaps', 'is not', null)
    .$narrowType<{ startAt: number }>()
    .execute()
  return new Map(
    rows
      .map(decodeSeal)
      .map(({ head, middle, tail, ...one }) => [one.sessionId, { ...one, text: `${head}${middle}${tail}` }]),
  )
}
