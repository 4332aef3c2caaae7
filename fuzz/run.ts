import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startReceiver } from '../packages/server/test/support/clients/webhook-receiver.ts'
import { type Described, describeServer } from '../packages/server/test/support/documents/openapi-check.ts'
import { type Program, runProgram } from '../packages/server/test/support/run-program.ts'
import { sendBytes } from './bytes.ts'
import { checkAnswer } from './check.ts'
import { randomOf } from './random.ts'
import { listRoutes, makeRequest, type Route } from './requests.ts'
import { pickWay, sendRequest, toCurl } from './send.ts'
import { talk } from './sockets.ts'
import { learn, makeWorld, type World } from './world.ts'

export type FuzzOptions = {
  seed: number
  requests: number
  /** Sockets of hosted rooms. */
  sockets: number
  /** Connections of bytes that are no HTTP, or not for long. */
  connections: number
  /** The one request of that number, in place of all others. */
  only?: number | undefined
  /** Where the record is; default: in a file. */
  databaseUrl?: string | undefined
  /** Ends it after what is under way. */
  signal?: AbortSignal
}

export type Result = {
  answered: number
  byStatus: Map<number, number>
  /** What the server took otherwise than it has to, each with what it was sent. */
  wrongs: string[]
  /** What the server's log calls an error, how it ended, and what `rollcall verify` and `rebuild --dry-run` say of what is left. */
  faults: string[]
}

/** Everything has to be answered, or closed, within this, in milliseconds. */
const limitMs = 30_000
/** What is under way at once. */
const together = 16
/** Looking on for more of them tells little. */
const wrongsMax = 10

/** Starts a server with something in it, says random things at all its doors, and tells how it took them. */
export async function runFuzz(options: FuzzOptions, progress: (done: number, all: number) => void): Promise<Result> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-fuzz-'))
  const key = { apiKey: 'fuzz', secret: 'a secret that nobody needs to keep' }
  const env = {
    PORT: '0',
    LOG_LEVEL: 'error',
    ROLLCALL_DATA: dataFolder,
    ...(options.databaseUrl !== undefined && { DATABASE_URL: options.databaseUrl }),
    ROLLCALL_MASTER_KEY: randomBytes(32).toString('hex'),
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    ROLLCALL_RATE_LIMIT: '0',
    ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on',
  }
  const receiver = await startReceiver()
  const program = runProgram('main.js', env)
  try {
    const [, url = ''] = /running at (\S+)/.exec(await program.says('stdout', /running at \S+\n/)) ?? []
    const world = await makeWorld(url, key, receiver.url)
    const result = await play(options, world, await describeServer(url), progress)
    result.faults.push(...(await findFaults(program, world, env)))
    return result
  } finally {
    program.child.kill('SIGKILL')
    await program.ended
    await receiver.stop()
    await rm(dataFolder, { recursive: true })
  }
}

async function play(
  { seed, requests, sockets, connections, only, signal }: FuzzOptions,
  world: World,
  described: Described,
  progress: (done: number, all: number) => void,
): Promise<Result> {
  const result: Result = { answered: 0, byStatus: new Map(), wrongs: [], faults: [] }
  const agent = new Agent({ keepAlive: true, maxSockets: together })
  const sender = { url: world.url, agent, limitMs }
  const routes = listRoutes(described.document)
  const parts = { seed, sender, routes, world, described, result }
  if (only !== undefined) await sendOne(parts, only)
  else {
    await doAll(requests, (n) => sendOne(parts, n))
    await doAll(sockets, (n) => noteWrong(`socket ${n}`, () => talk(world, randomOf(seed + 1, n), limitMs)))
    await doAll(connections, (n) =>
      noteWrong(`connection ${n}`, () => sendBytes(world, described, randomOf(seed + 2, n), limitMs)),
    )
  }
  agent.destroy()
  return result

  async function doAll(count: number, work: (n: number) => Promise<void>): Promise<void> {
    let next = 0
    const isOver = () => next >= count || result.wrongs.length >= wrongsMax || signal?.aborted === true
    const workers = Array.from({ length: together }, async () => {
      while (!isOver()) {
        await work(next++)
        progress(next, count)
      }
    })
    await Promise.all(workers)
  }

  async function noteWrong(what: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: Error) => result.wrongs.push(`${what}: ${error.message}`))
  }
}

type Parts = {
  seed: number
  sender: { url: string; agent: Agent; limitMs: number }
  routes: Route[]
  world: World
  described: Described
  result: Result
}

async function sendOne({ seed, sender, routes, world, described, result }: Parts, n: number): Promise<void> {
  const random = randomOf(seed, n)
  const request = makeRequest(random, routes, world)
  const way = pickWay(random, request)
  try {
    const answer = await sendRequest(sender, way, random, request)
    const { status, body } = answer
    result.answered += 1
    result.byStatus.set(status, (result.byStatus.get(status) ?? 0) + 1)
    checkAnswer(described, request, answer)
    learn(world, request.path, body)
  } catch (error) {
    const { message, cause } = error as Error
    const why = [message, cause instanceof Error && cause.message].filter(Boolean).join(': ')
    result.wrongs.push(`request ${n}, by ${way}: ${why}\n  ${toCurl(sender.url, request)}`)
  }
}

/** Whether the server still does what it is there for, ends in good order, and leaves a record that holds together. */
async function findFaults(program: Program, world: World, env: { [name: string]: string }): Promise<string[]> {
  const faults: string[] = []
  try {
    const ask = async (path: string, options: RequestInit = {}) => {
      const headers = { authorization: world.tokens.good }
      const signal = AbortSignal.timeout(limitMs)
      const { status } = await fetch(world.url + path, { headers, signal, ...options })
      if (status !== 200) faults.push(`${path} is answered ${status} afterwards`)
    }
    await ask('/readyz')
    await ask('/v2/rooms', { method: 'POST' })
    await ask('/v2/sessions?perPage=1000')
  } catch (error) {
    faults.push(`afterwards the server does not answer: ${(error as Error).message}`)
  }
  program.child.kill('SIGTERM')
  const { code, signal, stderr } = await program.ended
  if (code !== 0) faults.push(`the server ended with ${signal ?? `code ${code}`}`)
  if (stderr !== '') faults.push(`logged: ${stderr.slice(0, 5000)}`)
  for (const args of [['verify'], ['rebuild', '--dry-run']]) {
    const { code, stdout, stderr } = await runProgram('cli.js', env, args).ended
    if (code !== 0) faults.push(`rollcall ${args.join(' ')}: ${stdout}${stderr}`)
  }
  return faults
}
