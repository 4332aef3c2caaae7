import type { Kysely } from 'kysely'
import { textOf } from '../dialect.ts'

export async function createSessionCounts(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('session_counts')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('sessions', 'bigint', (c) => c.notNull())
    .addColumn('ended', 'bigint', (c) => c.notNull())
    .addColumn('bucketed', 'integer', (c) => c.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('session_counts_pk', ['key_id', 'room_id'])
    .execute()
  await schema
    .createTable('session_buckets')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('level', 'integer', (c) => c.notNull())
    .addColumn('start_at', 'bigint', (c) => c.notNull())
    .addColumn('sessions', 'bigint', (c) => c.notNull())
    .addColumn('ended', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('session_buckets_pk', ['key_id', 'room_id', 'level', 'start_at'])
    .execute()
}
