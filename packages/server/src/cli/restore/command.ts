import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { toIso } from '@rollcall/protocol'
import { toRules } from '../../config.ts'
import { Refusal } from '../../error.ts'
import { openStore } from '../../record/open-store.ts'
import { systemClock } from '../../runtime/clock.ts'
import { checkBackup } from '../../store/copies/backup.ts'
import { takeLock } from '../../store/database/data-folder.ts'
import { withConfig } from '../command.ts'
import { print } from '../print.ts'

export const restore = withConfig(
  'restore',
  'Put a backup in the place of the record; the server has to be stopped',
  {
    file: { type: 'positional', description: 'What rollcall backup wrote', required: true },
    replace: { type: 'boolean', description: 'Put a record that is there aside' },
  },
  async ({ file, replace = false }, config) => {
    const { databaseUrl, dataFolder, masterKey } = config
    if (databaseUrl !== undefined) {
      throw new Refusal('BAD_REQUEST', 'DATABASE_URL is set: PostgreSQL is restored by pg_restore, see docs/backup.md')
    }
    const { keys, sessions, facts } = checkBackup(file)
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
    const lock = takeLock(dataFolder)
    const path = join(dataFolder, 'rollcall.db')
    const part = `${path}.part`
    const aside = `${path}.before-${toIso(Date.now()).replaceAll(/[-:.]/g, '')}`
    try {
      if (existsSync(path) && !replace) {
        throw new Refusal('CONFLICT', `there is a record in ${dataFolder}: --replace puts it aside`)
      }
      const ownKey = join(dataFolder, 'master.key')
      if (masterKey === undefined && !existsSync(ownKey)) {
        if (!existsSync(`${file}.key`)) {
          throw new Refusal(
            'CONFLICT',
            `the master key is not here: put the master.key of that server into ${dataFolder}`,
          )
        }
        copyFileSync(`${file}.key`, ownKey)
        chmodSync(ownKey, 0o600)
      }
      // What takes long comes before the record that is there is put aside.
      copyFileSync(file, part)
      chmodSync(part, 0o600)
      for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) renameSync(path + end, aside + end)
      renameSync(part, path)
      await proveOpen()
    } catch (error) {
      if (existsSync(aside)) {
        for (const end of ['', '-wal', '-shm']) {
          rmSync(path + end, { force: true })
          if (existsSync(aside + end)) renameSync(aside + end, path + end)
        }
      }
      throw error
    } finally {
      rmSync(part, { force: true })
      lock.release()
    }
    const put = existsSync(aside) ? ` What was there is ${aside}.` : ''
    print(`${keys} keys, ${sessions} sessions and ${facts} facts of the log are restored to ${dataFolder}.${put}\n`)

    /** Under another master key its secrets would open for nobody. */
    async function proveOpen(): Promise<void> {
      const rules = toRules(config)
      const store = await openStore({ dataFolder, masterKey, rules, clock: systemClock, exclusive: false })
      await store.close()
    }
  },
)
