import { openSnapshot } from '../../store/copies/kept-tables.ts'
import { refuseOlder } from '../../store/database/migrations.ts'
import { withConfig } from '../command.ts'
import { print } from '../print.ts'
import { startProgress } from '../progress.ts'
import { verify as verifyTables } from './verify.ts'

export const verify = withConfig(
  'verify',
  'Look whether the record holds together, row by row; also beside a running server. Writes nothing',
  {},
  async (_, config) => {
    const snapshot = openSnapshot(config)
    try {
      const report = {
        fault: (text: string) => print(`${text}\n`),
        progress: startProgress('sessions and facts'),
      }
      const { faults, ...counts } = await snapshot.read(async (db) => {
        await refuseOlder(db.kysely)
        return verifyTables(db, report)
      })
      const looked = Object.entries(counts).map(([name, count]) => `${count} ${name}`)
      const result = faults === 0 ? 'all is well' : `${faults} of it does not hold`
      print(`${result}: ${looked.join(', ')}\n`)
      if (faults > 0) process.exitCode = 1
    } finally {
      await snapshot.close()
    }
  },
)
