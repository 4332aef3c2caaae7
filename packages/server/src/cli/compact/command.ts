import { Refusal } from '../../error.ts'
import { compactFile } from '../../store/copies/compact.ts'
import { requireRecord, takeLock } from '../../store/database/data-folder.ts'
import { withConfig } from '../command.ts'
import { openLatestFile } from '../open-tables.ts'
import { print } from '../print.ts'

export const compact = withConfig(
  'compact',
  'Write the SQLite file anew, as small as a new one; the server has to be stopped',
  {},
  async (_, { databaseUrl, dataFolder }) => {
    if (databaseUrl !== undefined) {
      throw new Refusal('BAD_REQUEST', 'DATABASE_URL is set: PostgreSQL reuses what is free by itself')
    }
    const path = requireRecord(dataFolder)
    const lock = takeLock(dataFolder)
    try {
      const { bytesBefore, bytes } = await compactFile(path, () => openLatestFile(path))
      print(`${path} has ${toMegabytes(bytes)}, and had ${toMegabytes(bytesBefore)}\n`)
    } finally {
      lock.release()
    }
  },
)

function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
