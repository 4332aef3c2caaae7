import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'
import { dayMs } from '../database/days.ts'
import { migrations } from '../database/migrations.ts'
import type { Tables } from '../database/tables.ts'
import { sealAtOf } from '../sessions/seals.ts'

// What is recorded of one key, as lines of JSON, and lines of JSON as what is recorded.

/** Rows that are read in one turn of the event loop. */
const pageRows = 500

/**
 * The tables of the record, in the order of their export, each with what tells its rows apart within a key. Not among them is what follows
 * from others and is made again (texts of sessions), and what belongs to one server (media servers, webhooks, their secrets). `counters` is
 * the last: where it is there, all of it is.
 */
const exported = {
  rooms: ['room_id'],
  kept_out: ['room_id', 'participant_id'],
  sessions: ['id'],
  participants: ['session_id', 'participant_id'],
  marks: ['session_id', 'participant_id', 'fact_id', 'kind'],
  media: ['session_id', 'participant_id', 'kind', 'media_id'],
  quality: ['session_id', 'participant_id', 'at'],
  quality_origins: ['session_id', 'participant_id'],
  looks: ['session_id'],
  facts: ['seq'],
  claims: ['source', 'fact_id'],
  changes: ['seq'],
  erased_sessions: ['session_id'],
  erased_people: ['digest'],
  schedules: ['id'],
  schedule_rooms: ['schedule_id', 'room_id'],
  schedule_people: ['schedule_id', 'participant_id'],
  retention: [],
  session_counts: ['room_id'],
  session_buckets: ['room_id', 'level', 'start_at'],
  counters: [],
} as const satisfies { [table in keyof Tables]?: readonly (keyof Tables[table])[] }

/** What changes without a fact, each with what is later after a change. */
const besideTheLog = {
  rooms: 'updated_at',
  schedules: 'updated_at',
  kept_out: 'kept_out_at',
  looks: 'at',
  erased_sessions: 'erased_at',
  erased_people: 'erased_at',
  retention: 'days',
}
/** Of `readState`. */
export const stateNumbers = 3 + 2 * Object.keys(besideTheLog).length

type Exported = keyof typeof exported
export const exportedTables = Object.keys(exported) as Exported[]
/** Set anew where the texts are made again. */
const ofTexts = ['seal_at', 'gaps']

export const exportFormat = 'rollcall-export'
/** Of the lines. What the rows hold is told by the name of the last migration. */
const exportVersion = 1
const schema = Object.keys(migrations).at(-1) ?? ''

/** The first line: what follows, and of which state of the record. */
export type Manifest = {
  format: string
  version: number
  schema: string
  apiKey: string
  userId: string
  name: string | null
  /** The same where nothing was recorded in between. */
  state: string
  tables: string[]
}
export type Row = { [column: string]: unknown }
/** A line in between, and the last: how many rows each table has, and the SHA-256 of their lines. */
export type ExportLine =
  | { manifest: Manifest }
  | { table: string; row: Row }
  | { end: { [table: string]: { rows: number; sha256: string } } }

type ExportedKey = { keyId: number; apiKey: string; userId: string; name: string | null }

/** The state of a key's record. */
export async function readState(db: Database, keyId: number): Promise<string> {
  const k = db.kysely
  const counters = await k
    .selectFrom('counters')
    .select(['fact_seq as facts', 'change_seq as changes', 'facts_dropped as dropped'])
    .where('key_id', '=', keyId)
    .executeTakeFirst()
  const { facts = 0, changes = 0, dropped = 0 } = counters ?? {}
  const numbers: (number | null)[] = [facts, changes, dropped]
  for (const [table, column] of Object.entries(besideTheLog)) {
    const latest = sql<number | null>`max(${sql.ref(column)})`
    const { rows } = await sql<{ count: number; latest: number | null }>`
      select count(*) as count, ${latest} as latest from ${sql.table(table)} where key_id = ${keyId}`.execute(k)
    numbers.push(Number(rows[0]?.count), rows[0]?.latest ?? null)
  }
  return numbers.map((number) => number ?? 0).join('.')
}

/** All of a key's record, page by page: texts of whole lines. In one order, so that the same state gives the same lines. */
export async function* writeExport(db: Database, { keyId, ...of }: ExportedKey): AsyncGenerator<string[]> {
  const state = await readState(db, keyId)
  const about = { format: exportFormat, version: exportVersion, schema, ...of, state, tables: exportedTables }
  yield [toLine({ manifest: about })]
  const end: { [table: string]: { rows: number; sha256: string } } = {}
  for (const table of exportedTables) {
    const digest = createHash('sha256')
    let rows = 0
    for await (const page of readTable(db, table, keyId)) {
      const lines = page.map((row) => toLine({ table, row }))
      for (const line of lines) digest.update(line)
      rows += lines.length
      yield lines
    }
    end[table] = { rows, sha256: digest.digest('hex') }
  }
  yield [toLine({ end })]
}

async function* readTable(db: Database, table: Exported, keyId: number): AsyncGenerator<Row[]> {
  const key: readonly string[] = exported[table]
  const columns = (await columnsOf(db, table)).filter((column) => column !== 'key_id' && !ofTexts.includes(column))
  const order = sql.join([sql.ref('key_id'), ...key.map((column) => sql.ref(column))])
  let last: unknown[] | undefined
  for (;;) {
    const after =
      last === undefined ? sql`` : sql`and (${sql.join(key.map((column) => sql.ref(column)))}) > (${sql.join(last)})`
    const { rows } = await sql<Row>`
      select ${sql.join(columns.map((column) => sql.ref(column)))} from ${sql.table(table)}
      where key_id = ${keyId} ${after} order by ${order} limit ${sql.lit(pageRows)}`.execute(db.kysely)
    const end = rows.at(-1)
    if (end === undefined) return
    yield rows
    if (key.length === 0 || rows.length < pageRows) return
    last = key.map((column) => end[column])
  }
}

/** Those of the tables that are used without a name of a schema, in one order everywhere. */
async function columnsOf(db: Database, table: string): Promise<string[]> {
  const found = (await db.kysely.introspection.getTables()).find(({ name }) => name === table)
  return (found?.columns ?? []).map(({ name }) => name).sort()
}

/** Whether all of an import, or anything else, is recorded of a key. */
export async function isRecorded(db: Database, keyId: number): Promise<boolean> {
  const k = db.kysely
  return (await k.selectFrom('counters').select('key_id').where('key_id', '=', keyId).execute()).length > 0
}

/** Why rows of an export cannot be taken here; undefined where they can. */
export function whyUnfit({ format, version, schema: theirs }: Manifest): string | undefined {
  if (format !== exportFormat || version !== exportVersion)
    return 'it is no export of Rollcall, or one of a later version'
  if (theirs === schema) return undefined
  return `it was made where the tables were those of ${theirs}, and here they are those of ${schema}: export it again by the same version as this one`
}

/** Writes rows of one table under a key, in one transaction; those that are there stay. */
export async function insertExported(db: Database, keyId: number, table: string, rows: Row[]): Promise<void> {
  const known = exportedTables.find((one) => one === table)
  if (known === undefined) throw new Error(`an export has no table ${table}`)
  const full = rows.map((row) => ({ ...row, key_id: keyId, ...(known === 'sessions' && { seal_at: readSealAt(row) }) }))
  const key = ['key_id', ...exported[known], ...(known === 'facts' && db.differences.hasLogDays ? ['received_at'] : [])]
  await db.transaction(async () => {
    await db.insertRows(known, full as never, key)
  })
}

/** Its text is made again. */
function readSealAt({ end_at: endAt, updated_at: updatedAt }: Row): number | null {
  return sealAtOf({ endAt: endAt as number | null, updatedAt: updatedAt as number })
}

/** The days that the log needs for such rows, each by its beginning. */
export function daysOf(table: string, rows: Row[]): number[] {
  if (table !== 'facts') return []
  return [...new Set(rows.map(({ received_at: at }) => Math.floor(Number(at) / dayMs) * dayMs))]
}

export function toLine(line: ExportLine): string {
  return `${JSON.stringify(line)}\n`
}
