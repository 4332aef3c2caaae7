import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Migration, Migrator, sql } from 'kysely'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { migrateToLatest, migrations } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { builtThread } from '../support/built-server.ts'
import { dataParent } from '../support/data-parent.ts'
import { dump, keep } from '../support/kept.ts'
import { startPostgres } from '../support/postgres.ts'

/** The last that 0.1.0 had. */
const released = '0003-processes'

test('an update tells of each session that it has shown otherwise than before, and of no other; what its log lacks is added', async (t) => {
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-update-'))
  t.after(() => rm(dataFolder, { recursive: true }))
  const options = {
    ...{ dataFolder, rules: toRules({ graceMs: 20_000 }), clock: systemClock, threadUrl: builtThread },
    masterKey: Buffer.alloc(32, 1),
  }
  const db = openSqlite(join(dataFolder, 'rollcall.db'))
  const provider = { getMigrations: async () => migrations as { [name: string]: Migration } }
  assert.equal((await new Migrator({ db: db.kysely, provider }).migrateTo(released)).error, undefined)
  const endAt = 700_000
  /** Somebody never left, and the end that was told is at 100 s: a later leave of another moved it, or did not. */
  const addSession = async (id: string, person: string, endedAt: number) => {
    await sql`
      insert into sessions (key_id, id, room_id, source, start_at, end_at, ended_at, last_at, said_at, inside, people, closed_ms,
        open_since_sum, revision, updated_at, span_level, seal_at)
      values (1, ${id}, 'r', 'livekit-1', 0, ${endAt}, ${endedAt}, ${endAt}, 0, 1, 1, 0, 0, 0, ${endAt}, 0, null)`.execute(
      db.kysely,
    )
    await sql`
      insert into participants (key_id, session_id, participant_id, name, kind, joined_at, open_since, closed_ms, last_at)
      values (1, ${id}, 'anna', 'Anna', ${person}, 0, 0, 0, 5000)`.execute(db.kysely)
  }
  await addSession('moved', 'person', 100_000)
  await addSession('as told', 'person', endAt)
  await addSession('of a program', 'agent', endAt)
  const leave = (at: number) => JSON.stringify({ type: 'participant-left', id: 'f', at, participantId: 'anna' })
  for (const [seq, source, at] of [
    [1, 'videosdk-1', 5000],
    [2, 'videosdk-1', 4000],
    [3, 'livekit-1', 5000],
  ] as const) {
    await sql`
      insert into facts (key_id, seq, source, fact_id, outcome, received_at, change_seq, fact_json)
      values (1, ${seq}, ${source}, ${`f${seq}`}, 'recorded', 5000, 0, ${leave(at)})`.execute(db.kysely)
  }
  await db.close()

  const told: string[] = []
  await (await openStore({ ...options, onShownOtherwise: (text) => told.push(text) })).close()
  assert.deepEqual(told, [
    'update 0004-ends: key 1, session moved is shown otherwise than before',
    'update 0009-kinds: key 1, session of a program is shown otherwise than before',
  ])
  await (await openStore({ ...options, onShownOtherwise: (text) => told.push(text) })).close()
  assert.equal(told.length, 2)

  const updated = openSqlite(join(dataFolder, 'rollcall.db'))
  const { rows } = await sql<{ json: string }>`select fact_json as json from facts order by seq`.execute(updated.kysely)
  await updated.close()
  const undated = rows.map(({ json }) => JSON.parse(json).isUndated)
  assert.deepEqual(undated, [true, undefined, undefined], 'the leaves of VideoSDK that are dated by their arrival')
})

for (const [what, from] of [
  ['a start', undefined],
  ['an update', released],
] as const) {
  test(`${what} that is killed while it makes tables is made up for by the next`, async (t) => {
    const folder = await mkdtemp(join(dataParent, 'rollcall-killed-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'rollcall.db')
    if (from !== undefined) {
      const db = openSqlite(path)
      const provider = { getMigrations: async () => migrations as { [name: string]: Migration } }
      await new Migrator({ db: db.kysely, provider }).migrateTo(from)
      await db.close()
    }
    for (const statement of [30, 60]) {
      const { signal } = spawnSync(process.execPath, [
        join(import.meta.dirname, 'killed-opener.ts'),
        path,
        `${statement}`,
      ])
      assert.equal(signal, 'SIGKILL', `the statement ${statement} is one of those that make tables`)
    }
    const db = openSqlite(path)
    await migrateToLatest(db.kysely)
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db.kysely)
    await db.close()
    assert.deepEqual(
      rows.map(({ name }) => name),
      Object.keys(migrations),
    )
  })
}

for (const database of ['SQLite', 'PostgreSQL']) {
  test(`a record on ${database} that a newer version has changed is refused in one line, and is as it was afterwards`, async (t) => {
    const postgres = database === 'PostgreSQL' ? await startPostgres() : undefined
    t.after(() => postgres?.stop())
    const kept = await keep(postgres)
    t.after(() => kept.remove())
    const open = async () => (await kept.open(Date.now)).close()
    await open()
    const query = (text: string) => kept.within((db) => sql.raw(text).execute(db.kysely))
    await query(
      `insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2099-01-01T00:00:00.000Z')`,
    )
    const before = await dump(kept)
    await assert.rejects(open(), ({ name, message }) => {
      assert.equal(name, 'StartRefusal')
      assert.match(message, /^\S+ cannot be (opened|used): a newer Rollcall has changed it \(9999-of-tomorrow\)[^\n]+$/)
      return true
    })
    assert.deepEqual(await dump(kept), before)
    await query(`delete from kysely_migration where name = '9999-of-tomorrow'`)
    await open()
  })
}
