import type { Kysely } from 'kysely'
import { textOf } from '../dialect.ts'

/** Who was erased, by a digest, and when: what is told late of the time before is not taken. */
export async function erasedPeople(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('erased_people')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('digest', textOf(db), (c) => c.notNull())
    .addColumn('erased_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('erased_people_pk', ['key_id', 'digest'])
    .execute()
}
