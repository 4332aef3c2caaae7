import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { migrations } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { dataParent } from '../support/data-parent.ts'
import { runProgram } from '../support/run-program.ts'
import { onSqlite, startServer } from '../support/start-server.ts'

const fixture = join(import.meta.dirname, '../fixtures/record-0.2.0')
const unpack = async (name: string) => gunzipSync(await readFile(join(fixture, name)))

/** What 0.2.0 answered about the record, by path; `now`: when. */
type Told = { now: number; answers: { [path: string]: unknown } }

/** Of the fields that there were; those that came since are left out. */
function inFieldsOf(before: unknown, after: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(after)) return after.map((one, i) => inFieldsOf(before[i] ?? one, one))
  if (!isMap(before) || !isMap(after)) return after
  return Object.fromEntries(Object.keys(before).map((name) => [name, inFieldsOf(before[name], after[name])]))
}

function isMap(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

test(
  'a record of release 0.2.0 is answered as it was there by every call, opens its secrets, holds together and goes on',
  onSqlite,
  async (t) => {
    const dataFolder = await mkdtemp(join(dataParent, 'rollcall-release-'))
    await writeFile(join(dataFolder, 'rollcall.db'), await unpack('rollcall.db.gz'))
    const { now, answers }: Told = JSON.parse(String(await unpack('answers.json.gz')))
    const settings = {
      ...{ ROLLCALL_DATA: dataFolder, ROLLCALL_MASTER_KEY: '0'.repeat(64) },
      ...{ ROLLCALL_PUBLIC_URL: 'https://rooms.example.org', ROLLCALL_RATE_LIMIT: '0' },
    }
    const server = await startServer(settings, { clock: { now: () => now } })
    t.after(() => server.stop())
    t.after(() => rm(dataFolder, { recursive: true }))
    assert.equal(server.secret, 'only for this record')
    for (const [path, before] of Object.entries(answers)) {
      const { body } = await server.call('GET', path)
      // Tokens of this test are good too.
      const text = (answer: unknown) =>
        JSON.stringify(answer, (name, value) => (name === 'lastUsedAt' ? null : value), 1)
      assert.equal(text(inFieldsOf(before, body)), text(before), path)
    }
    const event = { id: 'since', type: 'participant-joined', at: now, roomId: 'daily', participantId: 'ann' }
    const { body } = await server.call<{ results: { outcome: string }[] }>('POST', '/v2/events', { events: [event] })
    assert.deepEqual(body.results, [{ id: 'since', outcome: 'recorded' }])
    await server.stop()
    for (const command of [['verify'], ['rebuild', '--dry-run']]) {
      const { code, stdout, stderr } = await runProgram('cli.js', settings, command).ended
      assert.equal(code, 0, stdout + stderr)
    }
  },
)

test('the tables of release 0.2.0 are those that this version begins with: none of its steps was taken away or renamed', async (t) => {
  const folder = await mkdtemp(join(dataParent, 'rollcall-release-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'rollcall.db'), await unpack('rollcall.db.gz'))
  const db = openSqlite(join(folder, 'rollcall.db'), { readOnly: true })
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db.kysely)
  await db.close()
  const names = rows.map(({ name }) => name)
  assert.deepEqual(Object.keys(migrations).slice(0, names.length), names)
  assert.ok(Object.keys(migrations).length > names.length)
})
