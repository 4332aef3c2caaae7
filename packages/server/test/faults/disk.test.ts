import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import type { EventResults, SessionPage } from '@rollcall/protocol'
import { createRandom } from '../../../../chaos/random.ts'
import { verify } from '../../src/cli/verify/verify.ts'
import { toRules } from '../../src/config.ts'
import { openStore } from '../../src/record/open-store.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { reporter } from '../ledger/history.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer } from '../support/start-server.ts'

const run = promisify(execFile)
const rules = toRules({ graceMs: 20_000 })

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-disk-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A disk of its own, of so many megabytes, as far as this user may mount one: else the test says so and is skipped. */
async function mount(t: TestContext, megabytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-disk-'))
  const mountWith = (options: string) => run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder])
  try {
    await mountWith(`size=${megabytes}m`)
  } catch (error) {
    rmdirSync(folder)
    t.skip(`needs to mount a disk of its own, which only root may, on Linux: ${(error as Error).message.trim()}`)
    return undefined
  }
  t.after(async () => {
    await run('umount', [folder])
    rmdirSync(folder)
  })
  return { folder, remount: (options: string) => run('mount', ['-o', `remount,${options}`, folder]) }
}

async function findFaults(dataFolder: string): Promise<string[]> {
  const faults: string[] = []
  const snapshot = openSnapshot({ databaseUrl: undefined, dataFolder })
  await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
  await snapshot.close()
  return faults
}

describe('a disk that is full', () => {
  test('is never acknowledged on: what was, is kept; what was not, is taken as soon as there is room, and /readyz says which', async (t) => {
    const disk = await mount(t, 3)
    if (disk === undefined) return
    const server = await startServer({ ROLLCALL_DATA: disk.folder, ROLLCALL_RATE_LIMIT: '0' })
    const metadata = 'x'.repeat(4000)
    const eventsOf = (n: number) =>
      Array.from({ length: 20 }, (_, i) => ({
        id: `${n}.${i}`,
        type: 'participant-joined',
        at: Date.UTC(2026, 0, 5) + n,
        roomId: 'full',
        sessionKey: 'one',
        participantId: `p${n}.${i}`,
        metadata,
      }))
    const send = (n: number) => server.call<EventResults>('POST', '/v2/events', { events: eventsOf(n) })
    const readiness = async () => (await server.call('GET', '/readyz', undefined, { token: null })).status
    const listPeople = async () => {
      const { data } = (await server.call<SessionPage>('GET', '/v2/sessions')).body
      return new Set(data.flatMap(({ participants }) => participants.map(({ participantId }) => participantId)))
    }
    try {
      let kept = 0
      let answer = await send(kept)
      while (answer.status === 200) answer = await send(++kept)
      assert.ok(kept > 0 && answer.status === 503, `${kept} calls, then ${answer.status} ${answer.text}`)
      assert.ok(Number(answer.headers['retry-after']) > 0)
      assert.equal(await readiness(), 503)
      const people = await listPeople()
      for (let n = 0; n < kept; n++) for (const { participantId } of eventsOf(n)) assert.ok(people.has(participantId))
      assert.equal(people.size, 20 * kept, 'nothing of a call that was not acknowledged')

      await disk.remount('size=64m')
      assert.equal(await readiness(), 200, 'before anything came')
      const { results } = (await send(kept)).body
      assert.deepEqual(new Set(results.map(({ outcome }) => outcome)), new Set(['recorded']))
      assert.equal((await listPeople()).size, 20 * (kept + 1))
      assert.deepEqual(await findFaults(disk.folder), [])
    } finally {
      await server.stop()
    }
  })
})

describe('a disk that cannot be written', () => {
  test('stops the start with one line that names the folder and says what to do', async (t) => {
    const disk = await mount(t, 16)
    if (disk === undefined) return
    await (await openStore({ dataFolder: disk.folder, rules, clock: { now: Date.now } })).close()
    await disk.remount('ro')
    const { code, stdout, stderr } = await runProgram('main.js', { PORT: '0', ROLLCALL_DATA: disk.folder }).ended
    assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
    assert.match(stderr, /^rollcall: [^\n]+\n$/)
    assert.ok(stderr.includes(disk.folder) && stderr.includes('name a folder that can be written'), stderr)
  })
})

describe('a write-ahead log that lost its tail, as by a disk that lied about what it had written', () => {
  const cuts = 40

  test(`keeps a beginning of the log, whole, with every fact whose commit was not cut off (${cuts} cuts)`, async (t) => {
    const folder = newFolder(t)
    const options = { dataFolder: folder, rules, clock: { now: Date.now } }
    const first = await openStore(options)
    const { keyId } = await first.writes.keys.add({ name: null, email: null })
    // From here on nothing lies in the write-ahead log but the facts.
    await first.close()
    const store = await openStore(options)
    t.after(() => store.close())
    const { joined, left } = reporter({ source: 'sfu', roomId: 'room', sessionKey: 'one' })
    const path = join(folder, 'rollcall.db')
    /** After each fact that was acknowledged: how long the log was. */
    const sizes: number[] = []
    for (let n = 0; n < 40; n++) {
      const who = `p${n % 7}`
      await store.record(keyId, [n % 14 < 7 ? joined(who, n) : left(who, n)])
      sizes.push(statSync(`${path}-wal`).size)
    }
    assert.equal(new Set(sizes).size, sizes.length, 'nothing was written back meanwhile')

    const random = createRandom(1)
    const copy = newFolder(t)
    const lastCut = sizes.at(-1) ?? 0
    for (let i = 0; i < cuts; i++) {
      const cut = random.below(lastCut + 1)
      for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, join(copy, `rollcall.db${end}`))
      truncateSync(join(copy, 'rollcall.db-wal'), cut)
      const kept = await readLog(join(copy, 'rollcall.db'))
      const whole = sizes.filter((size) => size <= cut).length
      assert.deepEqual(
        kept,
        Array.from({ length: kept.length }, (_, n) => n + 1),
        'a beginning',
      )
      assert.equal(kept.length, whole, `cut at ${cut}`)
      assert.deepEqual(await findFaults(copy), [])
      for (const end of ['', '-wal', '-shm']) rmSync(join(copy, `rollcall.db${end}`), { force: true })
    }
  })
})

/** The numbers of the facts in the log. */
async function readLog(path: string): Promise<number[]> {
  const db = openSqlite(path)
  try {
    const rows = await db.kysely.selectFrom('facts').select('seq').orderBy('seq').execute()
    return rows.map(({ seq }) => seq)
  } finally {
    await db.close()
  }
}
