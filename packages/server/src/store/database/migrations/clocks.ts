import type { Kysely } from 'kysely'

/** By how much the times of a session were moved, since its source's clock is wrong. */
export async function clocks(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('sessions')
    .addColumn('clock_corrected_ms', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
}
