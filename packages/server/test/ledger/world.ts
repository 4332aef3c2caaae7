import assert from 'node:assert/strict'
import type { Fact, SessionFact } from '@rollcall/protocol'
import { toRules } from '../../src/config.ts'
import { insideMs } from '../../src/ledger/session.ts'
import { record } from '../../src/record/facts/record.ts'
import { review } from '../../src/record/review.ts'
import { toSession } from '../../src/record/session-view.ts'
import { changes } from '../../src/store/changes.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { createSecretBox } from '../../src/store/database/secrets.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { type FactStore, openFacts } from '../../src/store/facts/facts.ts'
import { sessions } from '../../src/store/sessions/sessions.ts'
import { toRecords } from '../support/listed-records.ts'
import type { ModelSession } from './model.ts'

export const rules = toRules({ graceMs: 20_000 })
/** Later than any fact of a history: whatever is to be inferred, is. */
const farFuture = Date.UTC(2100, 0, 1)

export type World = Awaited<ReturnType<typeof createWorld>>

/** The ledger over real tables in memory; each history is played under a key of its own. */
export async function createWorld() {
  const db = openSqlite(':memory:')
  await migrateToLatest(db.kysely)
  const over = { db, box: createSecretBox(Buffer.alloc(32)), now: () => farFuture }
  const list = async (keyId: number) => {
    const { sessions: found, total } = await sessions.reads.list(over, keyId, {}, { page: 1, perPage: 1000 }, 1000)
    return { found: toRecords(found), total }
  }
  let keys = 0

  const within = <T>(work: (parts: { facts: FactStore; rules: typeof rules }) => Promise<T>): Promise<T> =>
    db.transaction(async () => {
      const facts = openFacts(db)
      const result = await work({ facts, rules })
      await facts.flush()
      return result
    })
  const rows = async (text: string, keyId: number) => {
    const result = await db.kysely.executeQuery({ sql: text, parameters: [keyId], query: { kind: 'RawNode' } } as never)
    return result.rows as { [column: string]: string | number | null }[]
  }

  return {
    newKey: () => ++keys,
    /** Records facts in the order given, so many a transaction. */
    async play(keyId: number, facts: Fact[], perTransaction = 3) {
      const outcomes: string[] = []
      for (let from = 0; from < facts.length; from += perTransaction) {
        const some = facts.slice(from, from + perTransaction)
        await within(async (parts) => {
          for (const fact of some) outcomes.push((await record(parts, keyId, fact)).outcome)
        })
      }
      return outcomes
    },
    /** Looks until nothing is left to infer, by the wall clock `now`. */
    async sweep(now = farFuture) {
      for (let found = 1; found > 0; ) {
        found = await within(async (parts) => {
          const due = await parts.facts.listToReview(now, 100)
          for (const { keyId, sessionId } of due) await review(parts, keyId, sessionId, now)
          return due.length
        })
      }
    },
    list: async (keyId: number) => (await list(keyId)).found,
    /** What a reader sees, in the words of the model, oldest first. */
    async visible(keyId: number): Promise<ModelSession[]> {
      const { found } = await list(keyId)
      return found
        .map((one) => toSession(one, { now: farFuture, base: '', key: { apiKey: '', userId: '' } }))
        .map((session) => ({
          start: Date.parse(session.start),
          end: session.end === null ? null : Date.parse(session.end),
          people: session.participants.map(({ participantId, name, timelog }) => ({
            id: participantId,
            name,
            timelog: timelog.map((entry) => ({
              ...entry,
              start: Date.parse(entry.start),
              end: entry.end === null ? null : Date.parse(entry.end),
            })),
          })),
        }))
        .reverse()
    },
    rows,
    changes: (keyId: number) => changes.reads.after(over, keyId, 0, 10_000),
    /** What has to hold of every record, whatever facts it was made of. */
    async checkInvariants(keyId: number, facts: SessionFact[] = []) {
      const { found, total } = await list(keyId)
      assert.equal(total, found.length, 'the count of sessions is their number')
      const running = new Set<string>()
      for (const one of found) {
        const { session } = one
        const shown = toSession(one, { now: farFuture, base: '', key: { apiKey: '', userId: '' } })
        const end = session.endAt ?? farFuture
        assert.ok(end >= session.startAt, 'a session ends at or after its start')
        let total = 0
        for (const { timelog } of shown.participants) {
          for (const entry of timelog) {
            const [from, to] = [Date.parse(entry.start), entry.end === null ? farFuture : Date.parse(entry.end)]
            assert.ok(session.startAt <= from && from <= to && to <= end, 'stays lie inside their session')
            total += to - from
          }
        }
        assert.equal(session.people, shown.participants.length, 'people is a recount')
        assert.equal(session.inside, one.participants.filter((person) => person.openSince !== null).length)
        assert.equal(insideMs(session, farFuture), total, 'the time inside is the sum of all timelogs')
        if (session.sessionKey === null && session.endAt === null) {
          const place = `${session.source} ${session.roomId}`
          assert.ok(!running.has(place), 'one unnamed session runs in a room')
          running.add(place)
        }
      }
      const numbers = (await changes.reads.after(over, keyId, 0, 10_000)).map((change) => change.seq)
      assert.deepEqual(
        numbers,
        numbers.map((_, i) => i + 1),
        'changes are numbered without gaps',
      )
      const claimed = await rows('select source, fact_id from claims where key_id = ?', keyId)
      for (const { id, source } of facts) {
        assert.equal(claimed.filter((one) => one.source === source && one.fact_id === id).length, 1, 'claimed once')
      }
    },
    close: () => db.close(),
  }
}
