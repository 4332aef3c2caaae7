import { type Kysely, sql } from 'kysely'
import { isPostgres, textOf } from '../dialect.ts'

/** Who there is, however many sessions they were in, and by which parts of their names and ids people and rooms are found. */
export async function people(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('people')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('merged', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .addColumn('texts', text, (c) => c.notNull())
    .addColumn('person_id', text)
    .addColumn('stale', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('people_pk', ['key_id', 'merged', 'id'])
    .execute()
  await schema
    .createIndex('people_newest')
    .on('people')
    .columns(['key_id', 'seen_at', 'merged', 'id'])
    .where(sql.ref('person_id'), 'is', null)
    .execute()
  await schema
    .createIndex('people_of_person')
    .on('people')
    .columns(['key_id', 'person_id'])
    .where(sql.ref('person_id'), 'is not', null)
    .execute()
  await schema
    .createIndex('people_stale')
    .on('people')
    .columns(['key_id', 'merged', 'id'])
    .where(sql.ref('stale'), '=', sql.lit(1))
    .execute()
  const suffixes = schema
    .createTable('search_suffixes')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('noun', text, (c) => c.notNull())
    .addColumn('suffix', text, (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('search_suffixes_pk', ['key_id', 'noun', 'suffix', 'id'])
  // All of a row is its key: SQLite keeps it once.
  await (isPostgres(db) ? suffixes : suffixes.modifyEnd(sql`without rowid`)).execute()
  await schema
    .createTable('search_cursors')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('session_id', text)
    .addColumn('participant_id', text)
    .addColumn('room_id', text)
    .addPrimaryKeyConstraint('search_cursors_pk', ['key_id'])
    .execute()
}
