import type { Kysely } from 'kysely'

/** What time it is, as far as that is confirmed: nothing is erased by a clock that leapt. */
export async function confirmedTime(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('confirmed_time')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .execute()
}
