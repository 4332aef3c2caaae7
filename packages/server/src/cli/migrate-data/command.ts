import { readAddress } from '../../store/database/postgres/address.ts'
import { withConfig } from '../command.ts'
import { print } from '../print.ts'
import { startProgress } from '../progress.ts'
import { migrateData as migrate } from './migrate-data.ts'

export const migrateData = withConfig(
  'migrate-data',
  'Copy a whole record from a SQLite file into an empty PostgreSQL database; no server may run on either',
  {
    from: { type: 'positional', required: true, description: 'The data folder, such as ./data' },
    to: { type: 'positional', required: true, description: 'The database, such as postgres://user@host/rollcall' },
  },
  async ({ from, to }) => {
    readAddress(to, 'the second argument')
    const tellers = { copied: startProgress('rows copied'), compared: startProgress('rows compared') }
    const { rows, differences } = await migrate(from, to, {
      progress: (work, done, all) => tellers[work](done, all),
    })
    for (const text of differences) print(`${text}\n`)
    if (differences.length > 0) {
      print('the copy is not the same: drop the database, and try again\n')
      process.exitCode = 1
      return
    }
    print(
      `${rows} rows are copied, and are the same on both sides. Start the server with DATABASE_URL, and with ROLLCALL_MASTER_KEY as it was: what ${from}/master.key holds, where that is its own\n`,
    )
  },
)
