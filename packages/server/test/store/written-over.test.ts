import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import type { Session } from '../../src/ledger/state.ts'
import type { Database } from '../../src/store/database/database.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { toParticipantRow, toSessionRow } from '../../src/store/facts/pending-rows.ts'
import { dataParent } from '../support/data-parent.ts'

const key = ['key_id', 'id']
const at = Date.UTC(2026, 0, 5, 9)
const session: Session = {
  id: 'a'.repeat(24),
  roomId: 'abcd-efgh-jkmn',
  source: 'events',
  sessionKey: 'one',
  startAt: at,
  endAt: null,
  endReason: null,
  endedAt: null,
  inferred: null,
  lastAt: at,
  saidAt: at,
  snapshotAt: null,
  resumedAt: null,
  lookAt: null,
  inside: 1,
  people: 1,
  closedMs: 0,
  openSinceSum: 0,
  pastEndMs: 0,
  clockCorrectedMs: 0,
  parentRoomId: null,
  parentKey: null,
  revision: 0,
  updatedAt: at,
}

describe('a row that is written over, on SQLite', () => {
  const folder = mkdtempSync(join(dataParent, 'rollcall-rows-'))
  const path = join(folder, 'rollcall.db')
  let db: Database

  before(async () => {
    db = openSqlite(path)
    await migrateToLatest(db.kysely)
  })
  after(async () => {
    await db.close()
    rmSync(folder, { recursive: true })
  })

  const save = async (changed: Partial<Session>) =>
    db.transaction(async () => db.insertRows('sessions', [toSessionRow(1, { ...session, ...changed })], key))
  /** Pages that a write puts into the log. */
  const pagesOf = async (write: () => Promise<void>) => {
    await sql`pragma wal_checkpoint(truncate)`.execute(db.kysely)
    await write()
    const pageBytes = 4096 + 24
    return Math.floor(statSync(`${path}-wal`).size / pageBytes)
  }

  test('is written to its table alone where nothing changes that it is found by, and else to the indexes of that', async () => {
    await save({})
    assert.equal(await pagesOf(() => save({ inside: 2, people: 2, lastAt: at + 1 })), 1)
    assert.equal(await pagesOf(() => save({ inside: 3, lookAt: at + 9 })), 2)
    assert.ok((await pagesOf(() => save({ startAt: at - 1 }))) > 5)
  })

  test('has its new values whatever of it changes, and is found by them', async () => {
    const steps: Partial<Session>[] = [
      {},
      { inside: 2, lastAt: at + 5 },
      { startAt: at - 5, lookAt: at + 9, revision: 1 },
      { endAt: at + 7, endedAt: at + 7, endReason: 'over', inside: 0 },
      { endAt: null, parentRoomId: 'wxyz-efgh-jkmn', people: 4 },
      { parentRoomId: null, startAt: null, resumedAt: at },
    ]
    for (const step of steps) {
      const row = toSessionRow(1, { ...session, ...step })
      await save(step)
      const stored = await db.kysely.selectFrom('sessions').selectAll().executeTakeFirstOrThrow()
      assert.deepEqual({ ...stored, close_at: undefined }, { ...row, close_at: undefined })
      assert.deepEqual(await db.differences.findFileFaults(db.kysely), [])
    }
  })

  test('keeps what the write leaves as it is', async () => {
    const about = { kind: 'person', name: 'Ann', nameSource: null, region: null, metadata: null } as const
    const ann = { ...about, participantId: 'ann', joinedAt: at, openSince: at, closedMs: 0, lastAt: at }
    const row = toParticipantRow(1, session.id, ann)
    const participantKey = ['key_id', 'session_id', 'participant_id']
    await db.insertRows('participants', [row], participantKey)
    const changed = { ...row, name: 'Anna', joined_at: at + 1, last_at: at + 2 }
    await db.insertRows('participants', [changed], participantKey, { joined_at: null, name: null })
    const stored = await db.kysely.selectFrom('participants').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual({ ...stored }, { ...row, last_at: at + 2 })
  })
})
