import { type Kysely, sql } from 'kysely'
import { isPostgres, textOf } from './dialect.ts'

/** The texts of each room's newest sessions, side by side. */
export async function newestTexts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('newest_texts')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', textOf(db), (c) => c.notNull())
    .addColumn('texts', textOf(db), (c) => c.notNull())
    .addPrimaryKeyConstraint('newest_texts_pk', ['key_id', 'room_id'])
    .execute()
  // To compress them would cost each page more than to read them as they are.
  if (isPostgres(db)) await sql`alter table newest_texts alter column texts set storage external`.execute(db)
}
