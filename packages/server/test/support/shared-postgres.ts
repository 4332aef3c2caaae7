import { type Postgres, startOwnPostgres } from './postgres.ts'

// Runs once around all files of `npm test`: those that need PostgreSQL share a service, each with databases of its own in it.

let service: Postgres | undefined

export async function globalSetup(): Promise<void> {
  if (process.env.ROLLCALL_TEST_POSTGRES_URL !== undefined) return
  service = await startOwnPostgres()
  process.env.ROLLCALL_TEST_POSTGRES_URL = service.url
}

export async function globalTeardown(): Promise<void> {
  await service?.stop()
}
