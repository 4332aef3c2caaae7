import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepDocument } from './documents/openapi-check.ts'
import { makeEmptyRecord } from './empty-record.ts'
import { globalSetup as startPostgres, globalTeardown as stopPostgres } from './shared-postgres.ts'
import { startServer } from './start-server.ts'

// Runs once around all files of `npm test`: what they share is a PostgreSQL service, a SQLite file
// with tables and nothing in them, and what the server's OpenAPI document says.

let folder: string | undefined

export async function globalSetup(): Promise<void> {
  await startPostgres()
  // `startServer` has built it.
  process.env.ROLLCALL_TEST_BUILT = 'yes'
  folder = await mkdtemp(join(tmpdir(), 'rollcall-shared-'))
  await makeEmptyRecord(folder)
  const server = await startServer()
  await keepDocument(server.url, folder)
  await server.stop()
}

export async function globalTeardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  await stopPostgres()
}
