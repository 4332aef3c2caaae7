import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Config } from '../../config.ts'
import { Refusal } from '../../error.ts'
import type { Store } from '../../record/open-store.ts'
import {
  daysOf,
  type ExportLine,
  insertExported,
  isRecorded,
  type Manifest,
  type Row,
  whyUnfit,
} from '../../store/copies/export.ts'
import { takeLock } from '../../store/database/data-folder.ts'
import type { Database } from '../../store/database/database.ts'
import { openLogDays } from '../../store/database/postgres/log-days.ts'
import { lockDatabase, openPostgres } from '../../store/database/postgres.ts'
import { openSqlite } from '../../store/database/sqlite.ts'
import { startProgress } from '../progress.ts'

const pageRows = 2000

/**
 * Takes what `rollcall export` wrote, into a key of its own where nothing is recorded: that of the export, which is made again with
 * another secret. No server may run meanwhile. Broken off, it goes on with the same file.
 * @returns what became of it, for people
 */
export async function importOwnExport(file: string, store: Store, config: Config): Promise<string> {
  const { manifest, all } = await checkExport(file)
  const unfit = whyUnfit(manifest)
  if (unfit !== undefined) throw new Refusal('CONFLICT', `${file} cannot be imported: ${unfit}`)
  const there = await store.reads.keys.find(manifest.apiKey)
  const { apiKey, userId, name } = manifest
  const key = there ?? (await store.writes.keys.add({ apiKey, userId, name, email: null }))
  await withDatabase(config, async (db) => {
    if (await isRecorded(db, key.keyId)) {
      throw new Refusal(
        'CONFLICT',
        `there is a record of the key ${apiKey} already: an export is imported where there is none`,
      )
    }
    await insertAll(db, file, { keyId: key.keyId, all, databaseUrl: config.databaseUrl })
  })
  const secret = there === undefined ? `Its new secret is ${key.secret}: keep it, it is not shown again.\n` : ''
  return `${file}: the record of ${apiKey} is here, ${all} rows.\n${secret}`
}

/** Reads all of a file, and holds each table against its checksum. Nothing of a file that is not whole is taken. */
async function checkExport(file: string): Promise<{ manifest: Manifest; all: number }> {
  const digests = new Map<string, { rows: number; digest: ReturnType<typeof createHash> }>()
  let manifest: Manifest | undefined
  let all = 0
  let isWhole = false
  for await (const line of readLines(file)) {
    const said = parseLine(file, line)
    if ('manifest' in said) manifest ??= said.manifest
    else if ('table' in said) {
      const ofTable = digests.get(said.table) ?? { rows: 0, digest: createHash('sha256') }
      ofTable.rows += 1
      ofTable.digest.update(`${line}\n`)
      digests.set(said.table, ofTable)
      all += 1
    } else {
      isWhole = true
      for (const [table, { rows, sha256 }] of Object.entries(said.end)) {
        const { rows: found = 0, digest = createHash('sha256') } = digests.get(table) ?? {}
        if (found !== rows || digest.digest('hex') !== sha256) {
          throw new Refusal('BAD_REQUEST', `${file} is damaged: its ${table} are not those that were exported`)
        }
      }
    }
  }
  if (manifest === undefined) throw new Refusal('BAD_REQUEST', `${file} has no manifest: it is no export of Rollcall`)
  if (!isWhole) throw new Refusal('BAD_REQUEST', `${file} ends too early: export it again`)
  return { manifest, all }
}

async function insertAll(
  db: Database,
  file: string,
  { keyId, all, databaseUrl }: { keyId: number; all: number; databaseUrl: string | undefined },
): Promise<void> {
  const progress = startProgress('rows')
  let [table, done]: [string, number] = ['', 0]
  let rows: Row[] = []
  const flush = async () => {
    if (rows.length === 0) return
    if (databaseUrl !== undefined) await openLogDays(databaseUrl).makeAll(daysOf(table, rows))
    await insertExported(db, keyId, table, rows)
    done += rows.length
    progress(done, all)
    rows = []
  }
  for await (const line of readLines(file)) {
    const said = parseLine(file, line)
    if (!('table' in said)) continue
    if (said.table !== table || rows.length >= pageRows) await flush()
    table = said.table
    rows.push(said.row)
  }
  await flush()
}

/** A connection to the tables, on which no server runs. */
async function withDatabase({ databaseUrl, dataFolder }: Config, work: (db: Database) => Promise<void>): Promise<void> {
  await using opened = new AsyncDisposableStack()
  if (databaseUrl === undefined) {
    const lock = takeLock(dataFolder)
    opened.defer(() => lock.release())
    const db = openSqlite(`${dataFolder}/rollcall.db`)
    opened.defer(() => db.close())
    return await work(db)
  }
  const lock = await lockDatabase(databaseUrl)
  if (lock === undefined) throw new Refusal('CONFLICT', 'DATABASE_URL is in use by Rollcall servers: stop them first')
  opened.defer(() => lock.release())
  const db = openPostgres(databaseUrl, { connections: 1 })
  opened.defer(() => db.close())
  return await work(db)
}

function readLines(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
}

function parseLine(file: string, line: string): ExportLine {
  try {
    return JSON.parse(line) as ExportLine
  } catch {
    throw new Refusal('BAD_REQUEST', `${file} is damaged: a line of it is no JSON`)
  }
}
