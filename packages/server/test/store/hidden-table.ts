import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { TestServer } from '../support/start-server.ts'

/** Does something while a table is not to be found: whatever takes it fails. */
export async function withoutTable({ storeEnv, dataFolder }: TestServer, table: string, work: () => Promise<void>) {
  const run = storeEnv.DATABASE_URL === undefined ? onFile(dataFolder) : onPostgres(storeEnv.DATABASE_URL)
  await run(`alter table ${table} rename to gone`)
  try {
    await work()
  } finally {
    await run(`alter table gone rename to ${table}`)
  }
}

function onFile(dataFolder: string) {
  return async (statement: string) => {
    const db = new DatabaseSync(join(dataFolder, 'rollcall.db'), { timeout: 10_000 })
    db.exec(statement)
    db.close()
  }
}

function onPostgres(connectionString: string) {
  return async (statement: string) => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
}
