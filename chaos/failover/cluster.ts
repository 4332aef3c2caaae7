import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { findFreePort } from '../../packages/server/test/support/ports.ts'
import {
  createNode,
  dropNetwork,
  login,
  makeNetwork,
  type Node,
  packages,
  programs,
  startEtcd,
  startProxy,
} from './nodes.ts'

/** Three PostgreSQL under Patroni, before them HAProxy. */
export type PostgresCluster = {
  /** A database by way of HAProxy. */
  databaseUrl: string
  nodes: Node[]
  /** Who is the primary, as soon as one is that is none of these. */
  primary(other?: Node): Promise<Node>
  /** Resolves when all three are there again, and one of the others is waited for by each commit. */
  whole(): Promise<void>
  stop(): Promise<void>
}

const askMs = 50
/** How long anything here may take, in milliseconds. */
const maxMs = 120_000

export async function startCluster(): Promise<PostgresCluster> {
  requirePrograms()
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-failover-'))
  execFileSync('chown', ['postgres:', folder])
  makeNetwork()
  const others: ChildProcess[] = [startEtcd(folder)]
  const nodes = ['one', 'two', 'three'].map((name, i) => createNode(folder, name, i + 1))
  const port = await findFreePort()
  const cluster: PostgresCluster = {
    databaseUrl: `postgres://${login.user}:${login.password}@127.0.0.1:${port}/rollcall`,
    nodes,
    primary: (other) =>
      untilFound('a primary', async () => {
        const found = await Promise.all(nodes.map(async (node) => (await node.ask('/primary'))?.status === 200))
        return nodes.find((node, i) => found[i] && node !== other)
      }),
    whole: () =>
      untilFound('three of which one is waited for', async () => (await isWhole(nodes)) || undefined).then(() => {}),
    async stop() {
      for (const node of nodes) await node.kill().catch(() => {})
      for (const child of others) child.kill('SIGKILL')
      dropNetwork()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  try {
    for (const node of nodes) node.start()
    others.push(startProxy(folder, port, nodes))
    const { address } = await cluster.primary()
    await cluster.whole()
    const client = new pg.Client({ ...login, host: address, database: 'postgres' })
    await client.connect()
    await client.query('create database rollcall')
    await client.end()
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

async function isWhole(nodes: Node[]): Promise<boolean> {
  type Member = { name: string; role: string; state: string; lag?: number }
  const answers = await Promise.all(nodes.map((node) => node.ask('/cluster')))
  const members = (answers[0]?.body as { members?: Member[] } | undefined)?.members ?? []
  return (
    answers.every((one) => one !== undefined) &&
    members.length === nodes.length &&
    members.every(({ state }) => state === 'running' || state === 'streaming') &&
    members.filter(({ role }) => role === 'leader').length === 1 &&
    members.some(({ role }) => role === 'sync_standby')
  )
}

async function untilFound<T>(what: string, find: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + maxMs
  for (;;) {
    const found = await find()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${maxMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, askMs))
  }
}

function requirePrograms(): void {
  if (process.getuid?.() !== 0) throw new Error('--failover makes network namespaces, which root may')
  for (const program of programs) {
    try {
      execFileSync('which', [program], { stdio: 'pipe' })
    } catch {
      throw new Error(`--failover needs ${program}: apt-get install --no-install-recommends ${packages}`)
    }
  }
}
