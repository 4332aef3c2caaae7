import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { toRules } from '../../src/config.ts'
import { perform } from '../../src/record/nouns.ts'
import { openStore } from '../../src/record/open-store.ts'
import { createTransact } from '../../src/record/transaction.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { startOfDay } from '../../src/store/database/days.ts'
import { distribute, findCitus } from '../../src/store/database/postgres/citus.ts'
import { openLogDays } from '../../src/store/database/postgres/log-days.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { createSecretBox } from '../../src/store/database/secrets.ts'
import { createDatabase, spreadDatabase } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer } from '../support/start-server.ts'

/** The address of a database with the extension, on the coordinator, whose machines take rows. */
const given = process.env.ROLLCALL_TEST_CITUS_URL
const skip = given === undefined && 'ROLLCALL_TEST_CITUS_URL names no Citus'
const service = given ?? ''

const masterKey = randomBytes(32)
const rules = toRules({ graceMs: 20_000 })

async function open(t: TestContext, databaseUrl: string) {
  const store = await openStore({ databaseUrl, masterKey, dataFolder: '', rules, clock: systemClock })
  t.after(() => store.close())
  return store
}

function connect(t: TestContext, url: string) {
  const db = openPostgres(url, { connections: 2, isDistributed: true })
  t.after(async () => db.close())
  return db
}

/** What the rooms of a key report: a session each, of two people, which ends. */
function sessionsOf(rooms: string[], startAt = Date.now() - 600_000) {
  return rooms.flatMap((roomId) => {
    const about = (id: string, at: number) => ({
      ...{ id: `${roomId} ${id}`, source: 'events', roomId, sessionKey: roomId, at, receivedAt: Date.now() },
    })
    const who = (name: string) => ({ participantId: name, connectionId: `${name} of ${roomId}`, name })
    return [
      { type: 'session-started' as const, ...about('start', startAt) },
      ...['ada', 'bob'].flatMap((name, i) => [
        { type: 'participant-joined' as const, ...about(`${name} in`, startAt + i * 1000), ...who(name) },
        { type: 'participant-left' as const, ...about(`${name} out`, startAt + 60_000 + i * 1000), ...who(name) },
      ]),
      { type: 'session-ended' as const, ...about('end', startAt + 120_000) },
    ]
  })
}

/** Fails where the command says anything but that all is well. */
async function assertClean(databaseUrl: string, ...args: string[]): Promise<void> {
  const env = { DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: masterKey.toString('hex') }
  const { code, stdout, stderr } = await runProgram('cli.js', env, args).ended
  assert.equal(code, 0, stdout + stderr)
}

describe('on Citus', { skip }, () => {
  test('a record that is begun there lies on it by key; verify and rebuild find nothing wrong', async (t) => {
    const databaseUrl = await createDatabase(service)
    const store = await open(t, databaseUrl)
    const db = connect(t, databaseUrl)
    assert.equal((await findCitus(db.kysely))?.isDistributed, true)
    const keys = await Promise.all(['one', 'two', 'three'].map((name) => store.writes.keys.add({ name, email: null })))
    const rooms = ['room-a', 'room-b']
    await Promise.all(keys.map(({ keyId }) => store.record(keyId, sessionsOf(rooms), { newRooms: rooms })))
    for (const { keyId } of keys) {
      const { sessions, total } = await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 20 }, 10)
      assert.equal(total, 2)
      assert.equal(sessions.length, 2)
    }
    await store.seal(Date.now() + 3_600_000)
    await store.sweep(Date.now())
    await store.retain(Date.now(), { logMs: 86_400_000, retentionMs: undefined, confirmedAt: Date.now() })
    const withNews = await store.reads.people.listKeysWithNews()
    assert.deepEqual(
      withNews.sort(),
      keys.map(({ keyId }) => keyId),
    )
    for (const { keyId } of keys) while ((await store.writes.people.gather({ keyId })) > 0);
    assert.deepEqual(await store.reads.people.listKeysWithNews(), [])
    assert.deepEqual(
      [...(await store.reads.changes.countRecorded()).keys()].sort(),
      keys.map(({ keyId }) => keyId),
    )
    assert.equal(await store.reads.sessions.countRunning(), 0)
    assert.ok(await store.reads.retention.findLastFactAt())
    const { people } = await store.reads.people.search(keys[0]?.keyId ?? 0, {
      part: 'ad',
      after: undefined,
      perPage: 10,
    })
    assert.equal(people.length, 1)
    const day = startOfDay(Date.now())
    for (const { keyId } of await store.reads.usage.keys()) {
      await store.reads.usage.days(keyId, { from: day - 86_400_000, to: day + 86_400_000 })
      const { days } = await store.reads.usage.toPack(keyId, { after: 0, to: day + 86_400_000 })
      assert.equal(days.length, 1)
    }
    await store.close()
    await assertClean(databaseUrl, 'verify')
    await assertClean(databaseUrl, 'rebuild')
    // What the log has otherwise is mended where it lies.
    await sql`update participants set closed_ms = closed_ms + 1`.execute(db.kysely)
    await assertClean(databaseUrl, 'rebuild')
    await assertClean(databaseUrl, 'rebuild', '--dry-run')
  })

  test('rollcall distribute takes a record there, from where it was broken off; its lists are the same', async (t) => {
    const databaseUrl = await createDatabase(service, `plain_${randomBytes(6).toString('hex')}`, { isPlain: true })
    const before = await open(t, databaseUrl)
    const { keyId } = await before.writes.keys.add({ name: 'one', email: null })
    await before.record(keyId, sessionsOf(['room-a', 'room-b']), { newRooms: ['room-a', 'room-b'] })
    await before.seal(Date.now() + 3_600_000)
    const list = (store: typeof before) => store.reads.sessions.list(keyId, {}, { page: 1, perPage: 20 }, 10)
    const listed = await list(before)
    await before.close()
    await spreadDatabase(service, databaseUrl)
    const db = connect(t, databaseUrl)
    const breakOff = (done: number) => {
      if (done === 10) throw new Error('broken off')
    }
    await assert.rejects(distribute(db.kysely, { progress: breakOff }), /broken off/)
    await assertClean(databaseUrl, 'distribute')
    await assertClean(databaseUrl, 'verify')
    await assertClean(databaseUrl, 'rebuild', '--dry-run')
    const store = await open(t, databaseUrl)
    assert.deepEqual(await list(store), listed)
  })

  test('a table that a newer version makes is put where it belongs by its first start', async (t) => {
    const databaseUrl = await createDatabase(service)
    await (await open(t, databaseUrl)).close()
    const db = connect(t, databaseUrl)
    await sql`select undistribute_table('looks')`.execute(db.kysely)
    await (await open(t, databaseUrl)).close()
    const { rows } = await sql`select from pg_dist_partition where logicalrelid = 'looks'::regclass`.execute(db.kysely)
    assert.equal(rows.length, 1)
  })

  test('lists and reports answer there, and whoever is erased is gone; verify finds nothing wrong', async (t) => {
    const databaseUrl = await createDatabase(service)
    const server = await startServer({ DATABASE_URL: databaseUrl, ROLLCALL_MASTER_KEY: masterKey.toString('hex') })
    t.after(() => server.stop())
    const startAt = Date.now() - 600_000
    const events = ['ada', 'bob'].flatMap((participantId, i) =>
      (['participant-joined', 'participant-left'] as const).map((type, n) => ({
        ...{ id: `${participantId} ${type}`, type, roomId: 'class', sessionKey: 'one', participantId },
        ...{ at: startAt + (n * 60 + i) * 1000, ...(n === 0 && { name: participantId }) },
      })),
    )
    await server.call('POST', '/v2/webhooks', { endPoint: 'https://1.1.1.1/hook', events: ['*'] })
    assert.equal((await server.call('POST', '/v2/events', { events })).status, 200)
    const { body } = await server.call<{ data: { id: string }[] }>('GET', '/v2/sessions?customRoomId=class')
    const [session] = body.data
    const period = `startDate=${new Date(startAt - 1000).toISOString()}&endDate=${new Date().toISOString()}&tz=UTC`
    for (const path of [
      ...['/v2/rooms', '/v2/webhooks', '/v2/audit', '/v2/schedules', '/v2/sources', '/v2/people', '/v2/keys'],
      ...[`/v2/sessions/${session?.id}`, `/v2/sessions/${session?.id}/participants`, `/v2/usage?${period}`],
      ...[`/v2/attendance?${period}`, '/v2/sessions?search=cla', '/v2/sessions?participantId=ada'],
    ]) {
      assert.equal((await server.call('GET', path)).status, 200, path)
    }
    await server.call('POST', '/v2/sessions/end', { sessionId: session?.id })
    assert.equal((await server.call('DELETE', '/v2/participants/ada')).status, 200)
    const left = await server.call<{ pageInfo: { total: number } }>('GET', '/v2/sessions?participantId=ada')
    assert.equal(left.body.pageInfo.total, 0)
    assert.equal((await server.call('DELETE', `/v2/sessions/${session?.id}`)).status, 200)
    await server.stop()
    await assertClean(databaseUrl, 'verify')
  })

  test('recording for one key takes locks where its rows lie alone, on one connection to that machine', async (t) => {
    const databaseUrl = await createDatabase(service)
    const store = await open(t, databaseUrl)
    const { keyId } = await store.writes.keys.add({ name: 'one', email: null })
    const db = openPostgres(databaseUrl, { connections: 1, isDistributed: true, isBounded: true })
    t.after(async () => db.close())
    const transact = createTransact(db, { rules, box: createSecretBox(masterKey), now: Date.now })
    for (const rooms of [['new-a', 'new-b'], ['old-a']]) {
      const input = { keyId, facts: sessionsOf(rooms), newRooms: rooms }
      await transact(
        async (transaction) => {
          await perform(transaction, { noun: 'facts', verb: 'record', input })
          await transaction.facts.flush()
          const { shards, connections } = await findLocks(databaseUrl)
          assert.deepEqual({ places: shards.length, connections }, { places: 1, connections: 1 }, shards.join())
        },
        [input],
      )
    }
  })

  test('days of the log are made and dropped', async (t) => {
    const databaseUrl = await createDatabase(service)
    await (await open(t, databaseUrl)).close()
    const days = openLogDays(databaseUrl)
    const day = startOfDay(Date.now() - 40 * 86_400_000)
    await days.makeAll([day])
    const db = connect(t, databaseUrl)
    const name = `facts_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`
    const isThere = async () =>
      (await sql`select from pg_dist_partition where logicalrelid = to_regclass(${name})`.execute(db.kysely)).rows
        .length
    assert.equal(await isThere(), 1)
    await days.dropBefore(startOfDay(Date.now()))
    assert.equal(await isThere(), 0)
  })
})

/** Which places of rows are locked on the machines, to be written, or against something; and by how many connections to one. */
async function findLocks(databaseUrl: string): Promise<{ shards: string[]; connections: number }> {
  const ask = async (url: string, text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    // Else the tables that rows lie in are hidden.
    await client.query('set citus.override_table_visibility = off')
    const { rows } = await client.query(text)
    await client.end()
    return rows
  }
  const placed = await ask(
    databaseUrl,
    'select shardid, shardminvalue as first from pg_dist_shard where shardminvalue is not null',
  )
  const firstOf = new Map(placed.map(({ shardid, first }) => [String(shardid), String(first)]))
  const shards = new Set<string>()
  let connections = 0
  const machines = await ask(databaseUrl, 'select nodename, nodeport from pg_dist_node where shouldhaveshards')
  for (const { nodename, nodeport } of machines) {
    const url = Object.assign(new URL(databaseUrl), { hostname: nodename, port: String(nodeport) })
    const locks = await ask(
      url.href,
      `select l.pid, l.mode, c.relname as name from pg_locks as l join pg_class as c on c.oid = l.relation
       where c.relkind in ('r', 'p') and c.relname ~ '_[0-9]+$' and l.database = (select oid from pg_database where datname = current_database())`,
    )
    const ours = locks.filter(({ name }) => firstOf.has(/_(\d+)$/.exec(name)?.[1] ?? ''))
    for (const { name } of ours) shards.add(firstOf.get(/_(\d+)$/.exec(name)?.[1] ?? '') ?? '')
    connections += new Set(ours.map(({ pid }) => pid)).size
  }
  return { shards: [...shards], connections }
}
