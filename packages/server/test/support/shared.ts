import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeEmptyRecord } from './empty-record.ts'
import { globalSetup as startPostgres, globalTeardown as stopPostgres } from './shared-postgres.ts'

// Runs once around all files of `npm test`: what they share is a PostgreSQL service, and a SQLite file with tables and nothing in them.

let folder: string | undefined

export async function globalSetup(): Promise<void> {
  await startPostgres()
  folder = await mkdtemp(join(tmpdir(), 'rollcall-empty-record-'))
  await makeEmptyRecord(folder)
}

export async function globalTeardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  await stopPostgres()
}
