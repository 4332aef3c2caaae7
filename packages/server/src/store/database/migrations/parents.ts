import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** The session that another is a part of. */
export async function parents(db: Kysely<unknown>): Promise<void> {
  for (const column of ['parent_room_id', 'parent_key']) {
    await db.schema.alterTable('sessions').addColumn(column, textOf(db)).execute()
  }
  await db.schema
    .createIndex('sessions_of_parent')
    .on('sessions')
    .columns(['key_id', 'parent_room_id', 'start_at'])
    .where('parent_room_id', 'is not', null)
    .execute()
}
