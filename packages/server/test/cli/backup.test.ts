import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createLog } from '../../src/runtime/log.ts'
import { listSessions } from '../support/api-calls.ts'
import { dataParent } from '../support/data-parent.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { onSqlite, startServer } from '../support/start-server.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(dataParent, 'rollcall-test-'))
})
after(() => rm(folder, { recursive: true }))

const rollcall = (data: string, ...args: string[]) => runProgram('cli.js', { ROLLCALL_DATA: data }, args).ended
const settings = { ROLLCALL_PUBLIC_URL: 'https://rollcall.example.org' }

describe('rollcall backup and restore', onSqlite, () => {
  test('while the server records, gives a whole file of its moment, which brings all of that back', async (t) => {
    const data = join(folder, 'recording')
    const server = await startServer({ ROLLCALL_DATA: data, ...settings })
    t.after(() => server.stop())
    const at = Date.now() - 3_600_000
    const record = (n: number) =>
      recordSession(server, { roomId: 'r', startAt: at + n * 1000, endAt: at + n * 1000 + 500, stays: [] })
    for (let n = 0; n < 20; n++) await record(n)
    const before = await listSessions(server, '')
    let isDone = false
    const recording = (async () => {
      for (let n = 20; !isDone; n++) await record(n)
    })()
    const file = join(folder, 'one.db')
    const { code, stdout, stderr } = await rollcall(data, 'backup', file)
    isDone = true
    await recording
    assert.equal(code, 0, stderr)
    assert.match(
      stdout,
      /1 keys, \d+ sessions, \d+ facts of the log, read back\. Without \S+master\.key its secrets open/,
    )
    assert.equal((await stat(file)).mode & 0o077, 0)
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('one.db')),
      ['one.db'],
    )

    const restored = join(folder, 'restored')
    const withoutKey = await rollcall(restored, 'restore', file)
    assert.match(withoutKey.stderr, /the master key is not here: put the master\.key of that server into/)
    await copyFile(join(data, 'master.key'), join(restored, 'master.key'))
    assert.equal((await rollcall(restored, 'restore', file)).code, 0)
    const again = await startServer({ ROLLCALL_DATA: restored, ...settings })
    t.after(() => again.stop())
    assert.equal(before.length, 20)
    for (const { id } of before) {
      const path = `/v2/sessions/${id}`
      assert.deepEqual((await again.call('GET', path)).body, (await server.call('GET', path)).body)
    }
    assert.equal(again.apiKey, server.apiKey)
  })

  test('again and again keeps the newest, with the master key where that is asked for', async (t) => {
    const data = join(folder, 'kept')
    await rollcall(data, 'keys', 'add', '--name', 'a')
    const to = join(folder, 'backups')
    const args = ['backup', to, '--every', '1s', '--keep', '2', '--with-master-key']
    const program = runProgram('cli.js', { ROLLCALL_DATA: data }, args)
    t.after(() => program.child.kill('SIGKILL'))
    await program.says('stdout', /(?:read back[^\n]*\n[^\n]*){4}/)
    program.child.kill('SIGKILL')
    await program.ended
    const names = await readdir(to)
    assert.ok(names.filter((name) => name.endsWith('.db')).length <= 3, names.join())
    const [newest = ''] = names
      .filter((name) => name.endsWith('.db'))
      .sort()
      .reverse()
    const restored = join(folder, 'with-key')
    const { code, stderr } = await rollcall(restored, 'restore', join(to, newest))
    assert.equal(code, 0, stderr)
    assert.equal(await readFile(join(restored, 'master.key'), 'utf8'), await readFile(join(data, 'master.key'), 'utf8'))
  })

  test('a file that is damaged or none, a record that is there and a server that runs are refused, and nothing changes', async (t) => {
    const data = join(folder, 'there')
    await rollcall(data, 'keys', 'add', '--name', 'a')
    const file = join(folder, 'there.db')
    assert.equal((await rollcall(data, 'backup', file)).code, 0)
    const bytes = await readFile(file)
    await writeFile(join(folder, 'damaged.db'), bytes.fill(7, 8000, 12_000))
    await writeFile(join(folder, 'none.db'), 'hello')
    for (const name of ['damaged.db', 'none.db']) {
      const { code, stderr } = await rollcall(data, 'restore', join(folder, name), '--replace')
      assert.deepEqual([code, /is no whole backup/.test(stderr)], [1, true], stderr)
    }
    assert.match((await rollcall(data, 'restore', file)).stderr, /there is a record in \S+: --replace puts it aside/)
    assert.match((await rollcall(data, 'restore', file, '--replace')).stdout, /What was there is \S+before-/)
    const other = join(folder, 'other-key')
    await mkdir(other, { mode: 0o700 })
    await writeFile(join(other, 'master.key'), `${'0'.repeat(64)}\n`)
    const wrong = await rollcall(other, 'restore', file)
    assert.match(wrong.stderr, /sealed under another master key/)
    const server = await startServer({ ROLLCALL_DATA: data })
    t.after(() => server.stop())
    assert.match((await rollcall(data, 'restore', file, '--replace')).stderr, /is in use by another Rollcall server/)
    const postgres = { ROLLCALL_DATA: data, DATABASE_URL: 'postgres://a@127.0.0.1:1/b' }
    const { stderr } = await runProgram('cli.js', postgres, ['backup', file]).ended
    assert.match(stderr, /pg_dump/)
  })

  test('and an export take the place of no record, no master key, and nothing that is no file, such as a folder or /dev/stdout', async (t) => {
    const data = join(folder, 'in place')
    const server = await startServer({ ROLLCALL_DATA: data })
    t.after(() => server.stop())
    const linked = join(folder, 'linked')
    await symlink(join(folder, 'elsewhere'), linked)
    const ofRecord = ['rollcall.db', 'rollcall.db-wal', 'master.key', 'rollcall.lock'].map((name) => join(data, name))
    const noFiles = [linked, folder]
    for (const to of [...ofRecord, ...noFiles]) {
      for (const command of ['backup', 'export']) {
        const { code, stderr } = await rollcall(data, command, to)
        const why = noFiles.includes(to) ? /is no file, and is left as it is/ : /is of a record, /
        assert.deepEqual([code, why.test(stderr)], [1, true], `${command} ${to}: ${stderr}`)
      }
    }
    const withKey = await rollcall(data, 'backup', join(data, 'master'), '--with-master-key')
    assert.match(withKey.stderr, /master\.key is of a record, /)
    assert.match((await rollcall(data, 'restore', folder)).stderr, /is no whole backup/)
    const parts = (await readdir(folder)).filter((name) => name.endsWith('.part'))
    assert.deepEqual(parts, [], 'nothing is left of what was not written')
    assert.equal((await server.call('GET', '/v2/sessions')).status, 200)
    // A file of that name that is no record's is a file like any other.
    assert.equal((await rollcall(data, 'backup', join(folder, 'rollcall.db'))).code, 0)
    assert.equal((await rollcall(data, 'backup', join(folder, 'rollcall.db'))).code, 0)
  })
})

describe('a data folder whose file was copied without its log', onSqlite, () => {
  /** What a server on a copy of these files warns of. */
  async function warningsOn(copied: { from: string; names: string[] }): Promise<string[]> {
    const data = await mkdtemp(join(folder, 'copied-'))
    for (const name of copied.names) await copyFile(join(copied.from, name), join(data, name))
    const lines: string[] = []
    const log = createLog('info', { write: (line) => void lines.push(line) })
    const server = await startServer({ ROLLCALL_DATA: data }, { log })
    await server.stop()
    return lines.map((line) => JSON.parse(line)).flatMap(({ level, msg }) => (level >= 40 ? [String(msg)] : []))
  }

  test('is noticed at the start, and a stop, a crash and a whole copy are not taken for it', async () => {
    const data = join(folder, 'original')
    const program = runProgram('main.js', { ROLLCALL_DATA: data, PORT: '0' })
    await program.says('stdout', /running at \S+\n/)
    const [cut, whole] = [
      ['rollcall.db', 'master.key'],
      ['rollcall.db', 'rollcall.db-wal', 'master.key'],
    ]
    const [warning] = await warningsOn({ from: data, names: cut })
    assert.match(warning ?? '', /^rollcall\.db was copied from a running server without its rollcall\.db-wal/)
    assert.deepEqual(await warningsOn({ from: data, names: whole }), [])
    program.child.kill('SIGKILL')
    await program.ended
    // A command after a crash takes the log into the file.
    assert.equal((await rollcall(data, 'keys', 'list')).code, 0)
    assert.deepEqual(await warningsOn({ from: data, names: cut }), [])
    const again = await startServer({ ROLLCALL_DATA: data })
    await again.stop()
    assert.deepEqual(await warningsOn({ from: data, names: cut }), [])
  })
})
