import { once } from 'node:events'
import { createWriteStream, renameSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { writeExport } from '../../store/copies/export.ts'
import { openSnapshot } from '../../store/copies/kept-tables.ts'
import { onStore, requireEnabledKey } from '../command.ts'
import { startProgress } from '../progress.ts'

export const exportRecord = onStore(
  'export',
  'Write all that is recorded under a key to a file, as it is at one moment; also beside a running server',
  {
    file: { type: 'positional', description: 'The file to write, of a line of JSON each', required: true },
    key: { type: 'string', description: 'The API key; without it, the first that is enabled' },
  },
  async ({ file, key: apiKey }, { reads }, config) => {
    const { keyId, apiKey: of, userId, name } = await requireEnabledKey(reads, apiKey)
    const snapshot = openSnapshot(config)
    // Whole or not at all.
    const part = `${file}.part`
    const out = createWriteStream(part, { mode: 0o600 })
    const progress = startProgress('lines')
    let count = 0
    try {
      await snapshot.read(async (db) => {
        for await (const lines of writeExport(db, { keyId, apiKey: of, userId, name })) {
          if (!out.write(lines.join(''))) await once(out, 'drain')
          count += lines.length
          progress(count, count)
        }
      })
      out.end()
      await finished(out)
    } finally {
      out.destroy()
      await snapshot.close()
    }
    renameSync(part, file)
    return `${file} has the record of ${of}, ${count} lines. Secrets, media servers and webhooks are not among it.\n`
  },
)
