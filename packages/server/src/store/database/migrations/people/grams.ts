import { type Kysely, sql } from 'kysely'
import { isPostgres, textOf } from '../dialect.ts'

/** People and rooms are found by numbers that stand for them, in place of a row for each place in a name: the server gathers these again. */
export async function grams(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema.alterTable('people').addColumn('number', 'integer').execute()
  await schema
    .createIndex('people_numbers')
    .unique()
    .on('people')
    .columns(['key_id', 'number'])
    .where(sql.ref('number'), 'is not', null)
    .execute()
  await schema
    .createIndex('people_unnumbered')
    .on('people')
    .columns(['key_id', 'merged', 'id'])
    .where(sql.ref('number'), 'is', null)
    .execute()
  // Whoever walks reads the numbers from the index alone.
  await schema.dropIndex('people_newest').execute()
  await schema
    .createIndex('people_newest')
    .on('people')
    .columns(['key_id', 'seen_at', 'merged', 'id', 'number', 'person_id'])
    .where(sql.ref('person_id'), 'is', null)
    .execute()
  await schema
    .createTable('search_rooms')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addColumn('number', 'integer')
    .addColumn('texts', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('search_rooms_pk', ['key_id', 'room_id'])
    .execute()
  await schema
    .createIndex('search_rooms_numbers')
    .unique()
    .on('search_rooms')
    .columns(['key_id', 'number'])
    .where(sql.ref('number'), 'is not', null)
    .execute()
  await schema
    .createIndex('search_rooms_unnumbered')
    .on('search_rooms')
    .columns(['key_id', 'room_id'])
    .where(sql.ref('number'), 'is', null)
    .execute()
  const table = schema
    .createTable('search_grams')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('noun', text, (c) => c.notNull())
    .addColumn('gram', text, (c) => c.notNull())
    .addColumn('block', 'integer', (c) => c.notNull())
    .addColumn('members', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('search_grams_pk', ['key_id', 'noun', 'gram', 'block'])
  await (isPostgres(db) ? table : table.modifyEnd(sql`without rowid`)).execute()
  await schema.dropTable('search_suffixes').execute()
  await sql`update search_cursors set room_id = ''`.execute(db)
}
