import { type Kysely, sql } from 'kysely'

/** The kinds of what a source sent, and what became of each: a list, as JSON. */
export async function arrivals(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sources add column arrivals text`.execute(db)
}
