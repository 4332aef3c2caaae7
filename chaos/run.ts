import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Postgres } from '../packages/server/test/support/postgres.ts'
import { runProgram } from '../packages/server/test/support/run-program.ts'
import { createKills } from './harm.ts'
import { type Played, play } from './play.ts'
import { createRandom } from './random.ts'
import { createServers } from './server.ts'
import { graceSeconds } from './world.ts'

export type ChaosOptions = {
  rounds: number
  seed: number
  /** On PostgreSQL, which restarts in the middle of some rounds; else on SQLite. */
  postgres: boolean
  /** How many before one database. */
  servers: number
  /** Ends it after the round under way. */
  signal?: AbortSignal | undefined
}

export type Result = Played & {
  /** How often PostgreSQL was restarted. */
  restarts: number
  /** What `rollcall verify` and `rollcall rebuild --dry-run` say, where that is not that all is well. */
  faults: string[]
}

export const key = { apiKey: 'chaos', secret: 'a secret that nobody needs to keep' }

/** The settings of servers that record one world. */
export function settingsOf({ dataFolder, databaseUrl }: { dataFolder: string; databaseUrl: string | undefined }) {
  return {
    ROLLCALL_DATA: dataFolder,
    ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex'),
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    ROLLCALL_GRACE_SECONDS: String(graceSeconds),
    ROLLCALL_RATE_LIMIT: '0',
    ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  }
}

/** Kills servers again and again while they record a world, and looks in the end whether all of it is right. */
export async function runChaos(
  { rounds, seed, postgres, servers: count, signal }: ChaosOptions,
  say: (line: string) => void,
): Promise<Result> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-chaos-'))
  const service = postgres ? await startService() : undefined
  const databaseUrl = await service?.newDatabase()
  const env = settingsOf({ dataFolder, databaseUrl })
  const servers = createServers(count, env, createRandom(seed + 2))
  try {
    const where = { dataFolder, databaseUrl }
    const kills = createKills(servers, service, createRandom(seed + 3))
    const played = await play({ rounds, seed, signal, key, servers, harm: kills, where }, say)
    await Promise.all(servers.each.map((one) => one.stop()))
    return { ...played, restarts: kills.restarts(), faults: await findFaults(env) }
  } finally {
    await Promise.all(servers.each.map((one) => one.kill()))
    await service?.stop()
    await rm(dataFolder, { recursive: true })
  }
}

/** What the commands say that look at a whole record, where that is not that all is well. */
export async function findFaults(env: { [name: string]: string }): Promise<string[]> {
  const faults: string[] = []
  for (const args of [['verify'], ['rebuild', '--dry-run']]) {
    const { code, stdout, stderr } = await runProgram('cli.js', env, args).ended
    if (code !== 0) faults.push(`rollcall ${args.join(' ')}: ${stdout}${stderr}`)
  }
  return faults
}

/** Loaded where it is needed alone: what runs PostgreSQL ends the process at a SIGINT by itself. */
async function startService(): Promise<Postgres> {
  const { startOwnPostgres } = await import('../packages/server/test/support/postgres.ts')
  return startOwnPostgres()
}
