import type { Kysely } from 'kysely'
import { textOf } from '../dialect.ts'

export async function createParticipants(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('participants')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('metadata_json', text)
    .addColumn('joined_at', 'bigint')
    .addColumn('open_since', 'bigint')
    .addColumn('closed_ms', 'bigint', (c) => c.notNull())
    .addColumn('last_at', 'bigint')
    .addPrimaryKeyConstraint('participants_pk', ['key_id', 'session_id', 'participant_id'])
    .execute()
  await schema
    .createIndex('participants_by_id')
    .on('participants')
    .columns(['key_id', 'participant_id', 'session_id'])
    .execute()
}

export async function createMarks(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('marks')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('connection_id', text, (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('fact_id', text, (c) => c.notNull())
    .addColumn('reason', text)
    .addColumn('inferred', text)
    .addColumn('last_seen_at', 'bigint')
    .addColumn('name', text)
    .addColumn('participant_kind', text)
    .addColumn('metadata_json', text)
    .addPrimaryKeyConstraint('marks_pk', ['key_id', 'session_id', 'participant_id', 'fact_id', 'kind'])
    .execute()
}
