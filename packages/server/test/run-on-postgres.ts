import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from './support/postgres.ts'

// `npm run test:postgres`: the tests that go through the door of a server, with PostgreSQL behind it.

/** What goes through the door of one server. Others bring a store of each kind themselves, or are of the file alone. */
const throughTheDoor = [
  'api/**/*.test.ts',
  'rooms/*.test.ts',
  'webhooks/*.test.ts',
  'sources/*.test.ts',
  'faults/{acknowledgement,skew,stall}.test.ts',
]

const files = process.argv.slice(2)
const postgres = await startPostgres()
const tests =
  files.length > 0
    ? files
    : globSync(throughTheDoor, { cwd: import.meta.dirname }).map((file) => join(import.meta.dirname, file))
const runner = spawn(process.execPath, ['--test', '--test-concurrency=4', ...tests], {
  stdio: 'inherit',
  env: { ...process.env, ROLLCALL_TEST_DATABASE_URL: postgres.url },
})
runner.on('exit', async (code) => {
  await postgres.stop()
  process.exit(code ?? 1)
})
