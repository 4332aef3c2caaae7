import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import { toRules } from '../../src/config.ts'
import { record } from '../../src/record/facts/record.ts'
import type { Database } from '../../src/store/database/database.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { openFacts } from '../../src/store/facts/facts.ts'

const keyId = 1
const roomId = 'abcd-efgh-jkmn'
const rules = toRules({ graceMs: 20_000 })
const at = Date.UTC(2026, 0, 5, 9)

/** A session that somebody was in. Unless `leavesAt` is given, they leave at a time that is told. */
function factsOf(session: number, { leavesAt }: { leavesAt?: number } = {}): Fact[] {
  const of = { source: 'events', roomId, sessionKey: `s${session}` }
  const ann = { ...of, participantId: 'ann', connectionId: 'c' }
  const [joinedAt, leftAt] = [at + 1000, leavesAt ?? at + 5000]
  const isUndated = leavesAt === undefined ? {} : { isUndated: true as const }
  return [
    { ...ann, type: 'participant-joined', id: `${session}j`, at: joinedAt, receivedAt: joinedAt },
    { ...ann, type: 'participant-left', id: `${session}l`, at: leftAt, receivedAt: leftAt, ...isUndated },
    { ...of, type: 'session-ended', id: `${session}e`, at: at + 9000, receivedAt: at + 60_000 },
  ]
}

/** Records these in one transaction. Gives the tables that were written to before it was over, in order. */
async function recordAll(db: Database, facts: Fact[]): Promise<string[]> {
  const written: string[] = []
  const heard: Database = {
    ...db,
    insertRows(table, rows, ...how) {
      if (rows.length > 0) written.push(table)
      return db.insertRows(table, rows, ...how)
    },
  }
  return db.transaction(async () => {
    const store = openFacts(heard)
    await store.prepare([{ keyId, facts }])
    for (const fact of facts) await record({ facts: store, rules }, keyId, fact)
    const before = [...written]
    await store.flush()
    return before
  })
}

async function openRecord(): Promise<Database> {
  const db = openSqlite(':memory:')
  await migrateToLatest(db.kysely)
  return db
}

describe('what one transaction records', () => {
  test('is written once, a statement a table, however many sessions end in it', async () => {
    const db = await openRecord()
    const facts = Array.from({ length: 50 }, (_, session) => factsOf(session)).flat()
    assert.deepEqual(await recordAll(db, facts), [])
    const again = Array.from({ length: 50 }, (_, session) => factsOf(50 + session))
    for (const part of [0, 1, 2])
      assert.deepEqual(
        await recordAll(
          db,
          again.map((one) => one[part] as Fact),
        ),
        [],
      )
    await db.close()
  })

  test('is read by the end of a session whose leaves nobody says the time of, whenever they were told', async () => {
    const leftLate = factsOf(1, { leavesAt: at + 30_000 })
    for (const parts of [[leftLate], leftLate.map((fact) => [fact])]) {
      const db = await openRecord()
      for (const facts of parts) await recordAll(db, facts)
      const { last_at: lastAt } = await db.kysely.selectFrom('participants').select('last_at').executeTakeFirstOrThrow()
      assert.equal(lastAt, at + 9000)
      await db.close()
    }
  })

  test('says of a join whether they had another connection, which alone makes anybody look for an older one', async () => {
    const db = await openRecord()
    const [joined, left] = factsOf(0, { leavesAt: at + 5000 }) as [Fact, Fact]
    const again = { ...joined, id: 'again', connectionId: 'other', at: at + 7000, receivedAt: at + 7000 }
    const recorded = await db.transaction(async () => {
      const facts = openFacts(db)
      await facts.prepare([{ keyId, facts: [left, joined, again] }])
      const told = []
      // A leave may come before its join.
      for (const fact of [left, joined, again]) told.push(await record({ facts, rules }, keyId, fact))
      await facts.flush()
      return told
    })
    assert.deepEqual(
      recorded.map(({ id, hadOtherConnection }) => [id, hadOtherConnection]),
      [
        ['0l', undefined],
        ['0j', undefined],
        ['again', true],
      ],
    )
    await db.close()
  })
})
