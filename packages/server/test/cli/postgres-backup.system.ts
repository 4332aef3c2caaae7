import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { appendFile, chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import pg from 'pg'
import { findOrInstall, lackOf } from '../../../client/test/system-program.ts'
import { listSessions } from '../support/api-calls.ts'
import { findFreePort } from '../support/ports.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
/** Debian's, with all its programs: that of npm has no pg_dump. */
const postgresql = { names: ['pg_ctlcluster'], packages: ['postgresql'] }
await findOrInstall(postgresql)
const programs = globSync('/usr/lib/postgresql/*/bin').sort().at(-1)
const docs = join(import.meta.dirname, '../../../../docs/backup.md')

/** Its own user runs PostgreSQL, who may be root nowhere. */
function asPostgres(program: string, ...args: string[]) {
  const command = [join(programs ?? '', program), ...args]
  const isRoot = process.getuid?.() === 0
  const [file = '', ...rest] = isRoot
    ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups', ...command]
    : command
  return run(file, rest, { cwd: '/tmp' })
}

describe('a record on PostgreSQL', { skip: programs === undefined && lackOf(postgresql) }, () => {
  let folder: string
  let port: number
  const data = () => join(folder, 'data')
  const start = () =>
    asPostgres('pg_ctl', '-D', data(), '-w', '-l', join(folder, 'log'), '-o', `-p ${port} -k ${folder}`, 'start')
  const stop = () => asPostgres('pg_ctl', '-D', data(), '-w', '-m', 'fast', 'stop')
  const urlOf = (name: string) => `postgres://rollcall@127.0.0.1:${port}/${name}`
  const env = (name: string) => ({ DATABASE_URL: urlOf(name), ROLLCALL_MASTER_KEY: '7'.repeat(64) })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-postgres-'))
    await chmod(folder, 0o777)
    port = await findFreePort()
    await mkdir(join(folder, 'archive'))
    await chmod(join(folder, 'archive'), 0o777)
    await asPostgres('initdb', '-D', data(), '-U', 'rollcall', '--auth', 'trust', '-E', 'UTF8')
    await appendFile(join(data(), 'postgresql.conf'), `${await archiving()}\n`)
    await start()
  })
  after(async () => {
    await stop()
    await rm(folder, { recursive: true })
  })

  /** The lines of the documentation for a folder of this test. */
  async function archiving(): Promise<string> {
    const [, lines = ''] = /```ini\n(archive_mode[^`]+)```/.exec(await readFile(docs, 'utf8')) ?? []
    return lines.replaceAll('/archive', join(folder, 'archive'))
  }

  async function record(server: TestServer, roomId: string): Promise<void> {
    const at = Date.now() - 3_600_000
    await recordSession(server, { roomId, startAt: at, endAt: at + 1000, stays: [] })
  }

  async function assertHolds(name: string): Promise<void> {
    const { code, stdout, stderr } = await runProgram('cli.js', env(name), ['verify']).ended
    assert.equal(code, 0, `${stdout}${stderr}`)
  }

  const sql = async (text: string, name = 'postgres') => {
    const client = new pg.Client({ connectionString: urlOf(name) })
    await client.connect()
    const { rows } = await client.query(text)
    await client.end()
    return rows
  }

  test('is whole in a dump that is taken while the server records, by the lines of the documentation', async () => {
    await sql('create database rollcall')
    const server = await startServer(env('rollcall'))
    await record(server, 'one')
    const kept = await listSessions(server, 'one')
    const text = await readFile(docs, 'utf8')
    const lines = [...text.matchAll(/^(pg_dump|pg_restore) .*$/gm)].map(([line]) => line)
    assert.equal(lines.length, 2)
    let isDone = false
    const recording = (async () => {
      for (; !isDone; ) await record(server, 'another')
    })()
    const shell = (line: string, name: string) =>
      run('sh', ['-c', line], {
        cwd: folder,
        env: { PATH: `${programs}:${process.env.PATH}`, DATABASE_URL: urlOf(name) },
      })
    await shell(lines[0] ?? '', 'rollcall')
    isDone = true
    await recording
    await server.stop()
    await sql('create database restored')
    await shell(lines[1] ?? '', 'restored')
    await assertHolds('restored')
    const again = await startServer(env('restored'))
    const sessions = await listSessions(again, 'one')
    assert.deepEqual(
      sessions.map(({ id }) => id),
      kept.map(({ id }) => id),
    )
    assert.equal(again.apiKey, server.apiKey)
    await again.stop()
  })

  test('is as it was at a moment between two backups, from the archived log', async () => {
    await sql('create database moments')
    const server = await startServer(env('moments'))
    await record(server, 'before')
    await asPostgres(
      'pg_basebackup',
      '--checkpoint=fast',
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      'rollcall',
      '-D',
      join(folder, 'base'),
    )
    await record(server, 'then')
    const [{ moment }] = await sql('select clock_timestamp()::text as moment')
    await record(server, 'too late')
    await server.stop()
    const [{ segment }] = await sql('select pg_walfile_name(pg_switch_wal()) as segment')
    await until(
      async () => (await sql('select last_archived_wal from pg_stat_archiver'))[0].last_archived_wal >= segment,
    )
    await stop()

    await rm(data(), { recursive: true })
    await cp(join(folder, 'base'), data(), { recursive: true })
    const [, lines = ''] = /```ini\n(restore_command[^`]+)```/.exec(await readFile(docs, 'utf8')) ?? []
    const target = lines.replaceAll('/archive', join(folder, 'archive')).replace(/'2026-[^']+'/, `'${moment}'`)
    await appendFile(join(data(), 'postgresql.conf'), `${target}\n`)
    await writeFile(join(data(), 'recovery.signal'), '')
    if (process.getuid?.() === 0) await run('chown', ['-R', 'postgres:postgres', data()])
    await run('chmod', ['700', data()])
    await start()
    await until(async () => (await sql('select pg_is_in_recovery() as yes'))[0].yes === false)
    await assertHolds('moments')
    const again = await startServer(env('moments'))
    const rooms = (await listSessions(again, '')).map(({ roomId }) => roomId)
    assert.deepEqual(rooms.sort(), ['before', 'then'])
    await again.stop()
  })
})
