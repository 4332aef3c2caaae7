import { type Kysely, sql } from 'kysely'
import { bucketsOf, hourMs, roomBucketsFrom, sourceScope } from '../../sessions/buckets.ts'

/** What one source reported is listed by itself, and found by the names that it gives its sessions. */
export async function ofSource(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createIndex('sessions_of_source')
    .on('sessions')
    .columns(['key_id', 'source', 'start_at', 'id'])
    .where(sql.ref('start_at'), 'is not', null)
    .execute()
  // By the source's name of a session alone, too: the room comes last.
  await schema.dropIndex('sessions_named').execute()
  await schema
    .createIndex('sessions_named')
    .unique()
    .on('sessions')
    .columns(['key_id', 'source', 'session_key', 'room_id'])
    .where(sql.ref('session_key'), 'is not', null)
    .execute()
  await countAgain(db)
}

/** Which records' webhooks a source brings: a list of their origins, as JSON. */
export async function origins(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sources add column origins ${sql.raw('text')}`.execute(db)
}

type Count = { keyId: number; source: string; hour: number; sessions: number; ended: number }

async function countAgain(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<Count>`
    select key_id as "keyId", source, start_at / ${sql.lit(hourMs)} as hour, count(*) as sessions, count(end_at) as ended
    from sessions where start_at is not null and source like 'livekit-%' group by 1, 2, 3`.execute(db)
  for (const ofSource of Map.groupBy(rows, ({ keyId, source }) => `${keyId} ${source}`).values()) {
    const [{ keyId, source } = { keyId: 0, source: '' }] = ofSource
    const byHour = new Map(
      ofSource.map(({ hour, sessions, ended }) => [
        Number(hour) * hourMs,
        { sessions: Number(sessions), ended: Number(ended) },
      ]),
    )
    let [sessions, ended] = [0, 0]
    for (const delta of byHour.values()) {
      sessions += delta.sessions
      ended += delta.ended
    }
    const isLarge = sessions > roomBucketsFrom
    const scope = sourceScope(source)
    await sql`
      insert into session_counts (key_id, room_id, sessions, ended, bucketed)
      values (${keyId}, ${scope}, ${sessions}, ${ended}, ${isLarge ? 1 : 0})`.execute(db)
    for (const bucket of isLarge ? bucketsOf(byHour) : []) {
      await sql`
        insert into session_buckets (key_id, room_id, level, start_at, sessions, ended)
        values (${keyId}, ${scope}, ${bucket.level}, ${bucket.startAt}, ${bucket.sessions}, ${bucket.ended})`.execute(
        db,
      )
    }
  }
}
