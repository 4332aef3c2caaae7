import { sql } from 'kysely'
import { compile, type Database } from './database/database.ts'
import { prepareBucketWriter } from './sessions/buckets.ts'

/** Sessions that are erased in one transaction, and facts and deliveries that are dropped in one. */
export const eraseMax = 50
export const dropMax = 2000

/** What ends the keeping of things; in transactions of the caller's. */
export type RetentionStore = {
  /** Erases ended sessions, the oldest first, with all that is theirs: so many at most. Gives how many. */
  eraseSessions(now: number, before: number, limit: number): Promise<number>
  /**
   * Drops facts from the beginning of each key's log that came before, with their claims and the changes they made: about so
   * many. Where the log has days, the facts themselves stay until their day is dropped. Changes that a webhook is still to tell of stay. Gives how many.
   */
  dropFacts(before: number, limit: number): Promise<number>
  /** Drops webhooks that are done with and were planned before: so many at most. Gives how many. */
  dropDeliveries(before: number, limit: number): Promise<number>
}

type Session = { keyId: number; id: string; roomId: string; startAt: number | null }
type LoggedFact = { seq: number; changeSeq: number; receivedAt: number }

export function createRetentionStore(db: Database): RetentionStore {
  const k = db.kysely
  const openBuckets = prepareBucketWriter(db)
  const oldest = compile<{ keyId: number; before: number; limit: number }, Session>((p) =>
    k
      .selectFrom('sessions')
      .select(['key_id as keyId', 'id', 'room_id as roomId', 'start_at as startAt'])
      .where('key_id', '=', p.keyId)
      .where('start_at', '<', p.before)
      .where('end_at', '<', p.before)
      .orderBy('start_at')
      .limit(p.limit),
  )
  const beginning = compile<{ keyId: number; limit: number }, LoggedFact>((p) =>
    k
      .selectFrom('facts as f')
      .innerJoin('counters as c', 'c.key_id', 'f.key_id')
      .select(['f.seq', 'f.change_seq as changeSeq', 'f.received_at as receivedAt'])
      .where('f.key_id', '=', p.keyId)
      .where((eb) => eb('f.seq', '>', eb.ref('c.facts_dropped')))
      .orderBy('f.seq')
      .limit(p.limit),
  )
  const keyIds = async () =>
    (await k.selectFrom('keys').select('key_id as keyId').orderBy('key_id').execute()).map((row) => row.keyId)

  return {
    async eraseSessions(now, before, limit) {
      const sessions: Session[] = []
      for (const keyId of await keyIds()) {
        if (sessions.length < limit)
          sessions.push(...(await db.all(oldest, { keyId, before, limit: limit - sessions.length })))
      }
      const buckets = openBuckets()
      for (const [keyId, ofKey] of Map.groupBy(sessions, (session) => session.keyId)) {
        const ids = ofKey.map(({ id }) => id)
        for (const { roomId, startAt } of ofKey) {
          if (startAt !== null) buckets.count(keyId, { roomId, startAt, ended: true }, undefined)
        }
        for (const table of [
          'participants',
          'marks',
          'seals',
          'quality',
          'quality_origins',
          'webhook_deliveries',
        ] as const) {
          await k.deleteFrom(table).where('key_id', '=', keyId).where('session_id', 'in', ids).execute()
        }
        await k.deleteFrom('sessions').where('key_id', '=', keyId).where('id', 'in', ids).execute()
        const rows = ids.map((session_id) => ({ key_id: keyId, session_id, erased_at: now }))
        await db.insertRows('erased_sessions', rows, ['key_id', 'session_id'])
      }
      await buckets.flush()
      return sessions.length
    },

    async dropFacts(before, limit) {
      let dropped = 0
      for (const keyId of await keyIds()) {
        const rows = await db.all(beginning, { keyId, limit })
        const keptFrom = rows.findIndex(({ receivedAt }) => receivedAt >= before)
        const old = keptFrom === -1 ? rows : rows.slice(0, keptFrom)
        const last = old.at(-1)
        if (last !== undefined) await dropUntil(db, keyId, last)
        dropped += old.length
      }
      await k.deleteFrom('erased_sessions').where('erased_at', '<', before).execute()
      return dropped
    },

    async dropDeliveries(before, limit) {
      const old = await k
        .selectFrom('webhook_endpoints as e')
        .innerJoin('webhook_deliveries as d', (join) =>
          join.onRef('d.key_id', '=', 'e.key_id').onRef('d.endpoint_id', '=', 'e.id'),
        )
        .select(['d.key_id as keyId', 'd.id'])
        .where('d.created_at', '<', before)
        .where('d.state', '!=', 'pending')
        .limit(limit)
        .execute()
      for (const [keyId, ofKey] of Map.groupBy(old, (row) => row.keyId)) {
        const ids = ofKey.map(({ id }) => id)
        await k.deleteFrom('webhook_deliveries').where('key_id', '=', keyId).where('id', 'in', ids).execute()
      }
      return old.length
    },
  }
}

/** Drops the log of a key up to a fact. */
async function dropUntil(db: Database, keyId: number, last: LoggedFact): Promise<void> {
  const k = db.kysely
  await sql`
    delete from claims where key_id = ${keyId} and (source, fact_id) in (
      select f.source, f.fact_id from facts as f join counters as c on c.key_id = f.key_id
      where f.key_id = ${keyId} and f.seq > c.facts_dropped and f.seq <= ${last.seq})`.execute(k)
  if (!db.differences.hasLogDays)
    await k.deleteFrom('facts').where('key_id', '=', keyId).where('seq', '<=', last.seq).execute()
  const changeSeq = await dropChanges(db, keyId, last.changeSeq)
  await k
    .updateTable('counters')
    .set({ facts_dropped: last.seq, changes_dropped: changeSeq })
    .where('key_id', '=', keyId)
    .execute()
}

/** Drops the changes of a key up to this one, but none that a webhook is still to tell of. Gives the last that is dropped. */
async function dropChanges(db: Database, keyId: number, until: number): Promise<number> {
  const k = db.kysely
  const told = await k
    .selectFrom('webhook_cursors as c')
    .leftJoin('webhook_endpoints as e', (join) =>
      join.onRef('e.key_id', '=', 'c.key_id').onRef('e.id', '=', 'c.endpoint_id'),
    )
    .select((eb) => eb.fn.min('c.seq').as('seq'))
    .where('c.key_id', '=', keyId)
    .where('e.disabled_at', 'is', null)
    .executeTakeFirst()
  const { dropped } = await k
    .selectFrom('counters')
    .select('changes_dropped as dropped')
    .where('key_id', '=', keyId)
    .executeTakeFirstOrThrow()
  const last = Math.max(dropped, Math.min(until, told?.seq ?? until))
  await k.deleteFrom('changes').where('key_id', '=', keyId).where('seq', '<=', last).execute()
  return last
}
