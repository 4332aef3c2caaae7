import { type Kysely, sql } from 'kysely'
import { isPostgres, textOf } from './dialect.ts'

/** Who of several processes holds which hosted room, and what they have to tell one another. */
export async function processes(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema.alterTable('leases').addColumn('address', text).execute()
  await schema
    .createTable('room_leases')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('holder', text, (c) => c.notNull())
    .addColumn('fence', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('room_leases_pk', ['key_id', 'room_id'])
    .execute()
  await schema.createIndex('room_leases_of_holder').on('room_leases').column('holder').execute()
  await schema
    .createTable('process_messages')
    .addColumn('id', isPostgres(db) ? 'bigserial' : 'integer', (c) => c.primaryKey())
    .addColumn('recipient', text, (c) => c.notNull())
    .addColumn('body', text, (c) => c.notNull())
    .execute()
  await schema.createIndex('process_messages_of_recipient').on('process_messages').column('recipient').execute()
  if (isPostgres(db)) await sql`create sequence room_fences`.execute(db)
}
