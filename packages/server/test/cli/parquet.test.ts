import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Attendance, SessionPage } from '@rollcall/protocol'
import { dataParent } from '../support/data-parent.ts'
import { type Kept, keep, recordWorld } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { recordSession } from '../support/record-session.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let postgres: Postgres
let folder: string
before(async () => {
  postgres = await startPostgres()
  folder = await mkdtemp(join(dataParent, 'rollcall-parquet-'))
})
after(async () => {
  await postgres.stop()
  await rm(folder, { recursive: true })
})

const at = Date.UTC(2026, 0, 5, 9)
const names = ['sessions', 'participants', 'stays']

type Row = { [column: string]: unknown }

/** Asks DuckDB, which has no code in common with what wrote the files: times as ISO 8601. */
async function ask(sql: string, cwd = folder): Promise<Row[]> {
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  try {
    await connection.run(`set file_search_path = '${cwd}'; set timezone = 'UTC'`)
    const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson()
    return rows as Row[]
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

async function readAll(server: TestServer) {
  const of = (per: string) => `/v2/attendance?per=${per}&kinds=all&from=1970-01-02&to=2100-01-01`
  const [stays, participants, sessions] = await Promise.all([
    server.call<Attendance>('GET', of('interval')),
    server.call<Attendance>('GET', of('participant')),
    server.call<SessionPage>('GET', '/v2/sessions?perPage=1000'),
  ])
  return { stays: stays.body.data, participants: participants.body.data, sessions: sessions.body.data }
}

const stores: { [name: string]: () => Promise<Kept> } = { SQLite: () => keep(), PostgreSQL: () => keep(postgres) }

describe('the record as Parquet', () => {
  for (const [store, make] of Object.entries(stores)) {
    test(`on ${store} is read by DuckDB, and says of sessions, participants and stays what the API says`, async (t) => {
      const kept = await make()
      t.after(() => kept.remove())
      await recordWorld(kept)
      const own = { ROLLCALL_RATE_LIMIT: '0' }
      const now = Date.now()
      const server = await startServer({ ...kept.env, ...own }, { clock: { now: () => now } })
      t.after(() => server.stop())
      await recordSession(server, {
        roomId: (await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'añña 🎈' })).body.roomId,
        ...{ startAt: at, endAt: at + 60_000 },
        stays: [{ participantId: 'ann "1"', name: 'Ann, “the” 🎈', joinedAt: at, leftAt: at + 59_001 }],
      })
      const into = join(folder, store)
      const { code, stdout, stderr } = await runProgram('cli.js', kept.env, ['export', into, '--parquet']).ended
      assert.equal(code, 0, stderr)
      assert.match(
        stdout,
        /sessions\.parquet, .*participants\.parquet and .*stays\.parquet are tables of the record of/,
      )
      assert.deepEqual((await readdir(into)).sort(), names.map((name) => `${name}.parquet`).sort())
      assert.equal((await stat(join(into, 'stays.parquet'))).mode & 0o077, 0)

      const told = await readAll(server)
      assert.ok(told.stays.length > told.participants.length && told.participants.length > told.sessions.length)
      const iso = (column: string) => `strftime(${column}, '%Y-%m-%dT%H:%M:%S.%gZ')`
      const ofPerson = `sessionId, roomId, customRoomId, participantId, name, kind, ${iso('joinedAt')} as start,
        ${iso('leftAt')} as "end", seconds, leftReason as reason, leftInferred as inferred`
      const inOrder = (rows: object[]) => rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
      assert.deepEqual(inOrder(await ask(`select ${ofPerson} from 'stays.parquet'`, into)), inOrder(told.stays))
      assert.deepEqual(
        inOrder(await ask(`select ${ofPerson}, stays as intervals from 'participants.parquet'`, into)),
        inOrder(told.participants),
      )
      assert.deepEqual(
        inOrder(
          await ask(
            `select sessionId as id, roomId, customRoomId, engine, ${iso('startAt')} as start, ${iso('endAt')} as "end",
              participants, parentRoomId, parentSessionId, revision, ${iso('updatedAt')} as "updatedAt" from 'sessions.parquet'`,
            into,
          ),
        ),
        inOrder(
          told.sessions.map((session) => {
            const { id, roomId, customRoomId, engine, start, end, participants, revision, updatedAt } = session
            const { parentRoomId = null, parentSessionId = null } = session
            const counted = { participants: participants.length, parentRoomId, parentSessionId }
            return { id, roomId, customRoomId, engine, start, end, revision, updatedAt, ...counted }
          }),
        ),
      )
      const described = await ask(`describe select * from 'sessions.parquet'`, into)
      const types = Object.fromEntries(described.map((column) => [column.column_name, column.column_type]))
      assert.equal(types.startAt, 'TIMESTAMP WITH TIME ZONE')
      assert.equal(types.participants, 'INTEGER')

      // The same by the call, table by table.
      for (const table of names) {
        const { url } = server
        const headers = { authorization: await server.sign() }
        const answer = await fetch(`${url}/v2/export?format=parquet&table=${table}`, { headers })
        assert.equal(answer.headers.get('content-type'), 'application/vnd.apache.parquet')
        await writeFile(join(into, `told-${table}.parquet`), Buffer.from(await answer.arrayBuffer()))
        const both = `(select * from 'told-${table}.parquet' except all select * from '${table}.parquet')`
        const still = table === 'sessions' ? '' : 'where leftAt is not null'
        assert.deepEqual(await ask(`select * from ${both} ${still}`, into), [])
      }
      const sums = await ask(`select count(*)::int as n from 'told-stays.parquet'`, into)
      assert.deepEqual(sums, [{ n: told.stays.length }])
    })
  }

  test('answers the queries that docs/export.md shows', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    for (const [i, customRoomId] of ['class', 'board'].entries()) {
      const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId })
      const startAt = at + i * 3_600_000
      const stays = [
        { participantId: 'ann', name: 'Ann', joinedAt: startAt, leftAt: startAt + 600_000 },
        { participantId: 'ann', joinedAt: startAt + 900_000, leftAt: startAt + 1_800_000 },
        ...(i === 0 ? [{ participantId: 'bob', name: 'Bob', joinedAt: startAt, leftAt: startAt + 1_800_000 }] : []),
      ]
      await recordSession(server, { roomId: body.roomId, startAt, endAt: startAt + 1_800_000, stays })
    }
    const { storeEnv } = server
    const at2 = join(folder, 'docs')
    for (const args of [
      ['export', join(at2, 'tables'), '--parquet'],
      ['export', join(at2, 'rollcall.ndjson')],
    ]) {
      const { code, stderr } = await runProgram('cli.js', storeEnv, args).ended
      assert.equal(code, 0, stderr)
    }
    const text = await readFile(join(import.meta.dirname, '../../../../docs/export.md'), 'utf8')
    const queries = [...text.matchAll(/```sql\n([^`]+)```/g)].map(([, sql = '']) => sql)
    const answers = []
    for (const query of queries) answers.push(await ask(query, at2))
    const start = (i: number) => ({ startAt: `2026-01-05 ${String(9 + i).padStart(2, '0')}:00:00+00` })
    assert.deepEqual(answers, [
      [
        { name: 'Ann', sessions: '2', hours: 0.83 },
        { name: 'Bob', sessions: '1', hours: 0.5 },
      ],
      [
        { room: 'class', ...start(0), participants: 2, most_stays: 2 },
        { room: 'board', ...start(1), participants: 1, most_stays: 2 },
      ],
      [
        { person: 'ann', sessions: '2' },
        { person: 'bob', sessions: '1' },
      ],
    ])
  })

  test('is a file with no rows where nothing is recorded, and asked for wrongly it says what it takes', async (t) => {
    const server = await startServer()
    t.after(() => server.stop())
    const into = join(folder, 'empty')
    const { code } = await runProgram('cli.js', server.storeEnv, ['export', into, '--parquet']).ended
    assert.equal(code, 0)
    for (const name of names) {
      assert.deepEqual(await ask(`select count(*)::int as n from '${name}.parquet'`, into), [{ n: 0 }])
    }
    for (const [query, why] of [
      ['format=parquet', /table is missing: with format=parquet it takes sessions, participants, stays/],
      ['format=parquet&table=rooms', /table=rooms is not understood: it takes sessions, participants, stays/],
      ['table=stays', /table is taken with format=parquet alone/],
      ['format=parquet&table=stays&after=3', /a Parquet file is asked for whole/],
    ] as const) {
      const { status, text } = await server.call('GET', `/v2/export?${query}`)
      assert.equal(status, 400, query)
      assert.match(text, why)
    }
  })
})
