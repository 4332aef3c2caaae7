import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../noun.ts'

/** Numbers given out: the first of as many as were asked for. */
export type FirstSeqs = { factSeq: number; changeSeq: number }

const take = query<{ keyId: number; facts: number; changes: number }, { factSeq: number; changeSeq: number }>((k, p) =>
  k
    .insertInto('counters')
    .values({ key_id: p.keyId, fact_seq: p.facts, change_seq: p.changes })
    .onConflict((on) =>
      on.column('key_id').doUpdateSet({
        fact_seq: sql`counters.fact_seq + excluded.fact_seq`,
        change_seq: sql`counters.change_seq + excluded.change_seq`,
      }),
    )
    .returning(['fact_seq as factSeq', 'change_seq as changeSeq']),
)

/**
 * Gives out the numbers of facts and changes, per key, from 1 and without gaps. The key's row stays locked from here to the
 * commit, so the numbers of one transaction become visible before any higher one is given out: whoever has read up to a
 * number has seen all below it.
 */
export async function takeSeqs(db: Database, keyId: number, facts: number, changes: number): Promise<FirstSeqs> {
  const [last] = await db.all(take(db), { keyId, facts, changes })
  return { factSeq: (last?.factSeq ?? 0) - facts + 1, changeSeq: (last?.changeSeq ?? 0) - changes + 1 }
}

/** A number for each key that grows with whatever is recorded of it. */
export async function countRecorded(db: Database): Promise<Map<number, number>> {
  const rows = await db.kysely
    .selectFrom('counters')
    .select(['key_id as keyId', 'fact_seq as factSeq', 'change_seq as changeSeq'])
    .execute()
  return new Map(rows.map(({ keyId, factSeq, changeSeq }) => [keyId, factSeq + changeSeq]))
}
