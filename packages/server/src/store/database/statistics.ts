import { type Kysely, sql } from 'kysely'
import { isPostgres } from './migrations/dialect.ts'
import type { Tables } from './tables.ts'

// SQLite plans by what it knows of its indexes, and of a file that nobody has analyzed it knows nothing: then it takes somebody to be in
// half of all sessions, and walks over them. To look (`analyze`) takes minutes where the history is long, and is out of date a
// month later. So it is told what such a record is like: its plans are the same for every file, and those that are tested.

/** Rows that have the same first column of an index, the same first two, and so on: one of each. */
type Alike = number[]

const [sessions, people, rooms, deliveries] = [1_000_000, 500_000, 20_000, 1_000_000]
/** Of what is under way at a time. */
const few = 100

/** By table and index: how many rows the index has, then `Alike`. One key has nearly all. */
const known: { [table: string]: { [index: string]: [rows: number, ...Alike] } } = {
  sessions: {
    sqlite_autoindex_sessions_1: [sessions, sessions, 1],
    sessions_to_seal: [few, 1],
    sessions_unsealed: [few, few, 1, 1],
    sessions_by_span: [sessions, sessions, sessions / 12, 1, 1],
    sessions_newest: [sessions, sessions, 1, 1],
    sessions_of_room: [sessions, sessions, 50, 1, 1],
    sessions_of_room_by_span: [sessions, sessions, 50, 5, 1, 1],
    sessions_of_room_running: [few, few, 1, 1, 1],
    sessions_named: [sessions, sessions, sessions, 1, 1],
    sessions_unnamed: [sessions, sessions, sessions, 50, 1],
    sessions_unnamed_running: [few, few, few, 1],
    sessions_running: [few, few, few, 1],
    sessions_running_newest: [few, few, 1, 1],
    sessions_to_look_at: [few, 1],
    sessions_to_close: [few, 1],
    sessions_of_parent: [few, few, 10, 1],
    sessions_of_source: [sessions, sessions, sessions, 1, 1],
  },
  participants: {
    sqlite_autoindex_participants_1: [3 * sessions, 3 * sessions, 3, 1],
    participants_by_id: [3 * sessions, 3 * sessions, 20, 1],
    participants_in_order: [3 * sessions, 3 * sessions, 3, 1, 1],
  },
  marks: {
    sqlite_autoindex_marks_1: [6 * sessions, 6 * sessions, 6, 2, 1, 1],
    marks_undated: [few, few, 2, 1],
  },
  people: {
    sqlite_autoindex_people_1: [people, people, people, 1],
    people_of_person: [few, few, 2],
    people_stale: [few, few, few, 1],
    people_by_number: [people, people, 1, 1],
    people_unnumbered: [few, few, few, 1],
    people_newest: [people, people, 1, 1, 1, 1, 1],
  },
  rooms: {
    sqlite_autoindex_rooms_1: [rooms, rooms, 1],
    rooms_by_id: [rooms, rooms, 1],
    rooms_by_custom_id: [rooms, rooms, 1],
    rooms_newest: [rooms, rooms, 1, 1],
    rooms_with_retention: [few, few, 1, 1],
  },
  search_rooms: {
    sqlite_autoindex_search_rooms_1: [rooms, rooms, 1],
    search_rooms_numbers: [rooms, rooms, 1],
    search_rooms_unnumbered: [few, few, 1],
  },
  webhook_deliveries: {
    sqlite_autoindex_webhook_deliveries_1: [deliveries, deliveries, 1],
    webhook_deliveries_due: [few, few, few / 10, 1],
    webhook_deliveries_pending: [few, few, few / 10, 2, 1],
    webhook_deliveries_of_session: [deliveries, deliveries, 5, 1],
    webhook_deliveries_newest: [deliveries, deliveries, deliveries / 10, 1, 1],
  },
}

type Row = { tbl: string; idx: string; stat: string }

const wanted: Row[] = Object.entries(known).flatMap(([tbl, indexes]) =>
  Object.entries(indexes).map(([idx, numbers]) => ({ tbl, idx, stat: numbers.map(Math.ceil).join(' ') })),
)

/** Tells SQLite what it plans by, where it was told otherwise, or not yet. PostgreSQL looks by itself. */
export async function tellStatistics(db: Kysely<Tables>): Promise<void> {
  if (isPostgres(db) || (await isTold(db))) return
  await db.transaction().execute(async (trx) => {
    // Makes the table that is written below, which there is no other way to.
    await sql`analyze kysely_migration_lock`.execute(trx)
    await sql`delete from sqlite_stat1 where tbl in (${sql.join(Object.keys(known))})`.execute(trx)
    for (const { tbl, idx, stat } of wanted) {
      await sql`insert into sqlite_stat1 (tbl, idx, stat) values (${tbl}, ${idx}, ${stat})`.execute(trx)
    }
    // This connection has it from here on, and others as they are opened.
    await sql`analyze sqlite_schema`.execute(trx)
  })
}

async function isTold(db: Kysely<Tables>): Promise<boolean> {
  const made = await sql`select 1 from sqlite_schema where name = 'sqlite_stat1'`.execute(db)
  if (made.rows.length === 0) return false
  const told = await sql<Row>`
    select tbl, idx, stat from sqlite_stat1 where tbl in (${sql.join(Object.keys(known))})`.execute(db)
  return toText(told.rows) === toText(wanted)
}

function toText(rows: Row[]): string {
  const lines = rows.map(({ tbl, idx, stat }) => `${tbl} ${idx} ${stat}`)
  return lines.sort().join('\n')
}
