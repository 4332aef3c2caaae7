import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Refusal } from '../../error.ts'
import { createCopier, isFree } from '../../store/copies/copy.ts'
import { takeLock } from '../../store/database/data-folder.ts'
import { dayMs } from '../../store/database/days.ts'
import { migrateToLatest } from '../../store/database/migrations.ts'
import { openLogDays } from '../../store/database/postgres/log-days.ts'
import { lockDatabase, openPostgres } from '../../store/database/postgres.ts'
import { openSqlite } from '../../store/database/sqlite.ts'
import { print } from '../print.ts'

/** What is told while it goes on: how many rows of all are done, of which kind of work. */
export type MigrateReport = { progress(work: 'copied' | 'compared', done: number, all: number): void }

export type Migrated = {
  rows: number
  /** Tables that are not the same on both sides, in words. */
  differences: string[]
}

/**
 * Copies a whole record from the SQLite file of a data folder into an empty PostgreSQL database, in steps that are kept: broken
 * off, it goes on where it was. No server may run on either. In the end both sides are read again and compared, row by row.
 */
export async function migrateData(dataFolder: string, databaseUrl: string, report: MigrateReport): Promise<Migrated> {
  await using opened = new AsyncDisposableStack()
  const path = join(dataFolder, 'rollcall.db')
  if (!existsSync(path)) {
    throw new Refusal('NOT_FOUND', `there is no record in ${dataFolder}: name the folder of a server, such as ./data`)
  }
  const lock = takeLock(dataFolder)
  opened.defer(() => lock.release())
  const serverLock = await lockDatabase(databaseUrl)
  if (serverLock === undefined) {
    throw new Refusal('CONFLICT', 'the PostgreSQL database is in use by a Rollcall server: stop that one first')
  }
  opened.defer(() => serverLock.release())
  const from = openSqlite(path)
  opened.defer(() => from.close())
  const to = openPostgres(databaseUrl, { connections: 1 })
  opened.defer(() => to.close())
  await migrateToLatest(from.kysely, (text) => print(`${text}\n`))
  await migrateToLatest(to.kysely)
  if (!(await isFree(to))) {
    throw new Refusal('CONFLICT', 'the PostgreSQL database has a record of its own: name an empty one')
  }
  const { rows: days } = await sql<{ day: number }>`
    select distinct received_at / ${sql.lit(dayMs)} as day from facts`.execute(from.kysely)
  await openLogDays(databaseUrl).makeAll(days.map(({ day }) => day * dayMs))

  const copier = await createCopier(from, to)
  const all = await copier.count()
  const count = (work: 'copied' | 'compared', of: number) => {
    let done = 0
    return (rows: number) => {
      done += rows
      report.progress(work, done, of)
    }
  }
  await copier.copy(count('copied', all))
  const compared = await copier.compare(count('compared', 2 * all))
  const differences = compared
    .filter((one) => one.from.rows !== one.to.rows || one.from.sum !== one.to.sum)
    .map(({ table, from, to }) =>
      from.rows === to.rows
        ? `${table}: its ${from.rows} rows are not the same`
        : `${table}: ${from.rows} rows, and ${to.rows} in PostgreSQL`,
    )
  if (differences.length === 0) await copier.finish()
  return { rows: all, differences }
}
