import { type Kysely, sql } from 'kysely'
import { textOf } from '../dialect.ts'

/** Who may not come into a room, though their token is good. */
export async function hosting(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('kept_out')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('link', text)
    .addColumn('by_participant', text)
    .addColumn('kept_out_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('kept_out_pk', ['key_id', 'room_id', 'participant_id'])
    .execute()
  await sql`alter table rooms add column locked_at bigint`.execute(db)
}
