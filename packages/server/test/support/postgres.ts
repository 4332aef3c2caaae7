import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findFreePort } from './ports.ts'
import { loadPostgres } from './postgres-binaries.ts'

/** A PostgreSQL service for tests. */
export type Postgres = {
  url: string
  /** The address of a database of its own, empty; of one of this name, which may be there already. */
  newDatabase(name?: string): Promise<string>
  /** The address of one for a store: with tables and nothing in them where the run has made such, else the store makes its own. */
  newStore(): Promise<string>
  /** Stops it, whoever is connected, and starts it again on the same data. Only one of its own can be. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * The service that the tests of a run share, or one that `ROLLCALL_TEST_DATABASE_URL` names for them to run on; where there is
 * none, one of its own.
 * @param kept the folder of its data, which may be there already and stays when it stops: then it is always one of its own
 */
export async function startPostgres(kept?: string): Promise<Postgres> {
  const given = process.env.ROLLCALL_TEST_POSTGRES_URL ?? process.env.ROLLCALL_TEST_DATABASE_URL
  if (given === undefined || kept !== undefined) return startOwnPostgres(kept)
  const restart = () => Promise.reject(new Error(`${given} is a service that others use: it is not restarted`))
  const made: string[] = []
  const make = async (name?: string, options?: DatabaseOptions) => {
    const url = await createDatabase(given, name, options)
    made.push(new URL(url).pathname.slice(1))
    return url
  }
  return {
    url: given,
    newDatabase: (name) => make(name),
    newStore: () => make(undefined, { template: process.env.ROLLCALL_TEST_EMPTY_DATABASE }),
    restart,
    // As if it stopped: what a test that failed left open ends, and does not hold up the run.
    stop: () => disconnectAll(given, made),
  }
}

async function disconnectAll(url: string, databases: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = any($1)', [databases])
  await client.end()
}

/**
 * A real service of its own, from npm.
 * @param kept the folder of its data, which may be there already and stays when it stops. Default: a temporary one.
 * @param settings what else it is started with, such as `wal_level=logical`
 */
export async function startOwnPostgres(kept?: string, settings: string[] = []): Promise<Postgres> {
  const EmbeddedPostgres = await loadPostgres()
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'rollcall-postgres-')))
  const databaseDir = join(folder, 'data')
  await mkdir(folder, { recursive: true })
  // The user that PostgreSQL runs as has to get in.
  await chmod(folder, 0o755)
  const port = await findFreePort()
  const lines: string[] = []
  const service = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'rollcall',
    password: 'rollcall',
    // Else a stop removes the data.
    persistent: true,
    // Several files of tests, each with several servers, share it.
    // No socket of a file: its user may not write where that would be.
    postgresFlags: ['max_connections=400', 'unix_socket_directories=', ...settings].flatMap((one) => ['-c', one]),
    // PostgreSQL refuses to run as root: then it gets a user of its own.
    createPostgresUser: process.getuid?.() === 0,
    onLog: (line) => lines.push(String(line)),
    onError: (line) => lines.push(String(line)),
  })
  try {
    if (!existsSync(join(databaseDir, 'PG_VERSION'))) await service.initialise()
    // Of a standby it waits for words that a standby does not say.
    const isStandby = existsSync(join(databaseDir, 'standby.signal'))
    await Promise.race([service.start(), ...(isStandby ? [isAnswered(port)] : [])])
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${error}\n${lines.slice(-20).join('\n')}`)
  }
  // Whatever ends this process ends it too.
  const end = () => (service as unknown as { process?: ChildProcess }).process?.kill('SIGINT')
  process.once('exit', end)
  const url = `postgres://rollcall:rollcall@127.0.0.1:${port}/postgres`
  return {
    url,
    newDatabase: (name) => createDatabase(url, name),
    newStore: () => createDatabase(url),
    async restart() {
      await service.stop()
      await service.start()
    },
    async stop() {
      await service.stop()
      process.off('exit', end)
      if (kept === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

async function isAnswered(port: number): Promise<void> {
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'rollcall',
      password: 'rollcall',
      database: 'postgres',
    })
    try {
      await client.connect()
      return await client.end()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

type DatabaseOptions = {
  /** Without Citus where the service has it. */
  isPlain?: boolean
  /** The name of the database that it is a copy of. Default: it is empty. */
  template?: string | undefined
}

/** Makes a database in a service, where it is not there; gives its address. Where the service has Citus the database does too. */
export async function createDatabase(
  url: string,
  name = `test_${randomBytes(6).toString('hex')}`,
  { isPlain = false, template }: DatabaseOptions = {},
): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  const copied = template === undefined ? '' : ` template ${template}`
  if (rowCount === 0) await client.query(`create database ${name}${copied}`)
  const { rows: citus } = await client.query("select from pg_extension where extname = 'citus'")
  await client.end()
  const made = new URL(url)
  made.pathname = `/${name}`
  if (rowCount === 0 && citus.length > 0 && !isPlain) await spreadDatabase(url, made.href)
  return made.href
}

/** Citus has its machines in each database anew: those of the one, to the other. */
export async function spreadDatabase(from: string, to: string): Promise<void> {
  const ask = async (url: string, text: string, values: unknown[] = []) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  const nodes = await ask(from, 'select nodename as host, nodeport as port, groupid as "group" from pg_dist_node')
  await ask(to, 'create extension citus')
  for (const { host, port, group } of nodes) {
    if (group === 0) await ask(to, 'select citus_set_coordinator_host($1, $2)', [host, port])
  }
  for (const { host, port, group } of nodes) {
    if (group === 0) continue
    const [service, database] = [new URL(from), new URL(to)]
    for (const url of [service, database]) Object.assign(url, { hostname: host, port: String(port) })
    await ask(service.href, `create database ${database.pathname.slice(1)}`)
    await ask(database.href, 'create extension citus')
    await ask(to, 'select citus_add_node($1, $2)', [host, port])
  }
}
