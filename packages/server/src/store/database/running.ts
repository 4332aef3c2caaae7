import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { sql } from 'kysely'
import type { Database } from './database.ts'

// While a server runs, what was recorded last lies in SQLite's log, the file `rollcall.db-wal`, and goes into `rollcall.db` now and then.
// So the file says in its header whether a server has it: one that says so, and has no such log beside it, was copied without it.

/** Where the header of a SQLite file has the number that is left to applications, `user_version`. */
const offset = 60
const running = 1

/** Whether this file was taken from a running server without what was recorded last. */
export function lacksItsLog(path: string): boolean {
  if (!existsSync(path) || existsSync(`${path}-wal`)) return false
  const file = openSync(path, 'r')
  try {
    const number = Buffer.alloc(4)
    return readSync(file, number, 0, 4, offset) === 4 && number.readUInt32BE() === running
  } finally {
    closeSync(file)
  }
}

/** From now on a server has the file: it says so in the file itself, and not in the log alone. */
export async function noteRunning(db: Database): Promise<void> {
  await sql.raw(`pragma user_version = ${running}`).execute(db.kysely)
  await sql.raw('pragma wal_checkpoint(truncate)').execute(db.kysely)
}

/** No server has it: whoever closes it last takes all of the log into the file. */
export async function noteClosed(db: Database): Promise<void> {
  await sql.raw('pragma user_version = 0').execute(db.kysely)
}
