import type { Insertable } from 'kysely'
import { type Merge, onConflict } from '../database.ts'
import type { Tables } from '../tables.ts'
import { isByKey } from './citus.ts'
import type { Ask } from './pool.ts'

type Rows<T extends keyof Tables> = {
  table: T
  rows: Insertable<Tables[T]>[]
  key: string[] | undefined
  merge: Merge | undefined
  isDistributed: boolean
}

/** Rows travel as one JSON text, whatever their number: so the statement is the same, and is planned once. */
export async function insertRows<T extends keyof Tables>(
  ask: Ask,
  { table, rows, key, merge, isDistributed }: Rows<T>,
): Promise<void> {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first)
  const list = columns.map((name) => `"${name}"`).join()
  const insert = `insert into ${table} (${list})`
  const given = `json_populate_recordset(null::${table}, $1)`
  const conflict = onConflict(columns, key, merge)
  if (!isDistributed || !isByKey(table)) {
    await ask(`${insert} select ${list} from ${given}${conflict}`, [toCleanJson(rows)])
    return
  }
  const ofKey = columns.map((name) => (name === 'key_id' ? 'c.key_id' : `x."${name}"`)).join()
  await insertByKey(
    ask,
    `${insert} select ${ofKey} from counters as c cross join ${given} as x where c.key_id = $2${conflict}`,
    rows as object[] as { key_id: number }[],
  )
}

/**
 * On Citus, whose planner sends an insert whole to where a key's rows are if it selects from a row of that key: its counters. What
 * selects from no table is asked at the coordinator, and its rows are sent from there, behind locks on all that the table has.
 */
async function insertByKey(ask: Ask, text: string, rows: { key_id: number }[]): Promise<void> {
  const inserting = [...Map.groupBy(rows, (row) => row.key_id)].map(async ([keyId, ofKey]) => {
    const values = [toCleanJson(ofKey), keyId]
    if ((await ask(text, values)).rowCount !== 0) return
    // Nothing was recorded of the key yet; or all of it was there already, and is once more.
    await ask('insert into counters (key_id, fact_seq, change_seq) values ($1, 0, 0) on conflict do nothing', [keyId])
    await ask(text, values)
  })
  await Promise.all(inserting)
}

/** As JSON writes what has to be cleaned; rarely an escaped backslash before the same letters. */
const unclean = /\\u(0000|d[89a-f])/

function toCleanJson(rows: object[]): string {
  const json = JSON.stringify(rows)
  return unclean.test(json) ? JSON.stringify(rows, (_, value: unknown) => clean(value)) : json
}

/** PostgreSQL keeps no NUL and no half characters in a text. */
export function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean)
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value
}
