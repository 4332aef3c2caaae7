import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Asked, driveAll } from '../../bench/drive.ts'
import { type ForkedServer, forkServer } from '../../bench/fork-server.ts'
import { eventPosts } from '../../bench/record.ts'
import { type Figure, median } from '../../bench/report.ts'
import { signToken } from '../../packages/server/src/api/auth/token.ts'
import { createDatabase } from '../../packages/server/test/support/postgres.ts'
import { runProgram } from '../../packages/server/test/support/run-program.ts'
import { findFaults, settingsOf } from '../run.ts'
import { findPrograms, lack, type Services, startServices } from './nodes.ts'

const keyCount = 8
const factsPerPost = 100
const factsOfAll = 16_000
/** Callers at once, of all keys together. */
const callers = 16
const pageCount = 400

export type CitusOptions = { rounds: number; minutes: number; signal?: AbortSignal | undefined }
export type CitusResult = { figures: Figure[]; deadlocks: number; facts: number; faults: string[] }

/** Records on Citus and beside it on one PostgreSQL, in turn; undefined, and says why, where there is no Citus. */
export async function runCitus(
  { rounds, minutes, signal }: CitusOptions,
  say: (line: string) => void,
): Promise<CitusResult | undefined> {
  const programs = findPrograms()
  if (programs === undefined) {
    say(lack)
    return undefined
  }
  const services = await startServices(programs)
  try {
    const figures = await measure(services, rounds, say)
    const long = await recordForLong(services, { minutes, signal }, say)
    return { figures, ...long, deadlocks: services.countDeadlocks() }
  } finally {
    await services.stop()
  }
}

/** Facts and pages a second, in each round once of each. */
async function measure(services: Services, rounds: number, say: (line: string) => void): Promise<Figure[]> {
  const found = { plain: [], plainTwo: [], citus: [], citusTwo: [] } as { [name: string]: Measured[] }
  for (let round = 1; round <= rounds; round++) {
    for (const [name, service, servers] of [
      ['plain', services.plain, 1],
      ['citus', services.citus, 1],
      ['citusTwo', services.citus, 2],
      ['plainTwo', services.plain, 2],
    ] as const) {
      const one = await measureOnce(service, servers)
      found[name]?.push(one)
      say(`round ${round}, ${name}: ${Math.round(one.facts)} facts/s, ${Math.round(one.pages)} pages/s`)
    }
  }
  const middle = (name: string, of: keyof Measured) => median((found[name] ?? []).map((one) => one[of]))
  const beside = (what: string, name: string, of: keyof Measured) => ({ what, value: middle(name, of) })
  return [
    {
      what: 'facts recorded, one server, eight keys, on Citus',
      value: middle('citus', 'facts'),
      beside: beside('on one PostgreSQL', 'plain', 'facts'),
      target: '≥ 0.8',
    },
    {
      what: 'the same, two servers on Citus',
      value: middle('citusTwo', 'facts'),
      beside: beside('one server on Citus', 'citus', 'facts'),
      target: '≥ 1.5',
    },
    {
      what: 'the same, two servers on one PostgreSQL',
      value: middle('plainTwo', 'facts'),
      beside: beside('one server there', 'plain', 'facts'),
    },
    {
      what: 'pages of 20, none kept, one server on Citus',
      value: middle('citus', 'pages'),
      beside: beside('on one PostgreSQL', 'plain', 'pages'),
      target: '≥ 0.77',
    },
  ]
}

type Measured = { facts: number; pages: number }

async function measureOnce(service: string, servers: number): Promise<Measured> {
  return withServers(service, servers, async ({ all }) => {
    const posts = postsOf(all, factsOfAll)
    // The first quarter comes before the clock starts: what is measured are servers in use.
    await driveEach(posts.map((ofServer) => ofServer.slice(0, ofServer.length / 4)))
    const measured = posts.map((ofServer) => ofServer.slice(ofServer.length / 4))
    const facts = await driveEach(measured)
    return { facts: facts * factsPerPost, pages: await driveEach(all.map(pagesOf)) }
  })
}

/** Two servers record for all keys for as long as was said; then the record is looked at whole. */
async function recordForLong(
  services: Services,
  { minutes, signal }: { minutes: number; signal?: AbortSignal | undefined },
  say: (line: string) => void,
): Promise<{ facts: number; faults: string[] }> {
  return withServers(services.citus, 2, async ({ all, env, stop }) => {
    const until = performance.now() + minutes * 60_000
    let facts = 0
    for (let n = 0; performance.now() < until && signal?.aborted !== true; n++) {
      // What was told before is told of other rooms.
      const renamed = (body = '') => body.replaceAll('"roomId":"', `$&${n}-`).replaceAll('"id":"', `$&${n}-`)
      const told = postsOf(all, factsOfAll).map((ofServer) =>
        ofServer.map((post) => ({ ...post, body: renamed(post.body) })),
      )
      await driveEach(told)
      facts += told.flat().length * factsPerPost
      say(`${facts} facts of ${keyCount} keys by two servers, ${services.countDeadlocks()} deadlocks`)
    }
    await stop()
    return { facts, faults: await findFaults(env) }
  })
}

/** A server, with the tokens of the keys that it is asked with. */
type Asking = { server: ForkedServer; tokens: string[] }

/** Servers before a fresh database, and keys that are shared out to them. */
async function withServers<T>(
  service: string,
  count: number,
  work: (of: { all: Asking[]; env: { [name: string]: string }; stop(): Promise<void> }) => Promise<T>,
): Promise<T> {
  const databaseUrl = await createDatabase(service)
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-citus-servers-'))
  const env = settingsOf({ dataFolder, databaseUrl })
  const servers: ForkedServer[] = []
  const stop = async () => {
    for (const server of servers.splice(0)) await server.stop()
  }
  try {
    for (let i = 0; i < count; i++) servers.push(await forkServer(dataFolder, { ...process.env, ...env }))
    const all = servers.map((server) => ({ server, tokens: [] as string[] }))
    for (let i = 0; i < keyCount; i++) all[i % count]?.tokens.push(await addKey(env, `key ${i}`))
    return await work({ all, env, stop })
  } finally {
    await stop()
    await rm(dataFolder, { recursive: true, force: true })
  }
}

async function addKey(env: { [name: string]: string }, name: string): Promise<string> {
  const { stdout, stderr } = await runProgram('cli.js', env, ['keys', 'add', '--name', name]).ended
  const [, apiKey = ''] = /API key\s+(\S+)/.exec(stdout) ?? []
  const [, secret = ''] = /Secret\s+(\S+)/.exec(stdout) ?? []
  if (secret === '') throw new Error(`no key was added: ${stderr}`)
  return signToken({ apiKey, secret }, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 36_000_000 })
}

/** The facts of each server's keys, which take turns. */
function postsOf(all: Asking[], facts: number): Asked[][] {
  return all.map(({ server, tokens }) => {
    const ofKeys = tokens.map((token) => eventPosts({ ...server, token }, facts / keyCount, factsPerPost))
    return (ofKeys[0] ?? []).flatMap((_, i) => ofKeys.flatMap((posts) => posts[i] ?? []))
  })
}

function pagesOf({ server, tokens }: Asking): Asked[] {
  return Array.from({ length: pageCount }, (_, i) => ({
    url: `${server.url}/v2/sessions?perPage=20&minDuration=${i}`,
    headers: { authorization: tokens[i % tokens.length] ?? '' },
  }))
}

/** Requests a second of all servers together. */
async function driveEach(ofServers: Asked[][]): Promise<number> {
  const driven = await Promise.all(ofServers.map((asked) => driveAll(asked, callers / ofServers.length)))
  return driven.reduce((sum, { rate }) => sum + rate, 0)
}
