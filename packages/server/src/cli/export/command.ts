import { once } from 'node:events'
import { createWriteStream, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { recordTables, writeRecordTable } from '../../api/data/record-tables.ts'
import { systemClock } from '../../runtime/clock.ts'
import { writeExport } from '../../store/copies/export.ts'
import { openSnapshot } from '../../store/copies/kept-tables.ts'
import { requireWritable } from '../../store/database/data-folder.ts'
import type { Database } from '../../store/database/database.ts'
import { onStore, requireEnabledKey } from '../command.ts'
import { startProgress } from '../progress.ts'

export const exportRecord = onStore(
  'export',
  'Write all that is recorded under a key to a file, as it is at one moment; also beside a running server',
  {
    file: {
      type: 'positional',
      description: 'The file to write, of a line of JSON each; with --parquet, the folder to write files to',
      required: true,
    },
    key: { type: 'string', description: 'The API key; without it, the first that is enabled' },
    parquet: {
      type: 'boolean',
      description: `Write tables for DuckDB and others in place of lines: ${recordTables.map((table) => `${table}.parquet`).join(', ')}`,
    },
  },
  async ({ file, key: apiKey, parquet }, { reads }, config) => {
    const { keyId, apiKey: of, userId, name } = await requireEnabledKey(reads, apiKey)
    const snapshot = openSnapshot(config)
    try {
      return await snapshot.read(async (db) => {
        if (parquet) return `${await writeTables(db, keyId, file)} of the record of ${of}.\n`
        const count = await writeLines(file, writeExport(db, { keyId, apiKey: of, userId, name }))
        return `${file} has the record of ${of}, ${count} lines. Secrets, media servers and webhooks are not among it.\n`
      })
    } finally {
      await snapshot.close()
    }
  },
)

async function writeLines(path: string, pages: AsyncIterable<string[]>): Promise<number> {
  const progress = startProgress('lines')
  let count = 0
  await writeFile(path, async (write) => {
    for await (const lines of pages) {
      await write(lines.join(''))
      count += lines.length
      progress(count, count)
    }
  })
  return count
}

/** @returns which files there are, for people */
async function writeTables(db: Database, keyId: number, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const now = systemClock.now()
  const paths = recordTables.map((table) => join(folder, `${table}.parquet`))
  for (const [i, table] of recordTables.entries()) {
    await writeFile(paths[i] ?? '', async (write) => {
      for await (const chunk of writeRecordTable(db, keyId, table, now)) await write(chunk)
    })
  }
  return `${paths.slice(0, -1).join(', ')} and ${paths.at(-1)} are tables`
}

/** Whole or not at all. */
async function writeFile(
  path: string,
  work: (write: (chunk: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  requireWritable(path)
  const part = `${path}.part`
  const out = createWriteStream(part, { mode: 0o600 })
  try {
    await work(async (chunk) => {
      if (!out.write(chunk)) await once(out, 'drain')
    })
    out.end()
    await finished(out)
    renameSync(part, path)
  } finally {
    out.destroy()
    rmSync(part, { force: true })
  }
}
