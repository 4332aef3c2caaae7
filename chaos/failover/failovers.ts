import { randomUUID } from 'node:crypto'
import type { Harm } from '../harm.ts'
import type { Server, Servers } from '../server.ts'
import type { PostgresCluster } from './cluster.ts'
import type { Node } from './nodes.ts'

/** How the primary is lost, in turn. */
const ways = ['killed', 'cut off', 'switched over'] as const

/** How long after there was a new primary each server served again, in milliseconds, and after the old one was lost there was one. */
export type Failover = { way: (typeof ways)[number]; primaryMs: number; servedMs: number[] }

const probeTimeoutMs = 40_000

/** Takes the primary away, in one way after another. */
export function createFailovers(cluster: PostgresCluster, servers: Servers, sign: () => Promise<string>) {
  const failovers: Failover[] = []
  let lost: Node | undefined
  let at = 0
  return {
    async strike() {
      const way = ways[failovers.length % ways.length] ?? 'killed'
      lost = await cluster.primary()
      at = performance.now()
      if (way === 'killed') await lost.kill()
      if (way === 'cut off') lost.cut()
      // It is answered when it is done: what is of interest comes before.
      if (way === 'switched over') lost.switchOver().catch(() => {})
      failovers.push({ way, primaryMs: 0, servedMs: [] })
      return `the primary ${lost.name} was ${way}`
    },
    async mend() {
      const failover = failovers.at(-1)
      if (failover === undefined || lost === undefined) return
      await cluster.primary(lost)
      const since = performance.now()
      failover.primaryMs = since - at
      failover.servedMs = await Promise.all(servers.each.map(async (one) => (await serves(one, sign)) - since))
      if (failover.way === 'killed') lost.start()
      if (failover.way === 'cut off') lost.join()
      await cluster.whole()
    },
    failovers,
  } satisfies Harm & { failovers: Failover[] }
}

/** When a server has recorded a fact and shows its sessions, by the monotonic clock. */
async function serves(server: Server, sign: () => Promise<string>): Promise<number> {
  const { url } = await server.whenUp()
  const headers = { authorization: await sign(), 'content-type': 'application/json' }
  const participantId = randomUUID()
  const event = {
    id: participantId,
    type: 'participant-joined',
    at: Date.now(),
    roomId: 'probe',
    sessionKey: 'probe',
    participantId,
  }
  const ask = async (path: string, init: RequestInit) => {
    const signal = AbortSignal.timeout(probeTimeoutMs)
    return (await fetch(`${url}${path}`, { headers, signal, ...init })).ok
  }
  for (;;) {
    const isRecorded = await ask('/v2/events', {
      method: 'POST',
      body: JSON.stringify({ source: 'probe', events: [event] }),
    })
    if (isRecorded && (await ask('/v2/sessions?perPage=1', {})) && (await ask('/readyz', {}))) return performance.now()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
