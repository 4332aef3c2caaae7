import { type Kysely, sql } from 'kysely'

/** For how many days the sessions of a key, and of a room, are kept, where that is said. */
export async function ownRetention(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('retention')
    .addColumn('key_id', 'integer', (c) => c.primaryKey())
    .addColumn('days', 'integer', (c) => c.notNull())
    .execute()
  await sql`alter table rooms add column retention_days integer`.execute(db)
  await schema
    .createIndex('rooms_with_retention')
    .on('rooms')
    .columns(['key_id', 'room_id', 'retention_days'])
    .where(sql.ref('retention_days'), 'is not', null)
    .execute()
}
