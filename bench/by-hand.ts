import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import pg from 'pg'

type Row = { [column: string]: unknown }

/** Tables that recording writes, row by row with each fact. */
const tables = ['claims', 'facts', 'marks', 'participants', 'sessions', 'changes'] as const
type Table = (typeof tables)[number]

/** `before`: facts that are inserted before the clock starts; `together`: facts a commit. */
type Amount = { before: number; together: number }

/** Reads what recording left in a file, and inserts the same rows into the same tables of a fresh file. Facts a second. */
export async function insertIntoFile(folder: string, amount: Amount): Promise<number> {
  const source = new DatabaseSync(join(folder, 'rollcall.db'), { readOnly: true })
  const target = new DatabaseSync(join(folder, 'by-hand.db'))
  target.exec('pragma journal_mode = wal; pragma synchronous = full')
  const schema = source.prepare("select sql from sqlite_master where sql is not null and name not like 'kysely%'").all()
  for (const { sql } of schema) if (!String(sql).includes('sqlite_')) target.exec(String(sql))
  const rows = new Map(
    tables.map((table) => [table, source.prepare(`select * from ${table}`).all() as Row[]] as [Table, Row[]]),
  )
  const inserts = new Map(
    [...rows].map(([table, [first = {}]]) => {
      const columns = Object.keys(first)
      const values = columns.map(() => '?')
      const statement = target.prepare(
        `insert or replace into ${table} (${columns.map((c) => `"${c}"`)}) values (${values})`,
      )
      return [table, (row: Row) => statement.run(...columns.map((c) => (row[c] ?? null) as SQLInputValue))]
    }),
  )
  const rate = await timed(rows, amount, (commit) => {
    target.exec('begin immediate')
    for (const [table, row] of commit) inserts.get(table)?.(row)
    target.exec('commit')
  })
  target.close()
  source.close()
  return rate
}

/** The same in PostgreSQL, each row a statement of its own, into copies of the tables. */
export async function insertIntoPostgres(databaseUrl: string, amount: Amount): Promise<number> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  await client.query('create schema by_hand')
  const rows = new Map<Table, Row[]>()
  for (const table of tables) {
    await client.query(`create table by_hand.${table} (like public.${table} including all)`)
    rows.set(table, (await client.query(`select * from public.${table}`)).rows)
  }
  const insert = (table: Table, row: Row) => {
    const columns = Object.keys(row)
    const text = `insert into by_hand.${table} (${columns.map((c) => `"${c}"`)}) values (${columns.map((_, i) => `$${i + 1}`)}) on conflict do nothing`
    return client.query({ name: `into ${table}`, text, values: columns.map((column) => row[column]) })
  }
  const rate = await timed(rows, amount, async (commit) => {
    await client.query('begin')
    for (const [table, row] of commit) await insert(table, row)
    await client.query('commit')
  })
  await client.end()
  return rate
}

async function timed(
  rows: Map<Table, Row[]>,
  { before, together }: Amount,
  insert: (commit: [Table, Row][]) => void | Promise<void>,
): Promise<number> {
  const commits = groupByFact(rows, together)
  const unmeasured = Math.round(before / together)
  let started = performance.now()
  for (const [i, commit] of commits.entries()) {
    if (i === unmeasured) started = performance.now()
    await insert(commit)
  }
  const seconds = (performance.now() - started) / 1000
  return ((rows.get('facts')?.length ?? 0) - unmeasured * together) / seconds
}

/** The rows that each fact touched, so many facts a commit. */
function groupByFact(rows: Map<Table, Row[]>, factsPerCommit: number): [Table, Row][][] {
  const facts = rows.get('facts') ?? []
  const of = (table: Table, name: (row: Row) => unknown) => new Map(rows.get(table)?.map((row) => [name(row), row]))
  const claims = of('claims', (row) => row.fact_id)
  const marks = of('marks', (row) => row.fact_id)
  const sessions = of('sessions', (row) => row.id)
  const people = of('participants', (row) => `${row.session_id} ${row.participant_id}`)
  const changes = rows.get('changes') ?? []
  const commits: [Table, Row][][] = []
  let change = 0
  for (let from = 0; from < facts.length; from += factsPerCommit) {
    const commit: [Table, Row][] = []
    for (const [i, fact] of facts.slice(from, from + factsPerCommit).entries()) {
      const mark = marks.get(fact.fact_id)
      const touched: [Table, Row | undefined][] = [
        ['claims', claims.get(fact.fact_id)],
        ['facts', fact],
        ['marks', mark],
        ['participants', people.get(`${fact.session_id} ${mark?.participant_id}`)],
        ['sessions', sessions.get(fact.session_id)],
      ]
      for (const [table, row] of touched) if (row !== undefined) commit.push([table, row])
      const until = ((from + i + 1) * changes.length) / facts.length
      for (; change < until; change++) commit.push(['changes', changes[change] ?? {}])
    }
    commits.push(commit)
  }
  return commits
}
