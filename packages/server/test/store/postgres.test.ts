import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import { keep } from '../support/kept.ts'
import { startPostgres } from '../support/postgres.ts'
import { storeContract } from './contract.ts'
import { usePostgres } from './postgres-store.ts'

/** A store of its own, with a key. */
async function openStore(t: TestContext) {
  const postgres = await startPostgres()
  t.after(() => postgres.stop())
  const kept = await keep(postgres)
  t.after(() => kept.remove())
  const store = await kept.open(() => 1_000_000)
  const { keyId } = await store.writes.keys.add({ name: null, email: null })
  return { kept, store, keyId }
}

describe('the store on PostgreSQL', () => storeContract(usePostgres()))

test('what is known of a fact is looked up by its name, also in a table that was small when PostgreSQL last looked at it', async (t) => {
  const { kept, store, keyId } = await openStore(t)
  const about = { source: 'generic', roomId: 'room', receivedAt: 1_000_000 } as const
  const record = async (first: number, count: number) => {
    const facts = Array.from({ length: count }, (_, i) => {
      const name = `${first + i}`
      return {
        ...about,
        type: 'participant-joined',
        id: name,
        at: first + i,
        participantId: name,
        connectionId: name,
      } as const
    })
    await store.record(keyId, facts as never, { newRooms: ['room'] })
  }
  for (let n = 0; n < 10; n++) await record(n * 2, 2)
  await kept.within((db) => sql`analyze`.execute(db.kysely))
  const facts = 3000
  for (let n = 100; n < 100 + facts; n += 100) await record(n, 100)
  await store.close()
  const { rows } = await kept.within((db) =>
    sql<{ read: number }>`
      select cast(sum(seq_tup_read) as bigint) + (
        select cast(sum(idx_tup_read) as bigint) from pg_stat_user_indexes where relname in ('claims', 'marks')) as read
      from pg_stat_user_tables where relname in ('claims', 'marks')`.execute(db.kysely),
  )
  assert.ok(Number(rows[0]?.read) < facts, `${rows[0]?.read} rows were read`)
})

test('what a report asks for is looked up by its name, also in a table that is small', async (t) => {
  const { kept, store, keyId } = await openStore(t)
  const sessions = 50
  const facts = Array.from({ length: sessions }, (_, n) => {
    const about = { source: 'generic', roomId: 'room', sessionKey: `${n}`, receivedAt: 1_000_000 }
    const at = 1000 * n
    return [
      { ...about, type: 'session-started', id: `${n} begins`, at },
      { ...about, type: 'session-ended', id: `${n} ends`, at: at + 500 },
    ]
  })
  await store.record(keyId, facts.flat() as never, { newRooms: ['room'] })
  await kept.within((db) => sql`analyze`.execute(db.kysely))
  const { rooms } = await store.reads.rooms.list(keyId, {}, { page: 1, perPage: 1 })
  const roomId = rooms[0]?.roomId ?? ''
  const periods = Array.from({ length: sessions }, (_, n) => ({ roomId, from: 1000 * n + 100, to: 1000 * n + 200 }))
  const found = await store.reads.sessions.duringEach(keyId, periods)
  assert.deepEqual(
    found.map((ids) => ids.length),
    periods.map(() => 1),
  )
  await store.close()
  const { rows } = await kept.within((db) =>
    sql<{ scans: number }>`select seq_scan as scans from pg_stat_user_tables where relname = 'sessions'`.execute(
      db.kysely,
    ),
  )
  // For each of these times there are look-ups at every level.
  assert.ok(Number(rows[0]?.scans) < sessions, `the table was read whole ${rows[0]?.scans} times`)
})
