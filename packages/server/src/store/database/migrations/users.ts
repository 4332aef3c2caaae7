import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** Users of the dashboard, which keys each of them sees, and the browsers in which somebody is signed in. */
export async function users(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('users')
    .addColumn('user_id', text, (c) => c.notNull().primaryKey())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('name_folded', text, (c) => c.notNull().unique())
    .addColumn('password_hash', text)
    .addColumn('subject', text, (c) => c.unique())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('signed_in_at', 'bigint')
    .execute()
  await schema
    .createTable('user_keys')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('user_id', text, (c) => c.notNull())
    .addColumn('role', text, (c) => c.notNull())
    .addColumn('rooms_json', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('user_keys_pk', ['key_id', 'user_id'])
    .execute()
  await schema.createIndex('user_keys_of').on('user_keys').columns(['user_id']).execute()
  await schema
    .createTable('sign_ins')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull().primaryKey())
    .addColumn('sign_in_id', text, (c) => c.notNull())
    .addColumn('user_id', text)
    .addColumn('token', text)
    .addColumn('browser', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await schema.createIndex('sign_ins_of').on('sign_ins').columns(['user_id', 'created_at']).execute()
  await schema.createIndex('sign_ins_until').on('sign_ins').columns(['expires_at']).execute()
  await schema.alterTable('audit').addColumn('user_name', text).execute()
}

/** Reports that whoever has a link may read. */
export async function shares(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('shares')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('share_id', text, (c) => c.notNull())
    .addColumn('digest', text, (c) => c.notNull().unique())
    .addColumn('session_id', text)
    .addColumn('person_id', text)
    .addColumn('created_by', text)
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('shares_pk', ['key_id', 'share_id'])
    .execute()
}
