import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { signToken } from '../packages/server/src/api/auth/token.ts'
import { runProgram } from '../packages/server/test/support/run-program.ts'
import { attacks } from './loads.ts'
import { watchMemory } from './memory.ts'
import type { Attack, Target } from './target.ts'
import { doUsualWork } from './usual-work.ts'

// Each attack against a server of its own, as `npm start` runs it with its own limits: how much memory it takes beside what it has
// when it did some usual work and rests, and how long /livez takes meanwhile. `npm run attacks`, or the names of some: `npm run attacks -- gzip`

const memoryMax = 1.5
const livezMaxMs = 50
const key = { apiKey: 'attacked', secret: 'a secret of thirty-two characters and more' }

const chosen = process.argv.slice(2)
for (const name of chosen) if (!(name in attacks)) throw new Error(`${name} is no attack: ${Object.keys(attacks)}`)
process.stdout.write(
  '| attack | memory, idle | at most | ratio | /livez at most, idle | under attack | half of them | longest turn of the server | longest delay of its loop | what came of it |\n',
)
process.stdout.write(`${'| --- '.repeat(10)}|\n`)
for (const [name, attack] of Object.entries(attacks)) {
  if (chosen.length === 0 || chosen.includes(name)) await measure(attack)
}

async function measure({ what, env, prepare, run }: Attack): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-attack-'))
  const { program, target } = await start(dataFolder, env)
  const prober = new Worker(new URL('./livez.ts', import.meta.url), { workerData: target.url })
  try {
    await doUsualWork(target)
    await prepare?.(target)
    // What that left, and what the first requests make, is no part of it.
    await delay(3000)
    const memory = watchMemory(program.child.pid ?? 0)
    const before = await probe(prober, () => delay(3000))
    const idle = memory.latest()
    let outcome = ''
    await readTurns(target)
    const { maxMs, medianMs } = await probe(prober, async () => {
      outcome = await run(target)
    })
    await delay(500)
    const most = memory.stop()
    const { turnMs, delayMs } = await readTurns(target)
    const ratio = most / idle
    if (ratio > memoryMax || maxMs > livezMaxMs) process.exitCode = 1
    const mb = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`
    const ms = (value: number) => `${value.toFixed(1)} ms`
    const numbers = [
      mb(idle),
      mb(most),
      ratio.toFixed(2),
      ms(before.maxMs),
      ms(maxMs),
      ms(medianMs),
      ms(turnMs),
      ms(delayMs),
    ]
    process.stdout.write(`| ${[what, ...numbers, outcome].join(' | ')} |\n`)
  } finally {
    await prober.terminate()
    program.child.kill('SIGKILL')
    await program.ended
    await rm(dataFolder, { recursive: true, force: true })
  }
}

type Probed = { maxMs: number; medianMs: number }

/** How long /livez took while something went on. */
async function probe(prober: Worker, work: () => Promise<void>): Promise<Probed> {
  prober.postMessage('begin')
  await work()
  return new Promise((resolve) => {
    prober.once('message', resolve)
    prober.postMessage('end')
  })
}

/**
 * Of the server's own loop, since this was called last: the most processor time that one turn took, and the longest that a turn
 * was late. The first is the server's doing; the second is also of what else runs on the machine, as what /livez takes is.
 */
async function readTurns({ url }: Target): Promise<{ turnMs: number; delayMs: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN) * 1000
  return { turnMs: read('rollcall_event_loop_turn_max_seconds'), delayMs: read('nodejs_eventloop_lag_max_seconds') }
}

async function start(
  dataFolder: string,
  env: Attack['env'],
): Promise<{ program: ReturnType<typeof runProgram>; target: Target }> {
  const program = runProgram('main.js', {
    PORT: '0',
    ROLLCALL_DATA: dataFolder,
    ROLLCALL_API_KEY: key.apiKey,
    ROLLCALL_SECRET: key.secret,
    LOG_LEVEL: 'error',
    ...env,
  })
  const [, url = ''] = /running at (\S+)/.exec(await program.says('stdout', /running at \S+/)) ?? []
  const token = (claims = {}) =>
    signToken(key, { roles: ['crawler', 'rtc'], ...claims }, { now: Date.now(), lifetimeMs: 3_600_000 })
  return { program, target: { url, token } }
}
