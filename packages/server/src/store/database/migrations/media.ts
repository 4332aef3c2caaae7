import { type Kysely, sql } from 'kysely'
import { textOf } from './dialect.ts'

/** What people publish, what is recorded of sessions, and the regions that people are connected to. */
export async function media(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('media')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('session_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('kind', text, (c) => c.notNull())
    .addColumn('media_id', text, (c) => c.notNull())
    .addColumn('connection_id', text, (c) => c.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('stopped_at', 'bigint')
    .addPrimaryKeyConstraint('media_pk', ['key_id', 'session_id', 'participant_id', 'kind', 'media_id'])
    .execute()
  for (const table of ['participants', 'marks']) {
    await sql`alter table ${sql.table(table)} add column region ${sql.raw('text')}`.execute(db)
  }
}
