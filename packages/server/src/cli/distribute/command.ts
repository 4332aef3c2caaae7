import { Refusal, StartRefusal } from '../../error.ts'
import { migrateToLatest } from '../../store/database/migrations.ts'
import { distribute as distributeTables, findCitus, refuseOldCitus } from '../../store/database/postgres/citus.ts'
import { lockDatabase, openPostgres } from '../../store/database/postgres.ts'
import { withConfig } from '../command.ts'
import { print } from '../print.ts'

export const distribute = withConfig(
  'distribute',
  'Put the tables of a PostgreSQL database on the machines of Citus, by key; the servers have to be stopped',
  {},
  async (_, { databaseUrl }) => {
    if (databaseUrl === undefined) throw new Refusal('BAD_REQUEST', 'DATABASE_URL is not set: it names the coordinator')
    await using opened = new AsyncDisposableStack()
    const lock = await lockDatabase(databaseUrl)
    if (lock === undefined) throw new Refusal('CONFLICT', 'DATABASE_URL is in use by Rollcall servers: stop them first')
    opened.defer(() => lock.release())
    const db = openPostgres(databaseUrl, { connections: 1 })
    opened.defer(async () => db.close())
    const citus = await findCitus(db.kysely)
    if (citus === undefined)
      throw new StartRefusal('the database has no Citus: `create extension citus` on each machine, see docs/scaling.md')
    refuseOldCitus(citus)
    await migrateToLatest(db.kysely, (text) => print(`${text}\n`))
    await distributeTables(db.kysely, {
      progress: (done, all, table) => process.stderr.write(`${done} of ${all} tables: ${table}\n`),
    })
    print(`all tables are where they belong, on ${citus.machines} machines: start the servers\n`)
  },
)
