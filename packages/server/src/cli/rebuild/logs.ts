import { sql } from 'kysely'
import type { FreshTables } from '../../store/copies/kept-tables.ts'
import { query } from '../../store/noun.ts'

/** Facts that are read, and folded, at a time: of more, what is held until their end outlives V8's space for new objects. */
const pageFacts = 1000

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

export type LoggedFact = {
  seq: number
  sessionId: string | null
  outcome: string
  receivedAt: number
  factJson: string
  /** What its id is claimed with. */
  digest: string | null
  /** Of a session that was erased. */
  isErased: boolean | number
}

const factsAfter = query<{ keyId: number; seq: number }, LoggedFact>((k, p) =>
  k
    .selectFrom('facts as f')
    .leftJoin('claims as c', (join) =>
      join.onRef('c.key_id', '=', 'f.key_id').onRef('c.source', '=', 'f.source').onRef('c.fact_id', '=', 'f.fact_id'),
    )
    .leftJoin('erased_sessions as e', (join) =>
      join.onRef('e.key_id', '=', 'f.key_id').onRef('e.session_id', '=', 'f.session_id'),
    )
    .select(['f.seq', 'f.session_id as sessionId', 'f.outcome', 'f.received_at as receivedAt'])
    .select(['f.fact_json as factJson', 'c.digest', sql<boolean>`e.session_id is not null`.as('isErased')])
    .where('f.key_id', '=', p.keyId)
    .where('f.seq', '>', p.seq)
    .orderBy('f.seq')
    .limit(sql.lit(pageFacts)),
)

/** The facts of a key after this one, as far as they are read at a time. */
export async function listFacts({ keptDb }: FreshTables, keyId: number, after: number): Promise<LoggedFact[]> {
  return keptDb.all(factsAfter(keptDb), { keyId, seq: after })
}
