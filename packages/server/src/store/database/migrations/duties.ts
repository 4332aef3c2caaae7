import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** Which of several processes has which duty. */
export async function duties(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('duties')
    .addColumn('duty', text, (c) => c.primaryKey())
    .addColumn('holder', text, (c) => c.notNull())
    .addColumn('fence', 'bigint', (c) => c.notNull())
    .execute()
}
