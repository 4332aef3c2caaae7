import { type Kysely, sql } from 'kysely'

/** Which records' webhooks a source brings: a list of their origins, as JSON. */
export async function origins(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sources add column origins ${sql.raw('text')}`.execute(db)
}
