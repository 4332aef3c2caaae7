import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { type Postgres, startOwnPostgres } from './postgres.ts'

/** A PostgreSQL service of a test's own, and a replica of it that streams from it. */
export type Replicated = {
  primary: Postgres
  replica: {
    /** The address of the same database there. */
    toReplica(databaseUrl: string): string
    /** From here on it gets what is written, and does not show it, until `resume`. */
    pause(): Promise<void>
    resume(): Promise<void>
    stop(): Promise<void>
    /** Starts it again where it stopped, with its data. */
    start(): Promise<void>
  }
  stop(): Promise<void>
}

export async function startReplicated(): Promise<Replicated> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-replicated-'))
  await chmod(folder, 0o755)
  const [ofPrimary, ofReplica] = [join(folder, 'primary'), join(folder, 'replica')]
  await (await startOwnPostgres(ofPrimary)).stop()
  // With its owner and modes, which PostgreSQL insists on.
  await promisify(execFile)('cp', ['-a', ofPrimary, ofReplica])
  await writeFile(join(ofReplica, 'data', 'standby.signal'), '')
  const primary = await startOwnPostgres(ofPrimary)
  const { hostname, port, username, password } = new URL(primary.url)
  const from = `primary_conninfo=host=${hostname} port=${port} user=${username} password=${password}`
  const startStandby = () => startOwnPostgres(ofReplica, [from, 'wal_retrieve_retry_interval=100ms'])
  let standby: Postgres | undefined = await startStandby()
  const ask = async (text: string) => {
    const client = new pg.Client({ connectionString: standby?.url })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  const stopStandby = async () => {
    await standby?.stop()
    standby = undefined
  }
  return {
    primary,
    replica: {
      toReplica(databaseUrl) {
        const url = new URL(standby?.url ?? '')
        url.pathname = new URL(databaseUrl).pathname
        return url.href
      },
      pause: () => ask('select pg_wal_replay_pause()'),
      resume: () => ask('select pg_wal_replay_resume()'),
      stop: stopStandby,
      async start() {
        standby = await startStandby()
      },
    },
    async stop() {
      await stopStandby()
      await primary.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
