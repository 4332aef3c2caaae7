import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

export function isPostgres(db: Pick<Kysely<unknown>, 'getExecutor'>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** The type of a text that sorts by its bytes, as it does in every database. */
export function textOf(db: Kysely<unknown>): RawBuilder<unknown> | 'text' {
  return isPostgres(db) ? sql`text collate "C"` : 'text'
}
