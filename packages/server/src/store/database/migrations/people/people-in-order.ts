import type { Kysely } from 'kysely'

/** So that a page of a session's people costs the same, however many there are. */
export async function peopleInOrder(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('participants_in_order')
    .on('participants')
    .columns(['key_id', 'session_id', 'joined_at', 'participant_id'])
    .execute()
}
