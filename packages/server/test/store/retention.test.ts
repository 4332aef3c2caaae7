import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import { sql } from 'kysely'
import { openFresh } from '../../src/cli/open-tables.ts'
import { rebuild } from '../../src/cli/rebuild/rebuild.ts'
import { verify } from '../../src/cli/verify/verify.ts'
import type { Store } from '../../src/record/open-store.ts'
import { retain } from '../../src/record/upkeep.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { type Kept, keep, rules } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'

const dayMs = 86_400_000
const minuteMs = 60_000
const start = Date.UTC(2026, 0, 5, 9)

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`what is kept on ${database}`, () => {
    let at = start
    const withKept = (title: string, run: (store: Store, kept: Kept) => Promise<void>) =>
      test(title, async () => {
        at = start
        const kept = await keep(database === 'SQLite' ? undefined : postgres)
        const store = await kept.open(() => at)
        try {
          await run(store, kept).finally(() => store.close())
          await assertWhole(kept)
        } finally {
          await kept.remove()
        }
      })

    withKept(
      'of the log is as long as it is to be: older facts are gone with their claims and changes, newer ones are whole',
      async (store, kept) => {
        const { keyId } = await store.writes.keys.add({ name: null, email: null })
        for (let day = 0; day < 10; day++) {
          at = start + day * dayMs
          await store.retain(at, { confirmedAt: at, logMs: 30 * dayMs, retentionMs: undefined })
          await record(store, keyId, `day ${day}`, at)
        }
        const before = await countOf(kept)
        assert.equal(before.facts, 30)
        await store.retain(at, { confirmedAt: at, logMs: 3 * dayMs, retentionMs: undefined })
        const kept3 = await countOf(kept)
        assert.deepEqual([kept3.facts, kept3.claims, kept3.sessions], [12, 12, 10])
        const { first, last } = await store.reads.changes.range(keyId)
        assert.equal(last - first + 1, 4 * 4)
        if (database === 'PostgreSQL') assert.equal(kept3.days, 4 + 3)
        // What is kept is known by its id; of what is not, nobody knows any more.
        const [again] = await store.record(keyId, factsOf('day 9', start + 9 * dayMs).slice(0, 1))
        assert.equal(again?.outcome, 'duplicate')
      },
    )

    withKept('of changes is what people and rooms are still to be found by, however old it is', async (store) => {
      const { keyId } = await store.writes.keys.add({ name: null, email: null })
      const gather = async () => {
        while ((await store.writes.people.gather({ keyId })) > 0);
      }
      await record(store, keyId, 'first', at)
      await gather()
      const ofBob = factsOf('second', at).map((fact) => ({
        ...fact,
        ...('participantId' in fact && { participantId: 'bob' }),
      }))
      await store.record(keyId, ofBob)
      at += 9 * dayMs
      await store.retain(at, { confirmedAt: at, logMs: 3 * dayMs, retentionMs: undefined })
      await gather()
      assert.equal((await store.reads.people.find(keyId, 'bob'))?.id, 'bob')
    })

    withKept(
      'of sessions is as long as it is to be: those that ended before are gone with all that is theirs, and counts are true',
      async (store, kept) => {
        const { keyId } = await store.writes.keys.add({ name: null, email: null })
        for (let day = 0; day < 10; day++) {
          at = start + day * dayMs
          await record(store, keyId, `day ${day}`, at)
        }
        // It began before all others, and runs.
        await store.record(keyId, factsOf('long', start - dayMs).slice(0, 1))
        // It was told of late: the log still has it.
        await record(store, keyId, 'told late', start)
        at += minuteMs
        await store.seal(at)
        await store.retain(at, { confirmedAt: at, logMs: 4 * dayMs, retentionMs: 4 * dayMs })
        const { total } = await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 100 }, 1000)
        assert.equal(total, 5)
        const counted = await countOf(kept)
        assert.deepEqual([counted.sessions, counted.participants], [5, 5])
      },
    )

    const [hourMs, lookMs] = [3_600_000, 600_000]
    const config = { logMs: 30 * dayMs, retentionMs: 30 * dayMs }

    withKept(
      'is not erased by a clock that leaps years ahead, and goes on to be erased when it is right again',
      async (store) => {
        const { keyId } = await store.writes.keys.add({ name: null, email: null })
        const lines: string[] = []
        const log = createLog('warn', { write: (line) => void lines.push(line) })
        const look = () => retain(store, { clock: { now: () => at }, log, config })
        const total = async () => (await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 1 }, 1)).total
        for (let day = 0; day < 29; day++) await record(store, keyId, `day ${day}`, start + day * dayMs)
        at = start + 29 * dayMs
        await look()
        await look()
        assert.deepEqual(lines, [])

        at += 4 * 365 * dayMs
        for (let i = 0; i < 20; i++, at += lookMs) await look()
        assert.equal(await total(), 29)
        assert.equal((await store.reads.changes.range(keyId)).first, 1)
        assert.match(lines.at(-1) ?? '', /the clock is ahead of the confirmed time/)

        at = start + 29 * dayMs + 20 * lookMs
        lines.length = 0
        for (; at < start + 31 * dayMs; at += hourMs) await look()
        assert.deepEqual(lines, [])
        const left = await total()
        assert.ok(left >= 27 && left <= 28, String(left))
      },
    )

    withKept('is erased after a long stop too, a step at each look, and not at the first', async (store) => {
      const { keyId } = await store.writes.keys.add({ name: null, email: null })
      const config = { logMs: dayMs, retentionMs: dayMs }
      const look = () => retain(store, { clock: { now: () => at }, log: createLog('silent'), config })
      const total = async () => (await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 1 }, 1)).total
      await record(store, keyId, 'one', start)
      await look()
      at += 2 * dayMs
      await record(store, keyId, 'two', at)
      await look()
      assert.equal(await total(), 2)
      for (let i = 0; i < 26; i++, at += lookMs) await look()
      assert.equal(await total(), 1)
    })

    withKept('what a webhook is still to tell of stays in the log of changes', async (store) => {
      const { keyId } = await store.writes.keys.add({ name: null, email: null })
      await store.writes.webhooks.add({ keyId, endPoint: 'https://hook.invalid/', events: ['*'] })
      await record(store, keyId, 'one', at)
      at += 40 * dayMs
      await store.retain(at, { confirmedAt: at, logMs: dayMs, retentionMs: undefined })
      assert.deepEqual(await store.reads.changes.range(keyId), { first: 1, last: 4 })
      await store.writes.deliveries.plan({ keyId, most: 1000 })
      await record(store, keyId, 'two', at)
      at += 2 * dayMs
      await store.writes.deliveries.plan({ keyId, most: 1000 })
      await store.retain(at, { confirmedAt: at, logMs: dayMs, retentionMs: undefined })
      assert.deepEqual(await store.reads.changes.range(keyId), { first: 9, last: 8 })
    })
  })
}

/** One person's session of ten seconds. */
function factsOf(sessionKey: string, at: number, receivedAt = at): Fact[] {
  const of = { source: 'events', roomId: 'room', sessionKey, receivedAt }
  const ann = { participantId: 'ann', connectionId: sessionKey }
  return [
    { ...of, ...ann, type: 'participant-joined', id: `${sessionKey} joined`, at, name: 'Ann' },
    { ...of, ...ann, type: 'participant-left', id: `${sessionKey} left`, at: at + 10_000 },
    { ...of, type: 'session-ended', id: `${sessionKey} ended`, at: at + 10_000 },
  ]
}

async function record(store: Store, keyId: number, sessionKey: string, at: number): Promise<void> {
  await store.record(keyId, factsOf(sessionKey, at))
}

async function countOf(kept: Kept) {
  const snapshot = openSnapshot(kept.where)
  const counts = await snapshot.read(async (db) => {
    const count = async (table: string) => {
      const { rows } = await sql<{ n: number }>`select count(*) as n from ${sql.table(table)}`.execute(db.kysely)
      return Number(rows[0]?.n)
    }
    const days = !db.differences.hasLogDays
      ? 0
      : (await sql`select 1 from pg_class where relname like 'facts_2%' and relkind = 'r'`.execute(db.kysely)).rows
          .length
    return {
      facts: await count('facts'),
      claims: await count('claims'),
      sessions: await count('sessions'),
      participants: await count('participants'),
      days,
    }
  })
  await snapshot.close()
  return counts
}

/** By `verify`, and by folding again what the log has. */
async function assertWhole(kept: Kept): Promise<void> {
  const told: string[] = []
  const snapshot = openSnapshot(kept.where)
  await snapshot.read((db) => verify(db, { fault: (text) => told.push(text), progress: () => {} }))
  await snapshot.close()
  const fresh = await openFresh(kept.where)
  await rebuild(fresh, rules, { tell: (text) => told.push(text), progress: () => {} }, { dryRun: true })
  await fresh.drop()
  assert.deepEqual(told, [])
}
