import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { startPostgres } from './postgres.ts'

// `npm run test:postgres`: the tests that go through the door of a server, with PostgreSQL behind it.

/** What goes through the door of one server. Others bring a store of each kind themselves, or are of the file alone. */
const through =
  'access,acknowledgement,api,attacks,auth,auto-close,conformance,docs,engine,ingest,links,livekit,metrics,openapi,public-key,quality,rate-limit,reports,rtc,skew,sources,stall,stream,webhooks'

const files = process.argv.slice(2)
const postgres = await startPostgres()
const tests = files.length > 0 ? files : globSync(`packages/server/test/{${through}}*.test.ts`)
const runner = spawn(process.execPath, ['--test', '--test-concurrency=2', ...tests], {
  stdio: 'inherit',
  env: { ...process.env, ROLLCALL_TEST_DATABASE_URL: postgres.url },
})
runner.on('exit', async (code) => {
  await postgres.stop()
  process.exit(code ?? 1)
})
