import { type Kysely, sql } from 'kysely'
import type { ShownOtherwise } from './shown-otherwise.ts'

/**
 * Whoever never left a session that was reported to end left at that end, or at later evidence of them, and no longer at a later
 * leave of somebody else: what is kept of such sessions is brought in line, and their JSON made anew. Silence is judged by session:
 * when a source was last heard is kept no longer.
 */
export async function ends(db: Kysely<unknown>): Promise<ShownOtherwise[]> {
  await db.schema
    .alterTable('sessions')
    .addColumn('past_end_ms', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.dropTable('heard').execute()
  const { rows } = await sql<ShownOtherwise>`
    update sessions set seal_at = coalesce(seal_at, updated_at), gaps = null, past_end_ms = coalesce((
      select sum(p.last_at - sessions.ended_at) from participants as p
      where p.key_id = sessions.key_id and p.session_id = sessions.id
      and p.open_since is not null and p.last_at > sessions.ended_at), 0)
    where inside > 0 and end_at > ended_at
    returning key_id as "keyId", id as "sessionId"`.execute(db)
  return rows
}

/**
 * Leaves that nobody says the time of are told apart from those that happened as they came, so that an end that is reported
 * later can date them. Of the facts in the log those of VideoSDK had none where their time is that of their arrival.
 */
export async function undatedLeaves(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('marks').addColumn('arrived_at', 'bigint').execute()
  await db.schema
    .createIndex('marks_undated')
    .on('marks')
    .columns(['key_id', 'session_id', 'arrived_at'])
    .where(sql.ref('arrived_at'), 'is not', null)
    .execute()
  await sql`
    update facts set fact_json = substr(fact_json, 1, length(fact_json) - 1) || ',"isUndated":true}'
    where source like 'videosdk-%' and fact_json like '%"type":"participant-left"%'
    and fact_json like '%"at":' || received_at || '%' and fact_json not like '%"inferred":%'`.execute(db)
}
