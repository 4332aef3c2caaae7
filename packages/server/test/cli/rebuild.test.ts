import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import { createRandom, type Random } from '../../../../chaos/random.ts'
import { openFresh } from '../../src/cli/open-tables.ts'
import { rebuild } from '../../src/cli/rebuild/rebuild.ts'
import { verify } from '../../src/cli/verify/verify.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { reporter, toTime } from '../ledger/history.ts'
import { dump, type Kept, keep, recordWorld, rules } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer } from '../support/start-server.ts'

/** `folded`: the keys that were written anew beside what is kept. */
async function fold(kept: Kept, dryRun: boolean) {
  const told: string[] = []
  const fresh = await openFresh(kept.where)
  try {
    const report = { tell: (text: string) => told.push(text), progress: () => {} }
    const rebuilt = await rebuild(fresh, rules, report, { dryRun })
    const folded = await fresh.db.kysely.selectFrom('sessions').select('key_id').distinct().execute()
    return { ...rebuilt, told, folded }
  } finally {
    await fresh.drop()
  }
}

async function findFaults(kept: Kept): Promise<string[]> {
  const faults: string[] = []
  const snapshot = openSnapshot(kept.where)
  await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
  await snapshot.close()
  return faults
}

/** What somebody, or a broken disk, may do to rows that were derived; each names what is told of it. */
const damages: [text: string, told: RegExp][] = [
  [
    "update sessions set people = people + 1, end_at = end_at + 1 where source = 'livekit-1'",
    /^sessions: key_id 1, id \w+: end_at is \d+, folded again \d+; people is 5, folded again 4$/,
  ],
  ['delete from sessions where id = (select max(id) from sessions)', /^sessions: key_id \d, id \w+: it is missing$/],
  ["update participants set name = 'x' where participant_id = 'ann'", /^participants: .* ann: name is "x", .* "Ann"$/],
  ["delete from participants where participant_id = 'bob'", /^participants: .* participant_id bob: it is missing$/],
  [
    "delete from marks where participant_id = 'p3' and kind = 'left'",
    /^marks: .* participant_id p3, .*: it is missing$/,
  ],
  [
    "insert into participants (key_id, session_id, participant_id, name, kind, closed_ms) values (1, 'x', 'ghost', '', 'person', 0)",
    /^participants: key_id 1, session_id x, participant_id ghost: no fact tells of it$/,
  ],
  ["update seals set head = 'x'", /^seals: .*: head is "x", folded again /],
  ['delete from changes where seq = 3', /^changes: key_id 2, seq 3: it is missing$/],
  ["update changes set reason = 'none' where seq = 5", /^changes: key_id 1, seq 5: reason is "none", folded again /],
  ['delete from claims where fact_id in (select fact_id from facts where seq = 2)', /^claims: .*: it is missing$/],
  ['update counters set change_seq = change_seq + 1', /^counters: key_id 1: change_seq is \d+, folded again \d+$/],
  ['update session_counts set ended = ended + 1', /^session_counts: key_id 1, room_id : ended is /],
  [
    'update session_buckets set sessions = sessions + 1 where level = 1',
    /^session_buckets: .*, level 1, .*: sessions is /,
  ],
  ['delete from session_buckets where level = 2', /^session_buckets: .*, level 2, start_at \d+: it is missing$/],
  ["update facts set outcome = 'none' where seq = 4", /^facts: key_id 1, seq 4: outcome is none, folded again /],
]

function damage(kept: Kept): Promise<void> {
  return kept.within(async (db) => {
    for (const [text] of damages) await sql.raw(text).execute(db.kysely)
  })
}

/** Tables that follow from the log, and columns of them that it does not tell. */
const derived: { [table: string]: string[] } = {
  sessions: ['look_at', 'seal_at'],
  participants: [],
  marks: [],
  seals: [],
  media: [],
  changes: [],
  claims: [],
  counters: ['facts_dropped'],
  session_counts: [],
  session_buckets: [],
}

type Row = { [column: string]: string | number | null }

/** Takes a row at random away, makes one like it, or writes something else into one of its columns. Gives what it did, in words. */
function damageAtRandom(kept: Kept, table: string, random: Random): Promise<string> {
  return kept.within(async (db) => {
    const { rows } = await sql.raw<Row>(`select * from ${table}`).execute(db.kysely)
    const row = random.pick(rows)
    const isRow = sql.join(
      Object.entries(row).map(
        ([column, value]) =>
          sql`${sql.ref(column)} ${sql.raw(value === null ? 'is null' : '=')} ${value === null ? sql`` : value}`,
      ),
      sql` and `,
    )
    // A session that is not there is not sealed either: that is for the server to do again.
    const isSealed = table === 'sessions' && row.gaps !== null
    const untold = [...(derived[table] ?? []), ...(isSealed ? ['key_id', 'id'] : [])]
    const columns = Object.keys(row).filter((column) => row[column] !== null && !untold.includes(column))
    const column = random.pick(columns)
    const value = row[column] ?? 0
    const other = typeof value === 'number' ? value + 10 : `${value}x`
    const what = random.pick(isSealed ? ['insert', 'update'] : ['delete', 'insert', 'update'])
    if (what === 'delete') await sql`delete from ${sql.table(table)} where ${isRow}`.execute(db.kysely)
    else if (what === 'update')
      await sql`update ${sql.table(table)} set ${sql.ref(column)} = ${other} where ${isRow}`.execute(db.kysely)
    else await db.insertRows(table as 'marks', [{ ...row, key_id: Number(row.key_id) + 10 } as never])
    return `${what} ${table} ${column} ${JSON.stringify(row)}`
  })
}

/** @param damages how many rows are damaged at random, one after the other */
function contract(open: () => Promise<Kept>, { damagesAtRandom }: { damagesAtRandom: number }) {
  let kept: Kept
  let whole: Awaited<ReturnType<typeof dump>>
  before(async () => {
    kept = await open()
    await recordWorld(kept)
    whole = await dump(kept)
  })
  after(() => kept.remove())

  const rollcall = (...args: string[]) => runProgram('cli.js', kept.env, args)

  test('the log folded again gives every row that was derived from it, byte by byte', async () => {
    assert.ok((whole.seals?.length ?? 0) > 0 && (whole.sessions?.length ?? 0) > 50)
    const { code, stdout } = await rollcall('rebuild', '--dry-run').ended
    const facts = whole.facts?.length
    assert.match(stdout, new RegExp(`^nothing differs: ${facts} facts folded again, \\d+ a second\n$`))
    assert.equal(code, 0)
  })

  test('whatever is damaged in whatever table is mended, of that key alone: of the others nothing is written anew', async () => {
    const random = createRandom(Number(process.env.ROLLCALL_TEST_SEED ?? 1))
    const tables = Object.keys(derived)
    for (let i = 0; i < damagesAtRandom; i++) {
      const damaged = await damageAtRandom(kept, tables[i % tables.length] ?? '', random)
      const { differences, told, folded } = await fold(kept, false)
      assert.ok(differences > 0 && told.length > 0, damaged)
      assert.ok(folded.length <= 1, damaged)
      assert.deepEqual(await dump(kept), whole, damaged)
      const again = await fold(kept, true)
      assert.deepEqual({ ...again, facts: 0 }, { facts: 0, differences: 0, sessionsLeft: 0, told: [], folded: [] })
    }
  })

  test('damaged rows are told, each by its key, and left alone by --dry-run', async () => {
    await damage(kept)
    const damaged = await dump(kept)
    const { code, stdout } = await rollcall('rebuild', '--dry-run').ended
    const lines = stdout.split('\n')
    for (const [text, told] of damages)
      assert.ok(
        lines.some((line) => told.test(line)),
        `${text}\n${stdout}`,
      )
    // Before them, session by session, what of times is another: who was inside, for how long.
    const ofSessions = lines.filter((line) => line.startsWith('key '))
    const time = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z'
    for (const told of [
      new RegExp(
        `^key 1, session \\w+ of room snapped: ${time} to ${time}, was ${time} to ${time}; bob 100 s, was not there$`,
      ),
      new RegExp(`^key \\d, session \\w+ of room [^:]+: ${time} to (now|${time}), was none`),
    ]) {
      assert.ok(
        ofSessions.some((line) => told.test(line)),
        `${told}\n${ofSessions.join('\n')}`,
      )
    }
    assert.match(stdout, /\d+ rows differ: \d+ facts folded again/)
    assert.equal(code, 1)
    assert.deepEqual(await dump(kept), damaged)
    await fold(kept, false)
  })

  test('a rebuild that is killed leaves the tables as they were, or mended whole', async () => {
    await damage(kept)
    const damaged = await dump(kept)
    for (const waitMs of [0, 10, 30]) {
      const program = rollcall('rebuild')
      // The differences are told just before they are mended.
      await program.says('stdout', /\n/)
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      program.child.kill('SIGKILL')
      await program.ended
      const left = await dump(kept)
      const isMended = left.sessions?.length === whole.sessions?.length
      assert.deepEqual(left, isMended ? whole : damaged)
      if (isMended) await damage(kept)
    }
    await fold(kept, false)
  })

  test('rebuild restores every damaged row, and the log stays as it is', async () => {
    await damage(kept)
    const { code, stdout } = await rollcall('rebuild').ended
    assert.match(stdout, /\d+ rows are mended: \d+ facts folded again/)
    assert.equal(code, 0)
    assert.deepEqual(await dump(kept), whole)
    assert.deepEqual(await findFaults(kept), [])
  })

  test('a server that runs on it keeps rebuild away', async () => {
    const server = await startServer(kept.env)
    try {
      const { code, stdout, stderr } = await rollcall('rebuild').ended
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
      assert.match(
        stderr,
        /^rollcall: .* is in use by (another Rollcall server: stop that one|Rollcall servers: stop them)[^\n]*\n$/,
      )
    } finally {
      await server.stop()
    }
  })

  test('a session whose beginning is not in the log any more is left as it is, and the others are mended', async () => {
    await kept.within(async (db) => {
      await sql.raw('delete from facts where key_id = 1 and seq <= 60').execute(db.kysely)
    })
    const shortened = await dump(kept)
    const { differences, sessionsLeft, folded } = await fold(kept, true)
    assert.deepEqual([differences, folded], [0, []])
    assert.ok(sessionsLeft > 0 && sessionsLeft < (shortened.sessions?.length ?? 0) / 2, `${sessionsLeft}`)
    await kept.within(async (db) => {
      const ghost = 'insert into participants (key_id, session_id, participant_id, name, kind, closed_ms) values '
      await sql.raw(`${ghost} (1, 'x', 'ghost', '', 'person', 0)`).execute(db.kysely)
    })
    assert.equal((await fold(kept, false)).differences, 1)
    await kept.within(async (db) => {
      await sql.raw('update sessions set people = people + 1').execute(db.kysely)
    })
    const mended = await fold(kept, false)
    assert.equal(mended.differences, (shortened.sessions?.length ?? 0) - sessionsLeft)
    assert.deepEqual({ ...(await dump(kept)), sessions: [] }, { ...shortened, sessions: [] })
  })

  test('what came of a session after it was sealed is no difference, before it is sealed again as after it', async (t) => {
    const late = await open()
    t.after(() => late.remove())
    const store = await late.open(() => toTime(400))
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    const { joined, left, ended } = reporter({ roomId: 'room', sessionKey: '1' })
    await store.record(keyId, [joined('ann', 0), ended(60)])
    await store.seal(toTime(300))
    await store.record(keyId, [left('ann', 50, { receivedAt: 310 })])
    await store.close()
    const found = await fold(late, true)
    assert.deepEqual([found.differences, found.told, found.folded], [0, [], []])
    const again = await late.open(() => toTime(400))
    await again.seal(toTime(400))
    await again.close()
    assert.deepEqual((await fold(late, true)).told, [])
  })
}

describe('rebuild on SQLite', () => contract(() => keep(), { damagesAtRandom: 10 }))

describe('rebuild on PostgreSQL', () => {
  let postgres: Postgres
  before(async () => {
    postgres = await startPostgres()
  })
  contract(() => keep(postgres), { damagesAtRandom: 3 })
  after(() => postgres.stop())
})
