import { parseArgs } from 'node:util'
import { printFigures } from '../bench/report.ts'
import { runCitus } from './citus/run.ts'
import { runFailovers, seconds } from './failover/run.ts'
import { type ChaosOptions, runChaos } from './run.ts'

const shownMax = 20

try {
  const options = readOptions(process.argv.slice(2))
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const { signal } = interrupted
  const say = (line: string) => process.stdout.write(`${line}\n`)
  if (options.citus) await distributed({ ...options, signal }, say)
  else await harm(options, signal, say)
} catch (error) {
  process.stderr.write(`chaos: ${(error as Error).stack}\n`)
  // Whatever was under way in the middle of it would keep this process, and the programs that it started, for ever.
  process.exit(1)
}

async function harm(options: Options, signal: AbortSignal, say: (line: string) => void): Promise<void> {
  const startedAt = performance.now()
  const { result, told } = options.failover
    ? await failOver({ ...options, signal }, say)
    : await kill({ ...options, signal }, say)
  const { facts, sessions, visits, failed, lost, doubled, different, webhooks, untold, faults } = result
  for (const wrong of [lost, doubled, different, untold, faults]) for (const text of wrong.slice(0, shownMax)) say(text)
  say(
    `${told} in ${Math.round((performance.now() - startedAt) / 1000)} s, seed ${options.seed}: ${facts} facts, ${failed} calls without an answer, ${visits} visits to hosted rooms, ${sessions} sessions`,
  )
  say(
    `acknowledged facts lost ${lost.length}, doubled ${doubled.length}; sessions different ${different.length}; of ${webhooks} webhooks taken missing or out of order ${untold.length}; verify and rebuild ${
      faults.length === 0 ? 'are content' : 'are not content'
    }`,
  )
  if (lost.length + doubled.length + different.length + untold.length + faults.length > 0) process.exitCode = 1
}

async function distributed(options: Options, say: (line: string) => void): Promise<void> {
  const result = await runCitus(options, say)
  if (result === undefined) return
  const { figures, facts, deadlocks, faults } = result
  printFigures('Citus, a coordinator and two machines that are this one', figures)
  for (const text of faults) say(text)
  const content = faults.length === 0 ? 'are content' : 'are not content'
  say(`${facts} facts by two servers, ${deadlocks} deadlocks; verify and rebuild ${content}`)
  if (deadlocks + faults.length > 0) process.exitCode = 1
}

async function kill(options: ChaosOptions, say: (line: string) => void) {
  const { postgres, servers } = options
  const result = await runChaos(options, say)
  const what = servers === 1 ? 'a server' : `one of ${servers} servers`
  const on = postgres ? `PostgreSQL, which restarted ${result.restarts} times,` : 'SQLite'
  return { result, told: `${result.rounds} kills of ${what} on ${on}` }
}

async function failOver(options: ChaosOptions, say: (line: string) => void) {
  const { doubledDuties, handovers, ...result } = await runFailovers(options, say)
  for (const [way, ofWay] of Map.groupBy(result.failovers, (one) => one.way)) {
    const slowest = (times: number[]) => seconds(Math.max(...times))
    say(
      `${ofWay.length} times ${way}: a new primary within ${slowest(ofWay.map(({ primaryMs }) => primaryMs))} s, both servers served again within ${slowest(ofWay.flatMap(({ servedMs }) => servedMs))} s of it`,
    )
  }
  for (const text of doubledDuties.slice(0, shownMax)) say(text)
  say(
    `duties that two servers had at one time ${doubledDuties.length}; webhooks went to another server ${handovers} times`,
  )
  if (doubledDuties.length > 0) process.exitCode = 1
  return { result, told: `${result.failovers.length} failovers of PostgreSQL under two servers` }
}

type Options = ChaosOptions & { failover: boolean; citus: boolean; minutes: number }

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      postgres: { type: 'boolean', default: false },
      failover: { type: 'boolean', default: false },
      citus: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '30' },
      servers: { type: 'string', default: '1' },
    },
  })
  const { postgres, failover, citus } = values
  const servers = whole('servers', values.servers)
  if (servers > 1 && !postgres) throw new Error(`--servers=${servers} takes --postgres: a SQLite file is of one server`)
  const [rounds, seed, minutes] = (['rounds', 'seed', 'minutes'] as const).map((name) => whole(name, values[name]))
  return { rounds: rounds ?? 0, seed: seed ?? 0, minutes: minutes ?? 0, postgres, failover, citus, servers }
}

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${name}=${text} is not understood: it takes a whole number from 1 on`)
}
