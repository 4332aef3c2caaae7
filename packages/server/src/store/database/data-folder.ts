import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Refusal, StartRefusal } from '../../error.ts'
import { lockFile } from './sqlite.ts'

/** Makes the folder where it is missing. Gives the master key: the one given, or the folder's own. */
export function prepareFolder(folder: string, given: Buffer | undefined): Buffer {
  try {
    makeFolder(resolve(folder))
    // Of a disk that is mounted read-only SQLite says no more than that it cannot open the file.
    accessSync(folder, constants.W_OK)
    return given ?? ownMasterKey(join(folder, 'master.key'))
  } catch (error) {
    if (error instanceof StartRefusal) throw error
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} cannot be used: ${(error as Error).message}; name a folder that can be written`,
    )
  }
}

// Not mkdir's own `recursive`: where a file system answers ENOENT for a folder it will not make (/proc), that never returns.
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  const parent = dirname(folder)
  if (parent !== folder) makeFolder(parent)
  mkdirSync(folder)
}

function ownMasterKey(file: string): Buffer {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
  if (key.length !== 32) throw new StartRefusal(`${file} is damaged: it has to hold 64 hex digits`)
  return key
}

/** Holds the folder for this process alone. */
export function takeLock(folder: string): { release(): void } {
  let lock: ReturnType<typeof lockFile>
  try {
    lock = lockFile(join(folder, 'rollcall.lock'))
  } catch (error) {
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} cannot be used: ${(error as Error).message}; name a folder that can be written`,
    )
  }
  if (lock === undefined) {
    throw new StartRefusal(
      `ROLLCALL_DATA=${folder} is in use by another Rollcall server: stop that one, or name another folder`,
    )
  }
  return lock
}

/** The file of the record in a data folder, which has to be there already. */
export function requireRecord(dataFolder: string): string {
  const path = join(dataFolder, 'rollcall.db')
  if (existsSync(path)) return path
  throw new Refusal('NOT_FOUND', `there is no record in ROLLCALL_DATA=${dataFolder}: name the folder of a server`)
}
