import { randomBytes } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { Refusal, StartRefusal } from '../../error.ts'
import { lockFile } from './sqlite.ts'

/** What is in the folder: names of people, and what opens the secrets. */
const ownFiles = ['rollcall.db', 'rollcall.lock', 'master.key']

/**
 * Makes the folder where it is missing, with its files for this user alone. Gives the master key: the one given, or the
 * folder's own.
 */
export function prepareFolder(folder: string, given: Buffer | undefined): Buffer {
  try {
    makeFolder(resolve(folder))
    // Of a disk that is mounted read-only SQLite says no more than that it cannot open the file.
    accessSync(folder, constants.W_OK)
    for (const name of ownFiles) withdraw(join(folder, name))
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
  mkdirSync(folder, { mode: 0o700 })
}

/** Takes a file that was made for more than its owner away from them; one of another user stays as that one has it. */
function withdraw(path: string): void {
  if (!existsSync(path)) return
  const { mode, uid } = statSync(path)
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) chmodSync(path, 0o600)
}

function ownMasterKey(file: string): Buffer {
  if (!existsSync(file)) makeMasterKey(file)
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'hex')
  if (key.length !== 32) throw new StartRefusal(`${file} is damaged: it has to hold 64 hex digits`)
  return key
}

/** Whole or not at all, also where the power fails: half a key would open nothing that was sealed with it. */
function makeMasterKey(file: string): void {
  const made = `${file}.${process.pid}.new`
  const descriptor = openSync(made, 'w', 0o600)
  writeSync(descriptor, `${randomBytes(32).toString('hex')}\n`)
  fsyncSync(descriptor)
  closeSync(descriptor)
  publish(made, file)
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** Gives a file its name. Where another process was first, its key is the one. */
function publish(made: string, file: string): void {
  try {
    linkSync(made, file)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Not every file system has links: there it is renamed, and two first starts at once are not told apart.
    if (code !== 'EEXIST') return renameSync(made, file)
  }
  rmSync(made)
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

/**
 * Refuses a path that no file may be put at: where something is that is no file of its own, such as a folder or `/dev/stdout`, which would
 * be gone, and what belongs to a record.
 */
export function requireWritable(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    throw new Refusal('BAD_REQUEST', `${path} is no file, and is left as it is: name a file`)
  }
  const isOfRecord = [...ownFiles, 'rollcall.db-wal', 'rollcall.db-shm'].includes(basename(path))
  if (!isOfRecord || !existsSync(join(dirname(path), 'rollcall.lock'))) return
  throw new Refusal('CONFLICT', `${path} is of a record, which it would take the place of: name another file`)
}
