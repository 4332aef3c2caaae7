import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { TestContext } from 'node:test'
import { requireProgram } from '../../../client/test/system-program.ts'
import { bind, type Database } from '../../src/store/database/database.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { createSecretBox } from '../../src/store/database/secrets.ts'
import type { Over } from '../../src/store/noun.ts'

// What reading makes a database look at, in numbers that are the same on every machine.

/** A query that was asked, as its database takes it. */
export type Asked = { sql: string; values: unknown[] }
/** What is read over it is noted in `asked`. @param now by its clock, in epoch milliseconds */
export function hear(db: Database, asked: Asked[], now: number): Over {
  const heard: Database = {
    ...db,
    all(query, params) {
      asked.push({ sql: query.sql, values: bind(query, params) })
      return db.all(query, params)
    },
  }
  return { db: heard, box: createSecretBox(Buffer.alloc(32)), now: () => now }
}

/** Gives a number that grows with the rows that these queries make the database look at. */
export type Weigh = (place: string, asked: Asked[]) => Promise<number>

export async function createScale(t: TestContext, database: 'SQLite' | 'PostgreSQL'): Promise<Weigh | undefined> {
  if (database === 'PostgreSQL') return countRows
  // What a statement does is counted by its own shell alone.
  const shell = await requireProgram(t, { names: ['sqlite3'], packages: ['sqlite3'] })
  return shell === undefined ? undefined : (place, asked) => countSteps(shell, place, asked)
}

/** Steps of SQLite's machine: a handful for each row, of a table or an index. */
async function countSteps(shell: string, place: string, asked: Asked[]): Promise<number> {
  const texts = asked.map(({ sql, values }) => {
    const rest = [...values]
    return `${sql.replace(/\?/g, () => toLiteral(rest.shift()))};`
  })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const child = execFile(shell, ['-readonly', place], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
    error === null && stderr === '' ? resolve(stdout) : reject(new Error(`${error?.message ?? ''}${stderr}`)),
  )
  child.stdin?.end(`.stats vmstep\n${texts.join('\n')}\n`)
  const steps = [...(await promise).matchAll(/^VM-steps: (\d+)$/gm)].map(([, count]) => Number(count))
  assert.equal(steps.length, asked.length)
  return steps.reduce((sum, count) => sum + count, 0)
}

function toLiteral(value: unknown): string {
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
}

type Plan = {
  'Actual Rows': number
  'Actual Loops': number
  'Node Type': string
  Plans?: Plan[]
  [detail: string]: unknown
}

/** Rows that PostgreSQL read, those that it threw away again among them. */
async function countRows(place: string, asked: Asked[]): Promise<number> {
  // As a server asks: by indexes, also where a table of a few pages would be read whole sooner.
  const db = openPostgres(place, { connections: 1, isBounded: true })
  let rows = 0
  const add = (plan: Plan) => {
    const removed = Object.entries(plan).filter(([name]) => name.startsWith('Rows Removed by'))
    const perLoop = plan['Actual Rows'] + removed.reduce((sum, [, count]) => sum + Number(count), 0)
    if (plan['Node Type'].includes('Scan')) rows += perLoop * plan['Actual Loops']
    for (const inner of plan.Plans ?? []) add(inner)
  }
  try {
    for (const { sql, values } of asked) {
      const places = { sql: `explain (analyze, format json) ${sql}`, places: values.map((value) => ({ value })) }
      const [explained] = await db.all<object, { 'QUERY PLAN': { Plan: Plan }[] }>(places, {})
      for (const { Plan } of explained?.['QUERY PLAN'] ?? []) add(Plan)
    }
  } finally {
    await db.close()
  }
  return rows
}
