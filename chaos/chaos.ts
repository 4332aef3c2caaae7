import { parseArgs } from 'node:util'
import { type ChaosOptions, runChaos } from './run.ts'

const shownMax = 20

try {
  const options = readOptions(process.argv.slice(2))
  const startedAt = performance.now()
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const result = await runChaos({ ...options, signal: interrupted.signal }, (line) => process.stdout.write(`${line}\n`))
  const { seed, postgres, servers } = options
  const { rounds, restarts, facts, sessions, visits, failed, lost, doubled, different, webhooks, untold, faults } =
    result
  for (const wrong of [lost, doubled, different, untold, faults]) {
    for (const text of wrong.slice(0, shownMax)) process.stdout.write(`${text}\n`)
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  process.stdout.write(
    `${rounds} kills of ${servers === 1 ? 'a server' : `one of ${servers} servers`} on ${postgres ? `PostgreSQL, which restarted ${restarts} times,` : 'SQLite'} in ${seconds} s, seed ${seed}: ${facts} facts, ${failed} calls without an answer, ${visits} visits to hosted rooms, ${sessions} sessions\n` +
      `acknowledged facts lost ${lost.length}, doubled ${doubled.length}; sessions different ${different.length}; of ${webhooks} webhooks taken missing or out of order ${untold.length}; verify and rebuild ${
        faults.length === 0 ? 'are content' : 'are not content'
      }\n`,
  )
  if (lost.length + doubled.length + different.length + untold.length + faults.length > 0) process.exitCode = 1
} catch (error) {
  process.stderr.write(`chaos: ${(error as Error).stack}\n`)
  process.exitCode = 1
}

function readOptions(args: string[]): ChaosOptions {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      postgres: { type: 'boolean', default: false },
      servers: { type: 'string', default: '1' },
    },
  })
  const { postgres } = values
  const servers = whole('servers', values.servers)
  if (servers > 1 && !postgres) throw new Error(`--servers=${servers} takes --postgres: a SQLite file is of one server`)
  return { rounds: whole('rounds', values.rounds), seed: whole('seed', values.seed), postgres, servers }
}

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new Error(`--${name}=${text} is not understood: it takes a whole number from 1 on`)
}
