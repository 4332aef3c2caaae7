import { type Kysely, sql } from 'kysely'

/** What runs in a room, what ran there at a moment, and what lasted long: found without looking at all that ever took place there. */
export async function spanInRoom({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createIndex('sessions_of_room_running')
    .on('sessions')
    .columns(['key_id', 'room_id', 'start_at', 'id'])
    .where(sql.ref('end_at'), 'is', null)
    .execute()
  await schema
    .createIndex('sessions_of_room_by_span')
    .on('sessions')
    .columns(['key_id', 'room_id', 'span_level', 'start_at', 'id'])
    .where(sql.ref('span_level'), 'is not', null)
    .execute()
}
