import { type Kysely, sql } from 'kysely'

/** Of those who may have a part, the newest are found by their numbers from an index alone. */
export async function peopleByNumber(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex('people_numbers').execute()
  await db.schema
    .createIndex('people_by_number')
    .on('people')
    .columns(['key_id', 'number', 'seen_at'])
    .where(sql.ref('number'), 'is not', null)
    .execute()
}
