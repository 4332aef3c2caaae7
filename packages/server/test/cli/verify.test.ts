import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { verify } from '../../src/cli/verify/verify.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { reporter, toTime } from '../ledger/history.ts'
import { dataParent } from '../support/data-parent.ts'
import { type Kept, keep, recordWorld } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'

async function findFaults(kept: Kept): Promise<string[]> {
  const faults: string[] = []
  const snapshot = openSnapshot(kept.where)
  try {
    await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
  } finally {
    await snapshot.close()
  }
  return faults
}

const ofAnn = `session_id = (select session_id from participants where participant_id = 'ann' and key_id = 1) and key_id = 1`
const ann = `${ofAnn} and participant_id = 'ann'`
const snapped = `key_id = 1 and source = 'livekit-1'`
const sealed = `key_id = 1 and id = (select min(session_id) from seals where key_id = 1)`

/** What a broken rule looks like: how the tables come to break it, and what is told of that. */
const broken: { [rule: string]: [damage: string, told: RegExp] } = {
  'a session’s people are counted': [
    `update sessions set people = people + 1, inside = inside + 1 where ${snapped}`,
    /^key 1, session \w{24}: people is 5, and has to be 4$/,
  ],
  'the time inside is the sum of all timelogs': [
    `update sessions set closed_ms = closed_ms + 1 where ${snapped}`,
    /^key 1, session \w{24}: closedMs is \d+, and has to be \d+$/,
  ],
  'a session ends where its facts say': [
    `update sessions set end_at = end_at - 1 where ${snapped}`,
    /^key 1, session \w{24}: endAt is \d+, and has to be \d+$/,
  ],
  'nobody is inside before the session starts': [
    `update sessions set start_at = start_at + 1 where ${snapped}`,
    /^key 1, session \w{24}: participant ann: its entry from \d+ to \d+ begins before the session, \d+$/,
  ],
  'the level of a session is that of its length': [
    `update sessions set span_level = 25 where ${snapped}`,
    /^key 1, session \w{24}: spanLevel is 25, and has to be 9$/,
  ],
  'what is kept of a person is folded from their marks': [
    `update participants set open_since = 5, name = 'x' where ${ann}`,
    /^key 1, session \w{24}: participant ann: openSince is 5, and has to be null$/,
  ],
  'nobody has marks without a row': [
    `delete from participants where ${ann}`,
    /^key 1, session \w{24}: participant ann: it has marks, and no row$/,
  ],
  'every mark counts': [
    `delete from marks where ${ann} and kind = 'joined'`,
    /^key 1, session \w{24}: participant ann: joinedAt is \d+, and has to be null$/,
  ],
  'a seal is what the session is rendered to': [
    `update seals set middle = 'x' where key_id = 1`,
    /^key 1, session \w{24}: the middle of its seal is not what it is rendered to now$/,
  ],
  'the texts that lie side by side are the seals of their room': [
    `insert into newest_texts (key_id, room_id, texts) select key_id, 'busy', session_id || '\n0\n' || head || '\n' || middle || '\n' || tail from seals where key_id = 1 limit 1`,
    /^newest_texts of key 1, room busy: that of session \w{24} is not its seal$/,
  ],
  'a session that is marked as sealed is': [
    `delete from seals where key_id = 1`,
    /^key 1, session \w{24}: it is marked as sealed, and has no seal$/,
  ],
  'a seal says whether anybody was inside throughout': [
    `update sessions set gaps = 1 - gaps where ${sealed}`,
    /^key 1, session \w{24}: gaps is [01], and has to be [01]$/,
  ],
  'sessions are counted, of a key and of each room': [
    `update session_counts set sessions = sessions + 1, ended = ended - 1 where key_id = 1`,
    /^session_counts of key 1, room snapped: 2 sessions, and there are 1$/,
  ],
  'sessions are counted by the month, day and hour': [
    `update session_buckets set ended = ended + 1 where key_id = 1 and level = 2`,
    /^session_buckets of key 1, level 2, 2026-01-05T09:00:00.000Z: \d+ sessions, \d+ ended, and there are \d+, \d+ ended$/,
  ],
  'every month, day and hour that sessions started in is there': [
    `delete from session_buckets where key_id = 1 and level = 0`,
    /^session_buckets of key 1, level 0, 2026-01-01T00:00:00.000Z: it is missing, and there are \d+ sessions$/,
  ],
  'only large rooms have buckets': [
    `insert into session_buckets (key_id, room_id, level, start_at, sessions, ended) values (1, 'snapped', 0, 0, 1, 1)`,
    /^session_buckets of key 1, room snapped: it is to have none$/,
  ],
  'whoever was inside is among the people': [
    `delete from people where key_id = 1 and id = (select min(id) from people where key_id = 1)`,
    /^people of key 1: participant .+ is missing$/,
  ],
  'whoever is among the people was inside': [
    `insert into people (key_id, merged, id, name, seen_at, texts, stale) values (1, 0, 'ghost', '', 0, '', 0)`,
    /^people of key 1: ghost was inside no session$/,
  ],
  'people are found by all of their names': [
    `delete from search_grams where key_id = 1 and noun = 'person' and gram = 'ann'`,
    /^person ann.* of key 1 is not found by all that they are called$/,
  ],
  'nobody is found who is not called so': [
    `update search_grams set gram = 'zzz' where key_id = 1 and noun = 'person' and gram = 'ann'`,
    /^person ann.* of key 1 is not found/,
  ],
  'nobody is found who is not there': [
    `insert into search_grams (key_id, noun, gram, block, members) values (1, 'person', 'gho', 0, 'AQA=')`,
    /^search_grams of key 1: 1 places of a person who is not there, or not called so$/,
  ],
  'rooms are found by all of their ids': [
    `update search_rooms set texts = 'else' where key_id = 1`,
    /^room .+ of key 1 is not found by all that they are called$/,
  ],
  'whichever room had a session is found': [
    `insert into rooms (key_id, room_id, id, disabled, created_at, updated_at) values (1, 'snapped', 'x', 0, 0, 0)`,
    /^search_rooms of key 1: room snapped is missing$/,
  ],
  'no room is found that is not there': [
    `insert into search_rooms (key_id, room_id, texts) values (1, 'ghost', 'ghost')`,
    /^search_rooms of key 1: there is no room ghost$/,
  ],
  'what is packed of a day is what its sessions are': [
    `insert into usage_days (key_id, start_at, version, sessions, packed)
      select key_id, start_at, 'v', (select count(*) from sessions as s where s.key_id = 1 and s.gaps is not null
        and s.start_at >= b.start_at and s.start_at < b.start_at + 86400000), 'AAA='
      from session_buckets as b where key_id = 1 and room_id = '' and level = 1`,
    /^usage_days of key 1, 2026-01-05T00:00:00.000Z: it is not what its sessions are$/,
  ],
  'changes have no gaps': [
    `delete from changes where key_id = 1 and seq = 7`,
    /^key 1, changes: there are \d+ from 1 to \d+, and have to be \d+$/,
  ],
  'changes go on from the last number': [
    `update counters set change_seq = change_seq + 1 where key_id = 1`,
    /^key 1, changes: the last is \d+, and the counter says \d+$/,
  ],
  'the log has no gaps': [
    `delete from facts where key_id = 1 and seq = 7`,
    /^key 1, facts: there are \d+ from 1 to \d+, and have to be \d+$/,
  ],
  'the log is there from its beginning': [
    `delete from facts where key_id = 1 and seq < 7`,
    /^key 1, facts: the first is 7, and has to be 1$/,
  ],
  'each fact is claimed': [
    `delete from claims where key_id = 1 and fact_id = (select fact_id from facts where key_id = 1 and seq = 7)`,
    /^key 1, fact 7: nothing claims its id$/,
  ],
  'each fact is claimed for what it says': [
    `update claims set digest = 'x' where key_id = 1 and fact_id = (select fact_id from facts where key_id = 1 and seq = 7)`,
    /^key 1, fact 7: its id is claimed for other content$/,
  ],
  'no fact is there twice': [
    `insert into facts select key_id, seq + 1000000, source, fact_id, session_id, outcome, reason, received_at, change_seq, fact_json from facts where key_id = 1 and seq = 7`,
    /^key 1: there are \d+ facts, and \d+ ids are claimed$/,
  ],
  'a fact’s session is there': [
    `delete from sessions where ${snapped}`,
    /^key 1, fact \d+: its session \w{24} is not there$/,
  ],
  'nothing is left of a session that is not there': [
    `insert into participants (key_id, session_id, participant_id, name, kind, closed_ms) values (1, 'x', 'ghost', '', 'person', 0)`,
    /^key 1, session x: it is not there, and there are participants of it$/,
  ],
}

function contract(open: () => Promise<Kept>) {
  let kept: Kept
  before(async () => {
    kept = await open()
    await recordWorld(kept)
  })
  after(() => kept.remove())

  const run = () => runProgram('cli.js', kept.env, ['verify']).ended

  test('a sound record is well, and what was looked at is counted', async () => {
    const { code, stdout, stderr } = await run()
    assert.match(
      stdout,
      /^all is well: 2 keys, \d{2,} sessions, \d{3,} participants, \d{3,} marks, \d{3,} facts, \d{3,} changes\n$/,
    )
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  })

  for (const [rule, [damage, told]] of Object.entries(broken)) {
    test(`it is told where this does not hold: ${rule}`, async () => {
      // The damage is undone by never being kept.
      const undo = new Error('undo')
      const faults: string[] = []
      await kept
        .within((db) =>
          db.transaction(async () => {
            await sql.raw(damage).execute(db.kysely)
            await verify(db, { fault: (text) => faults.push(text), progress: () => {} })
            throw undo
          }),
        )
        .catch((error) => assert.equal(error, undo))
      assert.ok(
        faults.some((fault) => told.test(fault)),
        faults.slice(0, 20).join('\n'),
      )
    })
  }

  test('two unnamed sessions of one room and source at once are told, though the tables refuse them', async () => {
    const faults: string[] = []
    const undo = new Error('undo')
    await kept
      .within((db) =>
        db.transaction(async () => {
          await sql.raw('drop index sessions_unnamed_running').execute(db.kysely)
          await sql.raw(`update sessions set end_at = null where source = 'bridge' and key_id = 1`).execute(db.kysely)
          await verify(db, { fault: (text) => faults.push(text), progress: () => {} })
          throw undo
        }),
      )
      .catch((error) => assert.equal(error, undo))
    assert.ok(
      faults.some((fault) => /^key 1, room snapped too: \d unnamed sessions of bridge run in it at once$/.test(fault)),
      faults.join('\n'),
    )
  })

  // It comes after those that look at all that there is, again and again: it makes that more.
  test('beside a running server it looks at one moment, while facts come', async () => {
    const store = await kept.open(() => toTime(10_000))
    const { keyId } = (await store.reads.keys.list())[0] ?? { keyId: 0 }
    const { joined } = reporter({ source: 'busy', roomId: 'busy', sessionKey: 'one' })
    let busy = true
    const comes = (async () => {
      for (let n = 0; busy; n++) await store.record(keyId, [joined(`p${n}`, 10_000)])
    })()
    try {
      for (let i = 0; i < 20; i++) assert.deepEqual(await findFaults(kept), [])
    } finally {
      busy = false
      await comes
      while ((await store.writes.people.gather({ keyId })) > 0);
      await store.close()
    }
  })

  test('what does not hold is said a line each, with exit code 1', async () => {
    await kept.within(async (db) => {
      await sql.raw(`update participants set name = 'x' where ${ann}`).execute(db.kysely)
    })
    const { code, stdout } = await run()
    assert.match(
      stdout,
      /^key 1, session \w{24}: participant ann: name is "x", and has to be "Ann"\n1 of it does not hold: 2 keys, .*\n$/,
    )
    assert.equal(code, 1)
  })
}

describe('verify on SQLite', () => contract(() => keep()))

describe('verify on PostgreSQL', () => {
  let postgres: Postgres
  before(async () => {
    postgres = await startPostgres()
  })
  contract(() => keep(postgres))
  after(() => postgres.stop())
})

test('verify of a folder without a record says so', async () => {
  const { code, stdout, stderr } = await runProgram('cli.js', { ROLLCALL_DATA: '/nowhere' }, ['verify']).ended
  assert.deepEqual({ code, stdout }, { code: 1, stdout: '' })
  assert.match(stderr, /^rollcall: there is no record in ROLLCALL_DATA=\/nowhere: [^\n]+\n$/)
})

test('verify of a record that an older version made says so, and what brings it up to date', async (t) => {
  const folder = await mkdtemp(join(dataParent, 'rollcall-'))
  t.after(() => rm(folder, { recursive: true }))
  const packed = await readFile(join(import.meta.dirname, '../fixtures/record-0.1.0/rollcall.db.gz'))
  await writeFile(join(folder, 'rollcall.db'), gunzipSync(packed))
  const run = (...command: string[]) => runProgram('cli.js', { ROLLCALL_DATA: folder }, command).ended
  assert.match((await run('verify')).stderr, /^rollcall: an older Rollcall made it: [^\n]+\n$/)
  assert.equal((await run('rebuild', '--dry-run')).code, 0)
  assert.match((await run('verify')).stdout, /^all is well: /)
})
