import { makeEmptyDatabase } from './empty-record.ts'
import { type Postgres, startOwnPostgres } from './postgres.ts'

// Runs once around all files of `npm test`: those that need PostgreSQL share a service, each with databases of its own in it.
// It does not outlive the run, so that it need not wait for its disk, nor tidy up and count what lies in a hundred databases.

let service: Postgres | undefined

export async function globalSetup(): Promise<void> {
  if (process.env.ROLLCALL_TEST_POSTGRES_URL !== undefined) return
  service = await startOwnPostgres(undefined, ['fsync=off', 'full_page_writes=off', 'autovacuum=off'])
  await makeEmptyDatabase(service.url)
  process.env.ROLLCALL_TEST_POSTGRES_URL = service.url
}

export async function globalTeardown(): Promise<void> {
  await service?.stop()
}
