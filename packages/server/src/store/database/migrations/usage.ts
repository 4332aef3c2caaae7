import { type Kysely, sql } from 'kysely'
import { textOf } from './dialect.ts'

/** The sessions of a day, packed for what sums them up, and which of these have changed since. */
export async function usage(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('usage_days')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('start_at', 'bigint', (c) => c.notNull())
    .addColumn('version', text, (c) => c.notNull())
    .addColumn('sessions', 'integer', (c) => c.notNull())
    .addColumn('packed', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('usage_days_pk', ['key_id', 'start_at'])
    .execute()
  await schema
    .createTable('usage_breaks')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('start_at', 'bigint', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('usage_breaks_pk', ['key_id', 'start_at', 'id'])
    .execute()
  await schema
    .createIndex('sessions_unsealed')
    .on('sessions')
    .columns(['key_id', 'start_at', 'id'])
    .where(sql.ref('gaps'), 'is', null)
    .execute()
}

/** The rooms of these sessions: days from before there were such are packed again. */
export async function usageRooms(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('usage_days').addColumn('rooms', textOf(db)).execute()
}
