import type { Kysely } from 'kysely'
import { textOf } from '../dialect.ts'

export async function createLeases(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('leases')
    .addColumn('holder', text, (c) => c.primaryKey())
    .addColumn('renewed_at', 'bigint', (c) => c.notNull())
    .execute()
}
