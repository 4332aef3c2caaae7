import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** When a look last found a session as the record has it. */
export async function looks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('looks')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', textOf(db), (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('looks_pk', ['key_id', 'session_id'])
    .execute()
}
