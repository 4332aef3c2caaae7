import type { Kysely } from 'kysely'
import { textOf } from './dialect.ts'

/** When rooms should be used, and who is expected. */
export async function schedules(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  const text = textOf(db)
  await schema
    .createTable('schedules')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('id', text, (c) => c.notNull())
    .addColumn('uid', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addColumn('start_local', text, (c) => c.notNull())
    .addColumn('time_zone', text, (c) => c.notNull())
    .addColumn('rrule', text, (c) => c.notNull())
    .addColumn('exdates_json', text, (c) => c.notNull())
    .addColumn('duration_minutes', 'integer', (c) => c.notNull())
    .addColumn('grace_minutes', 'integer', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('schedules_pk', ['key_id', 'id'])
    .addUniqueConstraint('schedules_uid', ['key_id', 'uid'])
    .execute()
  await schema
    .createTable('schedule_rooms')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('schedule_id', text, (c) => c.notNull())
    .addColumn('room_id', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('schedule_rooms_pk', ['key_id', 'schedule_id', 'room_id'])
    .execute()
  await schema
    .createTable('schedule_people')
    .addColumn('key_id', 'integer', (c) => c.notNull())
    .addColumn('schedule_id', text, (c) => c.notNull())
    .addColumn('participant_id', text, (c) => c.notNull())
    .addColumn('name', text, (c) => c.notNull())
    .addPrimaryKeyConstraint('schedule_people_pk', ['key_id', 'schedule_id', 'participant_id'])
    .execute()
  for (const [table, column] of [
    ['schedule_rooms', 'room_id'],
    ['schedule_people', 'participant_id'],
  ] as const) {
    await schema.createIndex(`${table}_of`).on(table).columns(['key_id', column, 'schedule_id']).execute()
  }
}
