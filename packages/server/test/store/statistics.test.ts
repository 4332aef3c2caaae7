import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'

type Told = { tbl: string; idx: string; stat: string }

describe('what SQLite plans by', () => {
  test('is told of each index of the tables that it is told of, a number for each column', async () => {
    const { kysely } = openSqlite(':memory:')
    await migrateToLatest(kysely)
    const told = (await sql<Told>`select tbl, idx, stat from sqlite_stat1`.execute(kysely)).rows
    const tables = [...new Set(told.map(({ tbl }) => tbl))].filter((table) => !table.startsWith('kysely'))
    assert.ok(tables.includes('sessions'))
    for (const table of tables) {
      const indexes = await sql<{ name: string; columns: number }>`
        select l.name, count(*) as columns from pragma_index_list(${table}) as l join pragma_index_info(l.name) as i
        group by l.name order by l.name`.execute(kysely)
      const known = told
        .filter(({ tbl }) => tbl === table)
        .map(({ idx, stat }) => ({ name: idx, columns: stat.split(' ').length - 1 }))
      assert.deepEqual(
        known.sort((a, b) => (a.name < b.name ? -1 : 1)),
        indexes.rows.map((row) => ({ ...row })),
        table,
      )
    }
  })

  test('is what the server says, whoever looked at the file in between', async () => {
    const { kysely } = openSqlite(':memory:')
    await migrateToLatest(kysely)
    const read = async () =>
      (await sql<Told>`select tbl, idx, stat from sqlite_stat1 where tbl = 'sessions' order by idx`.execute(kysely))
        .rows
    const before = await read()
    await sql`analyze`.execute(kysely)
    assert.notDeepEqual(await read(), before)
    await migrateToLatest(kysely)
    assert.deepEqual(await read(), before)
  })
})
