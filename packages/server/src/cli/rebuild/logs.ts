import { sql } from 'kysely'
import type { FreshTables } from '../../store/copies/kept-tables.ts'

/**
 * `erased`: facts of sessions that were erased, and people who were. Of these the facts that are left tell no name, no reason and
 * another id, by which whoever leaves in one moment is told of in order: changes are not to be had from them again.
 */
export type Log = { keyId: number; first: number; last: number; facts: number; erased: number }

/** Whether facts are missing between others. */
export function hasGaps({ first, last, facts }: Log): boolean {
  return last - first + 1 !== facts
}

/** What is kept of the raw log, of each key that has any. */
export async function listLogs({ db, kept }: FreshTables): Promise<Log[]> {
  const { rows } = await sql<Log>`
    select f.key_id as "keyId", min(seq) as first, max(seq) as last, count(*) as facts,
      count(e.session_id) + (select count(*) from ${sql.raw(kept)}.erased_people as p where p.key_id = f.key_id) as erased
    from ${sql.raw(kept)}.facts as f
    left join ${sql.raw(kept)}.counters as c on c.key_id = f.key_id
    left join ${sql.raw(kept)}.erased_sessions as e on e.key_id = f.key_id and e.session_id = f.session_id
    where seq > coalesce(c.facts_dropped, 0)
    group by f.key_id order by f.key_id`.execute(db.kysely)
  return rows
}
