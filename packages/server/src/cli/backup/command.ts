import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toIso } from '@rollcall/protocol'
import type { Config } from '../../config.ts'
import { Refusal } from '../../error.ts'
import { type BackedUp, backUp } from '../../store/copies/backup.ts'
import { requireRecord, requireWritable } from '../../store/database/data-folder.ts'
import { requireDuration, withConfig } from '../command.ts'
import { print } from '../print.ts'

/** The names of backups that are made again and again, in the order of their time. */
const named = /^rollcall-\d{8}T\d{9}Z\.db$/

export const backup = withConfig(
  'backup',
  'Copy the record to a file, as it is at one moment, and read it back; also while the server runs',
  {
    file: { type: 'positional', description: 'The file to write; with --every, the folder', required: true },
    'with-master-key': { type: 'boolean', description: 'Put the master key beside it, as FILE.key' },
    every: { type: 'string', description: 'Make one again and again: 30m, 6h, 1d' },
    keep: { type: 'string', description: 'With --every: how many are kept, the newest', default: '7' },
  },
  async ({ file, every, keep, 'with-master-key': withKey = false }, config) => {
    const path = requireSqlite(config)
    if (every === undefined) return print(await backUpOnce(path, file, config, withKey))
    const everyMs = requireDuration('every', every)
    const kept = Number(keep)
    if (everyMs === 0 || !Number.isInteger(kept) || kept < 1) {
      throw new Refusal('BAD_REQUEST', '--every takes a time such as 6h, and --keep a whole number from 1')
    }
    mkdirSync(file, { recursive: true, mode: 0o700 })
    for (;;) {
      const name = `rollcall-${toIso(Date.now()).replaceAll(/[-:.]/g, '')}.db`
      print(await backUpOnce(path, join(file, name), config, withKey))
      dropOld(file, kept)
      await sleep(everyMs)
    }
  },
)

function requireSqlite({ databaseUrl, dataFolder }: Config): string {
  if (databaseUrl === undefined) return requireRecord(dataFolder)
  throw new Refusal('BAD_REQUEST', 'DATABASE_URL is set: PostgreSQL is backed up by pg_dump, see docs/backup.md')
}

async function backUpOnce(path: string, to: string, config: Config, withKey: boolean): Promise<string> {
  if (withKey) requireWritable(`${to}.key`)
  const held = describeHeld(await backUp(path, to))
  const ownKey = join(config.dataFolder, 'master.key')
  if (config.masterKey !== undefined) return `${to}: ${held}. The master key is that of ROLLCALL_MASTER_KEY.\n`
  if (!withKey) return `${to}: ${held}. Without ${ownKey} its secrets open for nobody: keep that too, elsewhere.\n`
  copyFileSync(ownKey, `${to}.key`)
  return `${to}: ${held}. The master key is beside it: whoever has both has the secrets.\n`
}

function describeHeld({ keys, sessions, facts }: BackedUp): string {
  return `${keys} keys, ${sessions} sessions, ${facts} facts of the log, read back`
}

function dropOld(folder: string, kept: number): void {
  const all = readdirSync(folder)
    .filter((name) => named.test(name))
    .sort()
  for (const name of all.slice(0, -kept)) {
    for (const end of ['', '.key']) if (existsSync(join(folder, name + end))) rmSync(join(folder, name + end))
  }
}
