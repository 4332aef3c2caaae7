import { type Kysely, sql } from 'kysely'
import { textOf } from '../dialect.ts'

/** Links for guests, and how far the names can be relied on that people came under. */
export async function invites(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('invites')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('api_key', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull())
    .addColumn('participant_id', text)
    .addColumn('name', text)
    .addColumn('look', text)
    .addColumn('permissions_json', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .addPrimaryKeyConstraint('invites_pk', ['key_id', 'id'])
    .addUniqueConstraint('invites_digest', ['digest'])
    .execute()
  for (const column of ['id', 'participant_id', 'look']) {
    const columns = ['key_id', 'room_id', column]
    await schema.createIndex(`invites_by_${column}`).on('invites').columns(columns).execute()
  }
  for (const table of ['participants', 'marks']) {
    await sql`alter table ${sql.table(table)} add column name_source ${sql.raw('text')}`.execute(db)
  }
}
