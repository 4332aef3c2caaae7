import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { takeLock } from '../../src/store/database/data-folder.ts'
import type { Database } from '../../src/store/database/database.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { decodeSeal, type SealedText } from '../../src/store/sessions/seals.ts'
import { dataParent } from '../support/data-parent.ts'
import { runProgram } from '../support/run-program.ts'

const byKey = ['claims', 'marks', 'media', 'participants', 'session_buckets', 'session_counts']

async function listByKey(db: Database): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from pragma_table_list where schema = 'main' and wr = 1 and name <> 'search_grams' order by name`.execute(
    db.kysely,
  )
  return rows.map(({ name }) => name)
}

/** All tables and indexes that somebody named, and all rows. */
async function readAll(path: string) {
  const db = openSqlite(path, { readOnly: true })
  const { rows: made } = await sql<{ type: string; name: string }>`
    select type, name from sqlite_schema where sql is not null order by name`.execute(db.kysely)
  const rows: { [table: string]: string[] } = {}
  for (const { type, name } of made) {
    if (type !== 'table') continue
    const all = await sql`select * from ${sql.table(name)}`.execute(db.kysely)
    rows[name] = all.rows.map((row) => JSON.stringify(name === 'seals' ? decodeSeal(row as SealedText) : row)).sort()
  }
  const plain = await sql`select 1 from seals where head like '{%'`.execute(db.kysely)
  const tablesByKey = await listByKey(db)
  await db.close()
  return { made, rows, tablesByKey, plainTexts: plain.rows.length }
}

/** A record of release 0.1.0, which has rows in its tables. */
async function takeRelease(t: { after(work: () => Promise<void>): void }) {
  const folder = await mkdtemp(join(dataParent, 'rollcall-compact-'))
  t.after(() => rm(folder, { recursive: true }))
  const path = join(folder, 'rollcall.db')
  const fixture = join(import.meta.dirname, '../fixtures/record-0.1.0/rollcall.db.gz')
  await writeFile(path, gunzipSync(await readFile(fixture)), { mode: 0o600 })
  const run = (...command: string[]) => runProgram('cli.js', { ROLLCALL_DATA: folder }, command).ended
  return { folder, path, run }
}

test('a new SQLite file keeps the keys of its large tables once', async () => {
  const db = openSqlite(':memory:')
  await migrateToLatest(db.kysely)
  assert.deepEqual(await listByKey(db), byKey)
  await db.close()
})

test('a file of release 0.1.0 stays as it is after an update, and is made as small as a new one by `compact`, with the same in it', async (t) => {
  const { path, run } = await takeRelease(t)
  assert.equal((await run('rebuild', '--dry-run')).code, 0)
  const before = await readAll(path)
  // Of those that had rows none is written anew by the way.
  assert.deepEqual(before.tablesByKey, ['media'])
  assert.ok(before.plainTexts > 0)
  const bytesBefore = statSync(path).size
  const { code, stdout } = await run('compact')
  assert.equal(code, 0)
  assert.match(stdout, /rollcall\.db has \d+\.\d MB, and had \d+\.\d MB\n$/)
  const after = await readAll(path)
  assert.deepEqual([after.tablesByKey, after.plainTexts], [byKey, 0])
  assert.deepEqual([after.made, after.rows], [before.made, before.rows])
  assert.ok(statSync(path).size < bytesBefore)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.ok(!existsSync(`${path}.part`))
  for (const command of [['verify'], ['rebuild', '--dry-run'], ['compact']]) {
    const { code, stderr } = await run(...command)
    assert.equal(code, 0, stderr)
  }
})

test('`compact` refuses a file that a server has, or a command, and PostgreSQL, and leaves nothing behind', async (t) => {
  const { folder, path, run } = await takeRelease(t)
  assert.equal((await run('rebuild', '--dry-run')).code, 0)
  const before = await readAll(path)
  const lock = takeLock(folder)
  assert.equal((await run('compact')).code, 1)
  lock.release()
  const reader = openSqlite(path, { readOnly: true })
  await sql`select 1 from keys`.execute(reader.kysely)
  assert.match((await run('compact')).stderr, /rollcall\.db is open elsewhere: stop that first\n$/)
  await reader.close()
  assert.ok(!existsSync(`${path}.part`))
  const { made, rows } = await readAll(path)
  assert.deepEqual([made, rows], [before.made, before.rows])
  const onPostgres = {
    ROLLCALL_DATA: folder,
    DATABASE_URL: 'postgres://localhost/x',
    ROLLCALL_MASTER_KEY: '0'.repeat(64),
  }
  assert.match((await runProgram('cli.js', onPostgres, ['compact']).ended).stderr, /DATABASE_URL is set/)
})
