import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'

// To make the tables takes as long as the rest of a server's start: the files of a run copy those that were made once.

/** Makes the file in this folder, for all files of the run. */
export async function makeEmptyRecord(folder: string): Promise<void> {
  const { openSqlite } = await import('../../src/store/database/sqlite.ts')
  const { migrateToLatest } = await import('../../src/store/database/migrations.ts')
  const path = join(folder, 'rollcall.db')
  const db = openSqlite(path)
  await migrateToLatest(db.kysely)
  await db.close()
  process.env.ROLLCALL_TEST_EMPTY_RECORD = path
}

/** Makes such a database in the service that the files of the run share. */
export async function makeEmptyDatabase(serviceUrl: string): Promise<void> {
  const { createDatabase } = await import('./postgres.ts')
  const { openPostgres } = await import('../../src/store/database/postgres.ts')
  const { migrateToLatest } = await import('../../src/store/database/migrations.ts')
  const name = 'empty_record'
  const db = openPostgres(await createDatabase(serviceUrl, name), { connections: 1 })
  await migrateToLatest(db.kysely)
  await db.close()
  process.env.ROLLCALL_TEST_EMPTY_DATABASE = name
}

/** Copies the file into a new data folder; of a file of tests that runs alone, the server makes its own. */
export async function copyEmptyRecord(dataFolder: string): Promise<void> {
  const path = process.env.ROLLCALL_TEST_EMPTY_RECORD
  if (path !== undefined) await copyFile(path, join(dataFolder, 'rollcall.db'))
}
