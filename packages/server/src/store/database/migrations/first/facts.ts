import { type Kysely, sql } from 'kysely'
import { isPostgres, textOf } from '../dialect.ts'

export async function createClaims(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('claims')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('claims_pk', ['key_id', 'source', 'fact_id'])
    .execute()
}

export async function createFacts(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('facts')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('source', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('session_id', text)
    .addColumn('outcome', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('change_seq', 'bigint', (c) => c.notNull())
    .addColumn('fact_json', text, (c) => c.notNull())
    // What a table is divided by has to be in its key.
    .addPrimaryKeyConstraint('facts_pk', isPostgres(db) ? ['key_id', 'seq', 'received_at'] : ['key_id', 'seq'])
    .modifyEnd(isPostgres(db) ? sql`partition by range (received_at)` : sql``)
    .execute()
  // For what no day was made of.
  if (isPostgres(db)) await sql`create table facts_default partition of facts default`.execute(db)
}

export async function createChanges(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('changes')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('type', text, (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('recorded_at', 'bigint', (c) => c.notNull())
    .addColumn('participant_id', text)
    .addColumn('name', text)
    .addColumn('reason', text)
    .addPrimaryKeyConstraint('changes_pk', ['key_id', 'seq'])
    .execute()
}

export async function createCounters(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('counters')
    .addColumn('key_id', 'integer', (c) => c.primaryKey())
    .addColumn('fact_seq', 'bigint', (c) => c.notNull())
    .addColumn('change_seq', 'bigint', (c) => c.notNull())
    .addColumn('facts_dropped', 'bigint', (c) => c.notNull().defaultTo(0))
    .addColumn('changes_dropped', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
}
