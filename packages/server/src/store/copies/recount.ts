import { toIso } from '@rollcall/protocol'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { bucketsOf, type Delta, hourMs, roomBucketsFrom, type Scope, sourceScope } from '../sessions/buckets.ts'

type Count = Scope & Delta & { kept: number; keptEnded: number; bucketed: number }

/** What is wrong of a key, in words. */
export type Miscount = { keyId: number; text: string }

/** Counts all sessions again, and tells where the counts that are kept say something else. */
export async function* findMiscounts(db: Database): AsyncGenerator<Miscount> {
  const scopes: Scope[] = []
  for (const { keyId, roomId, sessions, ended, kept, keptEnded, bucketed } of await recount(db)) {
    const tell = (what: string): Miscount => ({
      keyId,
      text: `session_counts of ${nameOf({ keyId, roomId })}: ${what}`,
    })
    if (sessions !== kept) yield tell(`${kept} sessions, and there are ${sessions}`)
    if (ended !== keptEnded) yield tell(`${keptEnded} ended, and there are ${ended}`)
    if (roomId !== '' && sessions > roomBucketsFrom && bucketed === 0) {
      yield tell(`it has ${sessions} sessions, and no buckets`)
    }
    if (roomId === '' || bucketed === 1) scopes.push({ keyId, roomId })
  }
  for (const scope of scopes) yield* findWrongBuckets(db, scope)
  const { rows } = await sql<Scope>`
    select distinct b.key_id as "keyId", b.room_id as "roomId" from session_buckets as b
    left join session_counts as c on c.key_id = b.key_id and c.room_id = b.room_id
    where b.room_id <> '' and coalesce(c.bucketed, 0) = 0`.execute(db.kysely)
  for (const scope of rows)
    yield { keyId: scope.keyId, text: `session_buckets of ${nameOf(scope)}: it is to have none` }
}

async function recount(db: Database): Promise<Count[]> {
  const { rows } = await sql<Count>`
    with n as (
      select key_id, room_id, count(*) as sessions, count(end_at) as ended
      from sessions where start_at is not null group by key_id, room_id
      union all
      select key_id, '', count(*), count(end_at) from sessions where start_at is not null group by key_id
      union all
      select key_id, ${sql.lit(sourceScope(''))} || source, count(*), count(end_at) from sessions
      where start_at is not null and source like 'livekit-%' group by key_id, source
    )
    select coalesce(n.key_id, c.key_id) as "keyId", coalesce(n.room_id, c.room_id) as "roomId",
      coalesce(n.sessions, 0) as sessions, coalesce(n.ended, 0) as ended,
      coalesce(c.sessions, 0) as kept, coalesce(c.ended, 0) as "keptEnded", coalesce(c.bucketed, 0) as bucketed
    from n full join session_counts as c on c.key_id = n.key_id and c.room_id = n.room_id
    where coalesce(n.room_id, c.room_id) = '' or c.bucketed = 1
      or n.sessions is distinct from c.sessions or n.ended is distinct from c.ended
      or (n.sessions > ${roomBucketsFrom} and coalesce(c.bucketed, 0) = 0)`.execute(db.kysely)
  return rows
}

async function* findWrongBuckets(db: Database, scope: Scope): AsyncGenerator<Miscount> {
  const { keyId } = scope
  const inScope = sql`(room_id = ${scope.roomId} or ${sql.lit(sourceScope(''))} || source = ${scope.roomId})`
  const inRoom = scope.roomId === '' ? sql`` : sql`and ${inScope}`
  const { rows: hours } = await sql<Delta & { hour: number }>`
    select start_at / ${sql.lit(hourMs)} as hour, count(*) as sessions, count(end_at) as ended
    from sessions where key_id = ${scope.keyId} and start_at is not null ${inRoom} group by 1`.execute(db.kysely)
  const byHour = new Map(hours.map(({ hour, sessions, ended }) => [hour * hourMs, { sessions, ended }]))
  const expected = new Map([...bucketsOf(byHour)].map((bucket) => [`${bucket.level} ${bucket.startAt}`, bucket]))
  const kept = await db.kysely
    .selectFrom('session_buckets')
    .select(['level', 'start_at as startAt', 'sessions', 'ended'])
    .where('key_id', '=', scope.keyId)
    .where('room_id', '=', scope.roomId)
    .execute()
  for (const { level, startAt, sessions, ended } of kept) {
    const is = expected.get(`${level} ${startAt}`) ?? { sessions: 0, ended: 0 }
    expected.delete(`${level} ${startAt}`)
    if (sessions === is.sessions && ended === is.ended) continue
    const bucket = `session_buckets of ${nameOf(scope)}, level ${level}, ${toIso(startAt)}`
    const are = `${is.sessions}, ${is.ended} ended`
    yield { keyId, text: `${bucket}: ${sessions} sessions, ${ended} ended, and there are ${are}` }
  }
  for (const { level, startAt, sessions } of expected.values()) {
    const bucket = `session_buckets of ${nameOf(scope)}, level ${level}, ${toIso(startAt)}`
    yield { keyId, text: `${bucket}: it is missing, and there are ${sessions} sessions` }
  }
}

function nameOf({ keyId, roomId }: Scope): string {
  return roomId === '' ? `key ${keyId}` : `key ${keyId}, room ${roomId}`
}
