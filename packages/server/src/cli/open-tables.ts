import type { Config } from '../config.ts'
import { Refusal } from '../error.ts'
import { type FreshTables, openFreshPostgres, openFreshSqlite } from '../store/copies/kept-tables.ts'
import { requireRecord, takeLock } from '../store/database/data-folder.ts'
import type { Database } from '../store/database/database.ts'
import { migrateToLatest } from '../store/database/migrations.ts'
import { lockDatabase, openPostgres } from '../store/database/postgres.ts'
import { noteClosed } from '../store/database/running.ts'
import { openSqlite } from '../store/database/sqlite.ts'
import { print } from './print.ts'

type Where = Pick<Config, 'databaseUrl' | 'dataFolder'>

/** All that is kept, and fresh tables beside it. No server runs on it until `close`. */
export async function openFresh({ databaseUrl, dataFolder }: Where): Promise<FreshTables> {
  return databaseUrl === undefined ? openFreshFile(requireRecord(dataFolder), dataFolder) : openFreshSchema(databaseUrl)
}

async function openFreshFile(path: string, dataFolder: string): Promise<FreshTables> {
  const lock = takeLock(dataFolder)
  try {
    await (await openLatestFile(path)).close()
    return releasing(await openFreshSqlite(path), lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

/** A SQLite file that no server has, with the latest tables: closed, all of its log is in it. */
export async function openLatestFile(path: string): Promise<Database> {
  const db = openSqlite(path)
  await migrateToLatest(db.kysely, (text) => print(`${text}\n`))
  await noteClosed(db)
  return db
}

async function openFreshSchema(url: string): Promise<FreshTables> {
  const lock = await lockDatabase(url)
  if (lock === undefined) throw new Refusal('CONFLICT', 'DATABASE_URL is in use by Rollcall servers: stop them first')
  try {
    const db = openPostgres(url, { connections: 1 })
    await migrateToLatest(db.kysely, (text) => print(`${text}\n`))
    await db.close()
    return releasing(await openFreshPostgres(url), lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

function releasing(fresh: FreshTables, lock: { release(): void | Promise<void> }): FreshTables {
  return {
    ...fresh,
    async drop() {
      await fresh.drop()
      await lock.release()
    },
  }
}
