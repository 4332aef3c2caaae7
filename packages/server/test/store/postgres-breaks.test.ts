import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { toRules } from '../../src/config.ts'
import { openStore, type Store } from '../../src/record/open-store.ts'
import type { StoreOptions } from '../../src/record/opening/opened.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

const optionsOf = (databaseUrl: string): StoreOptions => ({
  databaseUrl,
  masterKey: randomBytes(32),
  dataFolder: '',
  rules: toRules({ graceMs: 20_000 }),
  clock: { now: () => Date.UTC(2026, 0, 5, 9) },
})

describe('a PostgreSQL database', () => {
  test('that is not there, or asks for another master key, stops the start with a line that names it', async () => {
    const nowhere = optionsOf('postgres://somebody:secret@127.0.0.1:1/nothing')
    await assert.rejects(
      openStore(nowhere),
      /^StartRefusal: DATABASE_URL=postgres:\/\/127.0.0.1:1\/nothing cannot be used: /,
    )
    const options = optionsOf(await postgres.newDatabase())
    const first = await openStore(options)
    await first.writes.keys.add({ name: null, email: null })
    await first.close()
    await assert.rejects(openStore({ ...options, masterKey: randomBytes(32) }), /sealed under another master key/)
    await assert.rejects(openStore({ ...options, masterKey: undefined }), /ROLLCALL_MASTER_KEY has to be/)
  })

  test('whose tables ten servers make at once is made once', async () => {
    const options = { ...optionsOf(await postgres.newDatabase()), exclusive: false }
    const stores = await Promise.all(Array.from({ length: 10 }, () => openStore(options)))
    const keys = await Promise.all(stores.map((store) => store.writes.keys.add({ name: null, email: null })))
    assert.equal(new Set(keys.map((key) => key.keyId)).size, 10)
    await Promise.all(stores.map((store) => store.close()))
  })

  test('is looked at by its planner as soon as there are a thousand facts, not whenever its own turn comes', async () => {
    const databaseUrl = await postgres.newDatabase()
    const store = await openStore(optionsOf(databaseUrl))
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    const at = Date.UTC(2026, 0, 5, 8)
    const joins = Array.from({ length: 1000 }, (_, n) => ({
      ...{ type: 'participant-joined' as const, id: `${n}`, source: 'events', roomId: 'room', sessionKey: 'one' },
      ...{ participantId: `p${n}`, connectionId: `c${n}`, at: at + n, receivedAt: at + n },
    }))
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    const readSeen = async () => {
      const { rows } = await client.query(`select reltuples from pg_class where oid = to_regclass('claims')`)
      return Number(rows[0]?.reltuples)
    }
    await store.record(keyId, joins.slice(0, 999))
    assert.equal(await readSeen(), -1)
    await store.record(keyId, joins.slice(999))
    while ((await readSeen()) === -1) await pause(20)
    assert.equal(await readSeen(), 1000)
    await client.end()
    await store.close()
  })

  test('that two processes write a room of loses no fact, and its changes are numbered without gaps', async () => {
    const options = { ...optionsOf(await postgres.newDatabase()), exclusive: false }
    const [one, two] = await Promise.all([openStore(options), openStore(options)])
    const { keyId } = await one.writes.keys.add({ name: null, email: null })
    const at = Date.UTC(2026, 0, 5, 8)
    const join = (n: number) => {
      const who = { participantId: `p${n}`, connectionId: `c${n}` }
      const of = { source: 'events', roomId: `r${n % 3}`, sessionKey: `s${n % 3}`, at: at + n, receivedAt: at + n }
      return { type: 'participant-joined' as const, id: `${n}`, ...of, ...who }
    }
    // Both record all of them, each in its own order: twice is once, whoever is first.
    const numbers = Array.from({ length: 300 }, (_, n) => n)
    const outcomes = await Promise.all(
      [one, two].map(async (store, i) => {
        const mine = i === 0 ? numbers : numbers.toReversed()
        const recorded = await Promise.all(mine.map((n) => store.record(keyId, [join(n)])))
        return recorded.flat().filter(({ outcome }) => outcome === 'recorded').length
      }),
    )
    assert.equal((outcomes[0] ?? 0) + (outcomes[1] ?? 0), 300)
    const { sessions, total } = await one.reads.sessions.list(keyId, {}, { page: 1, perPage: 10 }, 1000)
    assert.equal(total, 3)
    for (const session of sessions) assert.ok('record' in session && session.record.session.inside === 100)
    const changes = await one.reads.changes.after(keyId, 0, 10_000)
    assert.deepEqual(
      changes.map(({ seq }) => seq),
      changes.map((_, i) => i + 1),
    )
    assert.equal(changes.filter(({ type }) => type === 'participant.joined').length, 300)
    await Promise.all([one.close(), two.close()])
  })

  test('whose commits are slow shows no change before all that are numbered below it, whoever wrote them', async () => {
    const databaseUrl = await postgres.newDatabase()
    const options = { ...optionsOf(databaseUrl), exclusive: false }
    const stores = await Promise.all([0, 1, 2, 3].map(() => openStore(options)))
    const [first] = stores
    assert.ok(first)
    const { keyId } = await first.writes.keys.add({ name: null, email: null })
    const at = Date.UTC(2026, 0, 5, 8)
    const perStore = 15
    const join = (store: Store, room: string, participantId: string) => {
      const of = { source: `events/${room}`, roomId: room, sessionKey: 's', at, receivedAt: at }
      return store.record(keyId, [{ ...of, type: 'participant-joined', id: `${room} ${participantId}`, participantId }])
    }
    // The sessions run already, so that what is written has nothing but the numbers in common.
    for (const i of stores.keys()) await join(first, `room ${i}`, 'host')
    let { last } = await first.reads.changes.range(keyId)
    const client = new pg.Client({ connectionString: databaseUrl })
    await client.connect()
    // Each commit takes a while of its own after its numbers were taken, so that a later one would overtake it.
    await client.query(`
      create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep((new.seq * new.seq * 7 % 23) * 0.001); return null; end $$;
      create constraint trigger slow after insert on changes deferrable initially deferred for each row execute function dawdle()`)
    await client.end()
    const recorded = Promise.all(
      stores.map(async (store, i) => {
        for (let n = 0; n < perStore; n++) await join(store, `room ${i}`, `guest ${n}`)
      }),
    )
    const end = last + stores.length * perStore
    while (last < end) {
      for (const { seq } of await first.reads.changes.after(keyId, last, 1000)) assert.equal(seq, ++last)
    }
    await recorded
    await Promise.all(stores.map((store) => store.close()))
  })

  test('whose connections break again and again loses no acknowledged fact, and doubles none', async () => {
    const databaseUrl = await postgres.newDatabase()
    const store = await openStore(optionsOf(databaseUrl))
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    const killer = new pg.Client({ connectionString: databaseUrl })
    await killer.connect()
    const breakAll = async () => {
      const { rowCount } = await killer.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rollcall' and datname = current_database()",
      )
      return rowCount ?? 0
    }
    let broken = 0
    const at = Date.UTC(2026, 0, 5, 8)
    const acknowledged: string[] = []
    for (let n = 0; n < 60; n++) {
      const facts = Array.from({ length: 5 }, (_, i) => ({
        type: 'participant-joined' as const,
        id: `${n}-${i}`,
        source: 'events',
        roomId: 'r',
        sessionKey: 's',
        at: at + n,
        receivedAt: at + n,
        participantId: `p${n}-${i}`,
        connectionId: `c${n}-${i}`,
      }))
      // Every third is under way while the connections break, at one moment of it or another.
      const recording = store.record(keyId, facts)
      if (n % 3 === 0) {
        await new Promise((resolve) => setTimeout(resolve, n / 4))
        broken += await breakAll()
      }
      for (const { id, outcome } of await recording) {
        assert.ok(outcome === 'recorded' || outcome === 'duplicate', outcome)
        acknowledged.push(id)
      }
    }
    await killer.end()
    assert.ok(broken > 0, 'connections were broken')
    const [session] = (await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 10 }, 1000)).sessions
    assert.ok(session !== undefined && 'record' in session)
    assert.equal(session.record.session.inside, 300)
    assert.equal(new Set(acknowledged).size, 300)
    const changes = await store.reads.changes.after(keyId, 0, 10_000)
    assert.deepEqual(
      changes.map(({ seq }) => seq),
      changes.map((_, i) => i + 1),
    )
    assert.equal(changes.filter(({ type }) => type === 'participant.joined').length, 300)
    await store.close()
  })
})
