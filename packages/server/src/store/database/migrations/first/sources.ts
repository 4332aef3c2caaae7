import type { Kysely } from 'kysely'
import { textOf } from '../dialect.ts'

/** When each source last told anything. */
export async function createHeard(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('heard')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('heard_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('heard_pk', ['key_id', 'source'])
    .execute()
}

export async function createSources(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('sources')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addColumn('last_fact_at', 'bigint')
    .addColumn('recorded', 'bigint', (c) => c.notNull())
    .addColumn('duplicate', 'bigint', (c) => c.notNull())
    .addColumn('ignored', 'bigint', (c) => c.notNull())
    .addColumn('refused', 'bigint', (c) => c.notNull())
    .addColumn('skew_ms', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('last_error_at', 'bigint')
    .addPrimaryKeyConstraint('sources_pk', ['key_id', 'id'])
    .execute()
  // A delivery names its source by the id alone.
  await schema.createIndex('sources_by_id').unique().on('sources').columns(['id']).execute()
}
