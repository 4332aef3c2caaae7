import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Session, SessionFact, SessionPage } from '@rollcall/protocol'
import { signToken } from '../packages/server/src/api/auth/token.ts'
import type { Postgres } from '../packages/server/test/support/postgres.ts'
import { runProgram } from '../packages/server/test/support/run-program.ts'
import { compareWithModel, compareWithVisits, type SeenSession } from './compare.ts'
import { openLog } from './log.ts'
import { startPeople } from './people.ts'
import { createRandom } from './random.ts'
import { nameOf, type Sent, sendAll } from './senders.ts'
import { createServers, type Servers } from './server.ts'
import { openWebhooks } from './webhooks.ts'
import { createWorld, graceSeconds, type Told } from './world.ts'

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

export type Result = {
  rounds: number
  /** How often PostgreSQL was restarted. */
  restarts: number
  /** Facts that were acknowledged, among them those of hosted rooms. */
  facts: number
  sessions: number
  visits: number
  /** Calls that got no answer. */
  failed: number
  /** What was acknowledged and is not there. */
  lost: string[]
  doubled: string[]
  /** Sessions that the reference model, or whoever was in them, knows otherwise. */
  different: string[]
  /** Webhooks that were taken, those that came again among them. */
  webhooks: number
  /** Webhooks that never came, or came out of the order of their session. */
  untold: string[]
  /** What `rollcall verify` and `rollcall rebuild --dry-run` say, where that is not that all is well. */
  faults: string[]
}

const key = { apiKey: 'chaos', secret: 'a secret that nobody needs to keep' }
/** How long what is to be concluded at the end may take, in milliseconds. */
const settleMs = 30_000
/** Facts of a round that are told in the next. */
const delayedShare = 0.1
/** Rounds in which PostgreSQL is restarted. */
const restartedShare = 0.25

/** Kills servers again and again while they record a world, and looks in the end whether all of it is right. */
export async function runChaos(
  { rounds, seed, postgres, servers: count, signal }: ChaosOptions,
  say: (line: string) => void,
): Promise<Result> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-chaos-'))
  const service = postgres ? await startService() : undefined
  const databaseUrl = await service?.newDatabase()
  const env = {
    ROLLCALL_DATA: dataFolder,
    ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex'),
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    ROLLCALL_GRACE_SECONDS: String(graceSeconds),
    ROLLCALL_RATE_LIMIT: '0',
    ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  }
  const servers = createServers(count, env, createRandom(seed + 2))
  try {
    const where = { dataFolder, databaseUrl }
    const result = await play({ rounds, seed, signal, servers, service, where }, say)
    await Promise.all(servers.each.map((one) => one.stop()))
    for (const args of [['verify'], ['rebuild', '--dry-run']]) {
      const { code, stdout, stderr } = await runProgram('cli.js', env, args).ended
      if (code !== 0) result.faults.push(`rollcall ${args.join(' ')}: ${stdout}${stderr}`)
    }
    return result
  } finally {
    await Promise.all(servers.each.map((one) => one.kill()))
    await service?.stop()
    await rm(dataFolder, { recursive: true })
  }
}

/** Loaded where it is needed alone: what runs PostgreSQL ends the process at a SIGINT by itself. */
async function startService(): Promise<Postgres> {
  const { startOwnPostgres } = await import('../packages/server/test/support/postgres.ts')
  return startOwnPostgres()
}

type Play = Omit<ChaosOptions, 'postgres' | 'servers'> & {
  servers: Servers
  service: Postgres | undefined
  where: { dataFolder: string; databaseUrl: string | undefined }
}

async function play(
  { rounds, seed, signal, servers, service, where }: Play,
  say: (line: string) => void,
): Promise<Result> {
  const random = createRandom(seed)
  const world = createWorld(random)
  const sign = () => signToken(key, { roles: ['crawler', 'rtc'] }, { now: Date.now(), lifetimeMs: 3_600_000 })
  const sent: Sent = { answered: new Set(), calls: 0, failed: 0, forgotten: 0 }
  const log = openLog(where)
  const lost = new Set<string>()
  const told: SessionFact[] = []
  let delayed: Told[] = []

  await Promise.all(servers.each.map((one) => one.start()))
  const rooms = await Promise.all([makeRoom(servers, sign), makeRoom(servers, sign)])
  const webhooks = await openWebhooks((...of) => call(servers, sign, ...of), createRandom(seed + 1))
  const people = startPeople(rooms, { servers, seed, sign })
  let played = 0
  let restarts = 0
  while (played < rounds && signal?.aborted !== true) {
    const round = played + 1
    const news = world.nextRound()
    told.push(...news.flatMap(({ facts }) => facts))
    const late = delayed
    delayed = news.filter(({ inOrder }) => !inOrder).map((one) => holdBack(one))
    const before = { calls: sent.calls, failed: sent.failed, facts: sent.answered.size, visits: people.visits.length }

    const killAfter = 1 + random.below(30)
    const reached = Promise.withResolvers<void>()
    let answers = 0
    const answered = () => {
      answers += 1
      if (answers === killAfter) reached.resolve()
    }
    const parts = { servers, random: createRandom(seed + 7919 * round), sent, sign, answered }
    const sending = Promise.all([...news, ...late].map((one) => sendAll(one, parts)))
    // What goes wrong is thrown where it is awaited, after the kill.
    sending.catch(() => reached.resolve())
    await Promise.race([reached.promise, sending])
    await new Promise((resolve) => setTimeout(resolve, random.below(20)))
    if (random.chance(0.2)) await webhooks.restart()
    const restarted = service !== undefined && random.chance(restartedShare)
    if (restarted) await service.restart()
    restarts += restarted ? 1 : 0
    const victim = random.pick(servers.each)
    await victim.kill()
    const acknowledged = [...sent.answered]
    await victim.start()
    await log.read()
    for (const name of acknowledged) if (!log.names.has(name)) lost.add(`${name} was answered before round ${round}`)
    await sending
    played = round
    say(
      `round ${round}: killed after ${answers < killAfter ? 'all' : killAfter} answers${restarted ? ' and a restart of PostgreSQL' : ''}; ${sent.answered.size - before.facts} facts in ${
        sent.calls - before.calls
      } calls, ${sent.failed - before.failed} without an answer; ${people.visits.length - before.visits} visits; lost ${lost.size}, doubled ${log.doubled}`,
    )
  }
  await people.stop()
  const parts = { servers, random, sent, sign, answered: () => {} }
  await Promise.all(delayed.map((one) => sendAll(one, parts)))

  // Whatever is to be concluded takes its time.
  const deadline = performance.now() + settleMs
  for (;;) {
    const seen = await listSeen(servers, sign)
    const wrongs = compareWithVisits(people.visits, seen)
    wrongs.different.push(...compareWithModel(told, graceSeconds * 1000, seen))
    const isSettled =
      wrongs.different.length === 0 && seen.every((one) => !rooms.includes(one.room) || one.end !== null)
    if (!isSettled && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 500))
      continue
    }
    const { webhooks: taken, missing, disordered } = await webhooks.settle(await log.listChanges())
    await webhooks.stop()
    await log.read()
    for (const fact of told) if (!log.names.has(nameOf(fact))) lost.add(`${nameOf(fact)} is not in the log`)
    if (sent.forgotten > 0) lost.add(`${sent.forgotten} facts were new to the server after they had been answered`)
    const doubled = log.doubled > 0 ? [`${log.doubled} facts are in the log twice`] : []
    return {
      rounds: played,
      restarts,
      facts: log.names.size,
      sessions: seen.length,
      visits: people.visits.length,
      failed: sent.failed,
      lost: [...lost, ...wrongs.lost],
      doubled: [...doubled, ...wrongs.doubled],
      different: wrongs.different,
      webhooks: taken,
      untold: [...missing, ...disordered],
      faults: [],
    }
  }

  /** Takes some out of a round, to be told in the next. */
  function holdBack(one: Told): Told {
    const late = one.facts.filter(() => random.chance(delayedShare))
    one.facts = one.facts.filter((fact) => !late.includes(fact))
    return { ...one, facts: late }
  }
}

async function makeRoom(servers: Servers, sign: () => Promise<string>): Promise<string> {
  return (await call<{ roomId: string }>(servers, sign, 'POST', '/v2/rooms')).roomId
}

async function listSeen(servers: Servers, sign: () => Promise<string>): Promise<SeenSession[]> {
  const sessions: Session[] = []
  for (let page = 1; ; page++) {
    const { data } = await call<SessionPage>(servers, sign, 'GET', `/v2/sessions?page=${page}&perPage=200`)
    if (data.length === 0) break
    sessions.push(...data)
  }
  return sessions.map(({ id, customRoomId, roomId, start, end, participants }) => ({
    id,
    room: customRoomId ?? roomId,
    start: Date.parse(start),
    end: end === null ? null : Date.parse(end),
    people: participants.map(({ participantId, name, timelog }) => ({
      id: participantId,
      name,
      timelog: timelog.map((entry) => ({
        ...entry,
        start: Date.parse(entry.start),
        end: entry.end === null ? null : Date.parse(entry.end),
      })),
    })),
  }))
}

async function call<Body>(
  servers: Servers,
  sign: () => Promise<string>,
  method: string,
  path: string,
  body?: object,
): Promise<Body> {
  const { url } = await servers.whenUp()
  const headers = { authorization: await sign(), ...(body !== undefined && { 'content-type': 'application/json' }) }
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Body
}
