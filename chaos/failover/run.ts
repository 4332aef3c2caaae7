import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signToken } from '../../packages/server/src/api/auth/token.ts'
import { type Played, play } from '../play.ts'
import { createRandom } from '../random.ts'
import { findFaults, key, settingsOf } from '../run.ts'
import { createServers } from '../server.ts'
import { startCluster } from './cluster.ts'
import { countHandovers, findDoubledDuties } from './duties.ts'
import { createFailovers, type Failover } from './failovers.ts'

export type FailoverResult = Played & {
  failovers: Failover[]
  /** Duties that two servers had at one time, in words. */
  doubledDuties: string[]
  /** How often webhooks were another server's from then on. */
  handovers: number
  faults: string[]
}

const serverCount = 2

/** Has two servers record a world on PostgreSQL, whose primary is lost in each round. */
export async function runFailovers(
  { rounds, seed, signal }: { rounds: number; seed: number; signal?: AbortSignal | undefined },
  say: (line: string) => void,
): Promise<FailoverResult> {
  const cluster = await startCluster()
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-chaos-'))
  const { databaseUrl } = cluster
  // They say which duties they have, and for how long.
  const env = { ...settingsOf({ dataFolder, databaseUrl }), LOG_LEVEL: 'trace' }
  const servers = createServers(serverCount, env, createRandom(seed + 2))
  const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  const { failovers, ...harm } = createFailovers(cluster, servers, sign)
  const sayTimes = (line: string) => {
    const last = failovers.at(-1)
    const served = last?.servedMs.map((ms) => `${seconds(ms)} s`).join(' and ')
    say(`${line}; a new primary after ${seconds(last?.primaryMs ?? 0)} s, served again ${served} after that`)
  }
  try {
    const played = await play(
      { rounds, seed, signal, key, servers, harm, where: { dataFolder, databaseUrl } },
      sayTimes,
    )
    await Promise.all(servers.each.map((one) => one.stop()))
    const logs = servers.each.map((one) => one.logs)
    const duties = { doubledDuties: findDoubledDuties(logs), handovers: countHandovers(logs) }
    return { ...played, failovers, ...duties, faults: await findFaults(env) }
  } finally {
    await Promise.all(servers.each.map((one) => one.kill()))
    await cluster.stop()
    await rm(dataFolder, { recursive: true })
  }
}

export function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
