import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { startProgress } from '../packages/server/src/cli/progress.ts'
import { type FuzzOptions, runFuzz } from './run.ts'

// `npm run fuzz -- --requests 1000000 --seed 7`: the same seed makes the same requests, and `--only 1234` that one alone;
// `--postgres` has the record there.

try {
  const { postgres, ...options } = readOptions(process.argv.slice(2))
  const { seed } = options
  process.stdout.write(`seed ${seed}\n`)
  const startedAt = performance.now()
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const { signal } = interrupted
  const service = postgres ? await startService() : undefined
  const where = { databaseUrl: await service?.newDatabase() }
  const result = await runFuzz({ ...options, ...where, signal }, startProgress('sent')).finally(() => service?.stop())
  const { answered, byStatus, wrongs, faults } = result
  for (const text of [...wrongs, ...faults]) process.stdout.write(`${text}\n`)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const statuses = [...byStatus].sort(([a], [b]) => a - b).map(([status, count]) => `${count} times ${status}`)
  process.stdout.write(`${answered} requests answered in ${seconds} s, seed ${seed}: ${statuses.join(', ')}\n`)
  process.stdout.write(
    wrongs.length + faults.length === 0
      ? 'all were answered as the document says, and the record is whole\n'
      : `${wrongs.length} were not taken as they have to be; ${faults.length} faults\n`,
  )
  if (wrongs.length + faults.length > 0) process.exitCode = 1
} catch (error) {
  process.stderr.write(`fuzz: ${(error as Error).stack}\n`)
  process.exitCode = 1
}

/** Loaded where it is needed alone: what runs PostgreSQL ends the process at a SIGINT by itself. */
async function startService() {
  const { startPostgres } = await import('../packages/server/test/support/postgres.ts')
  return startPostgres()
}

function readOptions(args: string[]): FuzzOptions & { postgres: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      requests: { type: 'string', default: '100000' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      only: { type: 'string' },
      postgres: { type: 'boolean', default: false },
    },
  })
  const requests = whole('requests', values.requests)
  return {
    postgres: values.postgres,
    requests,
    seed: whole('seed', values.seed),
    sockets: Math.ceil(requests / 50),
    connections: Math.ceil(requests / 50),
    ...(values.only !== undefined && { only: whole('only', values.only) }),
  }
}

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Error(`--${name}=${text} is not understood: it takes a whole number from 0 on`)
}
