import { StatementSync } from 'node:sqlite'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'

// Makes or updates the tables of a file, and is killed before the statement of this number.
const [, , path = '', number = ''] = process.argv
let left = Number(number)
for (const name of ['run', 'all'] as const) {
  const execute = StatementSync.prototype[name] as (...values: unknown[]) => unknown
  Object.assign(StatementSync.prototype, {
    [name](...values: unknown[]) {
      if (left-- === 0) process.kill(process.pid, 'SIGKILL')
      return execute.apply(this, values)
    },
  })
}
await migrateToLatest(openSqlite(path).kysely)
