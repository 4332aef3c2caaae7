import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** Further keys of an owner, when each key was last used, who did what with them, and whose key a link signs in by. */
export async function scopedKeys(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('scoped_keys')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('api_key', text, (c) => c.notNull().primaryKey())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('scopes_json', text, (c) => c.notNull())
    .addColumn('secret', text, (c) => c.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', 'bigint')
    .addColumn('expires_at', 'bigint')
    .addColumn('disabled_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('scoped_keys_of').on('scoped_keys').columns(['key_id', 'created_at']).execute()
  await schema.alterTable('links').addColumn('api_key', text).execute()
  await schema
    .createTable('key_uses')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('api_key', text, (c) => c.notNull())
    .addColumn('used_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('key_uses_pk', ['key_id', 'api_key'])
    .execute()
  await schema
    .createTable('audit')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('action', text, (c) => c.notNull())
    .addColumn('api_key', text)
    .addColumn('as_participant', text)
    .addColumn('about_json', text, (c) => c.notNull())
    .addColumn('participant_id', text)
    .addPrimaryKeyConstraint('audit_pk', ['key_id', 'at', 'id'])
    .execute()
}
