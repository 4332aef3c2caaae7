import { join } from 'node:path'
import { StartRefusal } from '../../error.ts'
import { prepareFolder, takeLock } from '../../store/database/data-folder.ts'
import type { Database } from '../../store/database/database.ts'
import { migrateToLatest } from '../../store/database/migrations.ts'
import { lacksItsLog, noteClosed, noteRunning } from '../../store/database/running.ts'
import { createSecretBox } from '../../store/database/secrets.ts'
import { openSqlite } from '../../store/database/sqlite.ts'
import { createTransact } from '../transaction.ts'
import { startWriter, type Writer, writeHere } from '../writer/writer.ts'
import { type Hooks, type Opened, proveMasterKey, type StoreOptions } from './opened.ts'

/** The SQLite file: a thread writes to it, and no other process does. */
export async function openFile(options: StoreOptions, hooks: Hooks): Promise<Opened> {
  const { dataFolder, masterKey: given, rules, clock, exclusive = true } = options
  const path = join(dataFolder, 'rollcall.db')
  const masterKey = prepareFolder(dataFolder, given)
  const lock = exclusive ? takeLock(dataFolder) : undefined
  let writer: Writer | undefined
  try {
    const box = createSecretBox(masterKey)
    const now = () => clock.now()
    if (exclusive && lacksItsLog(path)) options.onLogLost?.()
    const db = await orRefuse(path, () => openSqlite(path, hooks))
    // A thread takes a tenth of a second until it writes: it starts while the tables are looked at.
    writer = exclusive
      ? startWriter({ path, masterKey, rules }, now, { ...hooks, threadUrl: options.threadUrl })
      : writeHere(createTransact(db, { box, rules, now }))
    await orRefuse(path, () => migrateToLatest(db.kysely, options.onShownOtherwise))
    await proveMasterKey({ db, box, now }, `ROLLCALL_DATA=${dataFolder}`)
    await (exclusive ? noteRunning(db) : noteClosedUnlessRunning(db, dataFolder))
    return {
      db,
      box,
      writer,
      async close() {
        try {
          if (exclusive) await noteClosed(db)
        } finally {
          await db.close()
          lock?.release()
        }
      },
    }
  } catch (error) {
    await writer?.close()
    lock?.release()
    throw error
  }
}

/** After a crash a command takes all of the log into the file. */
async function noteClosedUnlessRunning(db: Database, dataFolder: string): Promise<void> {
  let lock: { release(): void }
  try {
    lock = takeLock(dataFolder)
  } catch {
    // A server has it.
    return
  }
  await noteClosed(db)
  lock.release()
}

async function orRefuse<T>(path: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    throw new StartRefusal(`${path} cannot be opened: ${(error as Error).message}`)
  }
}
