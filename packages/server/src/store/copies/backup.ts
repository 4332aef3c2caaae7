import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import { Refusal } from '../../error.ts'
import { requireWritable } from '../database/data-folder.ts'

/** More than a file has. */
const pagesMax = 2 ** 31 - 1

/** What a backup holds. */
export type BackedUp = { keys: number; sessions: number; facts: number }

/**
 * Copies the SQLite file of a server that may be running, as it is at one moment, and reads the copy back. It is there whole or not at all,
 * for its owner alone.
 */
export async function backUp(path: string, to: string): Promise<BackedUp> {
  requireWritable(to)
  const part = `${to}.part`
  rmSync(part, { force: true })
  closeSync(openSync(part, 'wx', 0o600))
  try {
    await copyRecord(path, part)
    const found = checkBackup(part)
    renameSync(part, to)
    return found
  } finally {
    rmSync(part, { force: true })
  }
}

async function copyRecord(path: string, to: string): Promise<void> {
  const source = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  try {
    // In one step: a copy in several begins again with each commit of the server.
    await backup(source, to, { rate: pagesMax })
  } finally {
    source.close()
  }
  const copy = new DatabaseSync(to)
  try {
    // One file, which no server has.
    copy.exec('pragma journal_mode = delete')
    copy.exec('pragma user_version = 0')
  } finally {
    copy.close()
  }
}

/** Reads all of a backup. Throws a `Refusal` where it is damaged, or none. */
export function checkBackup(path: string): BackedUp {
  if (!existsSync(path)) throw new Refusal('NOT_FOUND', `${path} is not there`)
  try {
    return count(path)
  } catch (error) {
    throw new Refusal('CONFLICT', `${path} is no whole backup: ${(error as Error).message}`)
  }
}

/** Throws where it is damaged. */
function count(path: string): BackedUp {
  const copy = new DatabaseSync(path, { readOnly: true })
  try {
    const rowsOf = (table: string) => Number(copy.prepare(`select count(*) as n from ${table}`).get()?.n)
    const [first] = copy.prepare('pragma integrity_check(1)').all()
    if (first?.integrity_check !== 'ok') throw new Error(String(first?.integrity_check))
    return { keys: rowsOf('keys'), sessions: rowsOf('sessions'), facts: rowsOf('facts') }
  } finally {
    copy.close()
  }
}
