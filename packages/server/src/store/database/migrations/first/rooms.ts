import { type Kysely, sql } from 'kysely'
import { textOf } from '../dialect.ts'

export async function createRooms(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('rooms')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('custom_room_id', text)
    .addColumn('webhook_json', text)
    .addColumn('auto_close_json', text)
    .addColumn('auto_close_ms', 'bigint')
    .addColumn('allowed_participants_json', text)
    .addColumn('disabled', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('rooms_pk', ['key_id', 'room_id'])
    .execute()
  await schema.createIndex('rooms_by_id').unique().on('rooms').columns(['key_id', 'id']).execute()
  await schema
    .createIndex('rooms_by_custom_id')
    .unique()
    .on('rooms')
    .columns(['key_id', 'custom_room_id'])
    .where(sql.ref('custom_room_id'), 'is not', null)
    .execute()
  await schema.createIndex('rooms_newest').on('rooms').columns(['key_id', 'created_at', 'id']).execute()
}
