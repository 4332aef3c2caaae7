import { sql } from 'kysely'
import type { Tables } from '../database/tables.ts'
import type { FreshTables } from './kept-tables.ts'

/** The tables that follow from the log, each with its key; in this order they are mended. */
const derived = {
  sessions: ['key_id', 'id'],
  participants: ['key_id', 'session_id', 'participant_id'],
  marks: ['key_id', 'session_id', 'participant_id', 'fact_id', 'kind'],
  seals: ['key_id', 'session_id'],
  media: ['key_id', 'session_id', 'participant_id', 'kind', 'media_id'],
  changes: ['key_id', 'seq'],
  claims: ['key_id', 'source', 'fact_id'],
  counters: ['key_id'],
  session_counts: ['key_id', 'room_id'],
  session_buckets: ['key_id', 'room_id', 'level', 'start_at'],
} as const satisfies { [table in keyof Tables]?: (keyof Tables[table])[] }

/** Most rows of one table, and of one kind of difference, that are told each by itself. */
const toldMax = 100
/** Of a value, no more letters than this are told. */
const valueMaxLength = 80

export type Difference = { text: string /** How many rows it tells of. */; rows: number }

export type Comparison = {
  /** Whether any row of a table is otherwise than the fresh one, or only one of both has it. */
  differs(table: keyof typeof derived): boolean
  /** Where the kept tables are otherwise than the fresh ones, in words. */
  list(): AsyncGenerator<Difference>
  /** Makes the kept tables like the fresh ones; to be called in a transaction. */
  mend(): Promise<void>
}

/**
 * Compares the kept tables with the fresh ones: those that follow from the log. Each is read once to see whether it is the same; what
 * the others have otherwise is found when it is asked for.
 * @param ofKeys a table with the `key_id` of each key that the fresh tables are of: what is kept of others is left alone
 */
export async function compareTables(
  { db, kept, schema: freshSchema }: FreshTables,
  ofKeys: string,
): Promise<Comparison> {
  const isOfThem = (row: string) => `${row}.key_id in (select key_id from ${ofKeys})`
  const found = await db.kysely.introspection.getTables()
  const all = Object.entries(derived).map(([table, key]) => {
    const columns = found
      .find(({ name, schema }) => name === table && schema === freshSchema)
      ?.columns.map((column) => column.name)
    if (columns === undefined) throw new Error(`there is no table ${table}`)
    return { table, key, columns, others: columns.filter((column) => !(key as readonly string[]).includes(column)) }
  })
  type Table = (typeof all)[number]
  const tables: Table[] = []
  for (const table of all) if (!(await isSame(table))) tables.push(table)

  return {
    differs: (name) => tables.some(({ table }) => table === name),
    async *list() {
      for (const table of tables) {
        yield* listAbsent(table, `${table.table}`, `${kept}.${table.table}`, 'it is missing')
        yield* listAbsent(table, `${kept}.${table.table}`, `${table.table}`, 'no fact tells of it')
        yield* listUnlike(table)
      }
    },
    async mend() {
      for (const { table, key, columns, others } of tables) {
        const same = others.map((column) => `and f."${column}" is not distinct from k."${column}"`).join(' ')
        await run(
          `delete from ${kept}.${table} as k where ${isOfThem('k')}
            and not exists (select 1 from ${table} as f where ${match(key)} ${same})`,
        )
        const names = columns.map((column) => `"${column}"`).join()
        await run(
          `insert into ${kept}.${table} (${names}) select ${names} from ${table} as f where not exists (select 1 from ${kept}.${table} as k where ${match(key)})`,
        )
      }
      // They follow from what was mended, and are made again by the server.
      for (const table of ['newest_texts', 'usage_days', 'usage_breaks']) await run(`delete from ${kept}.${table}`)
    },
  }

  async function isSame({ table, key, others }: Table): Promise<boolean> {
    const [rows] = await run(
      `select (select count(*) from ${table}) as fresh, (select count(*) from ${kept}.${table} as k where ${isOfThem('k')}) as kept,
        (select count(*) from ${table} as f join ${kept}.${table} as k on ${match(key)} where not (${isUnlike(others)})) as alike`,
    )
    return rows?.fresh === rows?.alike && rows?.kept === rows?.alike
  }

  async function* listAbsent({ table, key }: Table, there: string, absent: string, what: string) {
    const from = `from ${there} as f where ${isOfThem('f')} and not exists (select 1 from ${absent} as k where ${match(key)})`
    const rows = await run(`select ${key.map((column) => `f."${column}"`).join()} ${from} limit ${toldMax}`)
    for (const row of rows) yield { text: `${table}: ${nameOf(row, key)}: ${what}`, rows: 1 }
    yield* tellRest(table, rows.length, from, what)
  }

  async function* listUnlike({ table, key, others }: Table) {
    const from = `from ${table} as f join ${kept}.${table} as k on ${match(key)} where ${isUnlike(others)}`
    const both = others.map((column) => `f."${column}" as "fresh ${column}", k."${column}" as "kept ${column}"`)
    const rows = await run(
      `select ${[...key.map((column) => `f."${column}"`), ...both].join()} ${from} limit ${toldMax}`,
    )
    for (const row of rows) {
      const told = others.flatMap((column) => {
        const [is, folded] = [JSON.stringify(row[`kept ${column}`]), JSON.stringify(row[`fresh ${column}`])]
        return is === folded ? [] : `${column} is ${shorten(is)}, folded again ${shorten(folded)}`
      })
      yield { text: `${table}: ${nameOf(row, key)}: ${told.join('; ')}`, rows: 1 }
    }
    yield* tellRest(table, rows.length, from, 'folded again otherwise')
  }

  async function* tellRest(table: string, told: number, from: string, what: string) {
    if (told < toldMax) return
    const [count] = await run(`select count(*) as rows ${from}`)
    const rest = Number(count?.rows) - told
    if (rest > 0) yield { text: `${table}: ${rest} more: ${what}`, rows: rest }
  }

  async function run(text: string): Promise<{ [column: string]: unknown }[]> {
    return (await sql.raw<{ [column: string]: unknown }>(text).execute(db.kysely)).rows
  }
}

function match(key: readonly string[]): string {
  return key.map((column) => `f."${column}" = k."${column}"`).join(' and ')
}

function isUnlike(columns: readonly string[]): string {
  return columns.map((column) => `f."${column}" is distinct from k."${column}"`).join(' or ')
}

function nameOf(row: { [column: string]: unknown }, key: readonly string[]): string {
  return key.map((column) => `${column} ${row[column]}`).join(', ')
}

function shorten(text: string): string {
  return text.length <= valueMaxLength ? text : `${text.slice(0, valueMaxLength)}…`
}
