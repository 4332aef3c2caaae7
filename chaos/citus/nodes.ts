import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { appendFile, chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { findFreePort } from '../../packages/server/test/support/ports.ts'

const run = promisify(execFile)

/** PostgreSQL of Debian on this machine, each with a folder and a port of its own: Citus with two machines that take rows, and one without. */
export type Services = {
  /** A database each, in which nothing is. */
  citus: string
  plain: string
  /** How often PostgreSQL found that transactions wait for each other in a circle, on any of them. */
  countDeadlocks(): number
  stop(): Promise<void>
}

export const lack =
  'Citus is not installed: on Debian, apt-get install postgresql, and the package of Citus for it from https://docs.citusdata.com/en/stable/installation'

/** The programs of the newest PostgreSQL of Debian that has the extension. */
export function findPrograms(): string | undefined {
  const [folder] = globSync('/usr/lib/postgresql/*/lib/citus.so').sort().reverse()
  return folder && join(folder, '../../bin')
}

export async function startServices(programs: string): Promise<Services> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-citus-'))
  await chmod(folder, 0o777)
  // PostgreSQL does not run as root.
  const isRoot = process.getuid?.() === 0
  const asUser = isRoot ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : []
  const call = async (program: string, ...args: string[]) => {
    const [command = '', ...rest] = [...asUser, join(programs, program), ...args]
    await run(command, rest, { env: { PATH: process.env.PATH, HOME: folder }, cwd: folder })
  }
  const started: { name: string; url: string }[] = []
  const start = async (name: string, library: string): Promise<string> => {
    const [data, port] = [join(folder, name), await findFreePort()]
    await call('initdb', '-D', data, '-U', 'rollcall', '-A', 'trust')
    await appendFile(
      join(data, 'postgresql.conf'),
      `port = ${port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 300\n` +
        `max_prepared_transactions = 300\nshared_preload_libraries = '${library}'\ncitus.shard_count = 8\n`,
    )
    await call('pg_ctl', '-D', data, '-l', join(folder, `${name}.log`), '-w', 'start')
    const url = `postgres://rollcall:rollcall@127.0.0.1:${port}/postgres`
    started.push({ name, url })
    return url
  }
  const stop = async () => {
    for (const { name } of started) await call('pg_ctl', '-D', join(folder, name), '-m', 'immediate', 'stop')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const plain = await start('plain', '')
    const [citus, ...machines] = [
      await start('coordinator', 'citus'),
      await start('one', 'citus'),
      await start('two', 'citus'),
    ]
    for (const url of [citus, ...machines]) await ask(url, 'create extension citus')
    await ask(citus, `select citus_set_coordinator_host('127.0.0.1', ${new URL(citus).port})`)
    for (const url of machines) await ask(citus, `select citus_add_node('127.0.0.1', ${new URL(url).port})`)
    return {
      citus,
      plain,
      countDeadlocks() {
        const logs = started.map(({ name }) => join(folder, `${name}.log`)).filter((path) => existsSync(path))
        return logs.reduce((sum, path) => sum + (readFileSync(path, 'utf8').match(/deadlock/g)?.length ?? 0), 0)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function ask(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
