import type { Kysely } from 'kysely'
import { isPostgres, textOf } from '../dialect.ts'

export async function createKeys(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('keys')
    .addColumn('key_id', isPostgres(db) ? 'serial' : 'integer', (c) => c.primaryKey())
    .addColumn('api_key', text, (c) => c.notNull().unique())
    .addColumn('user_id', text, (c) => c.notNull())
    .addColumn('name', text)
    .addColumn('email', text)
    .addColumn('secret', text, (c) => c.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', 'bigint')
    .addColumn('disabled_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
}

export async function createLinks(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('links')
    .addColumn('digest', text, (c) => c.primaryKey())
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
}

export async function createSigningKeys(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('signing_keys')
    .addColumn('id', 'integer', (c) => c.primaryKey())
    .addColumn('public_pem', text, (c) => c.notNull())
    .addColumn('private_pem', text, (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .execute()
}
