import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Postgres, startPostgres } from '../packages/server/test/support/postgres.ts'

export type StoreName = 'SQLite' | 'PostgreSQL'

/** An empty place for a record, and the settings that make a server use it. */
export type BenchDatabase = { folder: string; databaseUrl: string | undefined; env: NodeJS.ProcessEnv }

/** Gives a fresh database of a store to each call of `use`; what they leave is removed. */
export async function withDatabases<T>(
  store: StoreName,
  work: (use: <R>(measure: (database: BenchDatabase) => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const service: Postgres | undefined = store === 'PostgreSQL' ? await startPostgres() : undefined
  try {
    return await work(async (measure) => {
      const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'))
      const databaseUrl = await service?.newDatabase()
      const settings =
        databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: '0'.repeat(64) }
      try {
        return await measure({ folder, databaseUrl, env: { ...process.env, ...settings } })
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })
  } finally {
    await service?.stop()
  }
}
