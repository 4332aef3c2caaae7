import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Fact } from '@rollcall/protocol'
import { sql } from 'kysely'
import { verify } from '../../src/cli/verify/verify.ts'
import type { Store } from '../../src/record/open-store.ts'
import { retain } from '../../src/record/upkeep.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { bind, type Database } from '../../src/store/database/database.ts'
import { retention } from '../../src/store/retention.ts'
import { type Kept, keep } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { readKept } from '../support/traces.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 0, 5, 9)
/** Sessions are of each of these days, one in each room. */
const days = 10
const rooms = ['board', 'class', 'hall']

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

type World = {
  store: Store
  kept: Kept
  keyId: number
  neighbourId: number
  /** Which days are left, by room. */
  left(keyId: number): Promise<{ [room: string]: number[] }>
  setRoom(room: string, days: number | null): Promise<void>
  /** What the duty does, at the time that is confirmed. */
  look(server?: { logMs?: number; retentionMs?: number }): Promise<void>
}

const all = Array.from({ length: days }, (_, day) => day)
const last = (count: number) => all.slice(-count)

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`what an owner has kept on ${database}`, () => {
    let at = start
    const withWorld = (title: string, run: (world: World) => Promise<void>) =>
      test(title, async () => {
        at = start
        const kept = await keep(database === 'SQLite' ? undefined : postgres)
        const store = await kept.open(() => at)
        try {
          await run(await makeWorld(store, kept)).finally(() => store.close())
          await assertWhole(kept)
        } finally {
          await kept.remove()
        }
      })

    async function makeWorld(store: Store, kept: Kept): Promise<World> {
      const { keyId } = await store.writes.keys.add({ name: null, email: null })
      const { keyId: neighbourId } = await store.writes.keys.add({ name: null, email: null })
      for (const day of all) {
        at = start + day * dayMs
        await store.retain(at, { confirmedAt: at, logMs: 30 * dayMs, retentionMs: undefined })
        for (const owner of [keyId, neighbourId]) {
          const roomIds = await store.writes.rooms.ensure({ keyId: owner, givenIds: rooms })
          for (const [room, roomId] of roomIds)
            await store.record(owner, factsOf({ keyId: owner, room, roomId }, day, at))
        }
      }
      at += 60_000
      await store.seal(at)
      return {
        ...{ store, kept, keyId, neighbourId },
        left: (owner) =>
          kept.within(async (db) => {
            const { rows } = await sql<{ room: string; startAt: number }>`
              select r.custom_room_id as room, s.start_at as "startAt"
              from rooms as r left join sessions as s on s.key_id = r.key_id and s.room_id = r.room_id
              where r.key_id = ${owner} order by 1, 2`.execute(db.kysely)
            const told = rows.filter(({ startAt }) => startAt !== null)
            const daysOf = (room: string) =>
              told.filter((row) => row.room === room).map((row) => (Number(row.startAt) - start) / dayMs)
            return Object.fromEntries(rooms.map((room) => [room, daysOf(room)]))
          }),
        async setRoom(room, days) {
          const found = await store.reads.rooms.find(keyId, room)
          await store.writes.rooms.setRetention({ keyId, roomId: found?.roomId ?? '', days })
        },
        look: ({ logMs = 30 * dayMs, retentionMs } = {}) => store.retain(at, { confirmedAt: at, logMs, retentionMs }),
      }
    }

    withWorld(
      'is as long as they say it of their key, and another key’s stays',
      async ({ keyId, neighbourId, ...on }) => {
        await on.store.writes.retention.set({ keyId, days: 4 })
        await on.look()
        const { board, class: ofClass } = await on.left(keyId)
        assert.deepEqual([board, ofClass], [last(4), last(4)])
        assert.deepEqual(await on.left(neighbourId), { board: all, class: all, hall: all })
        // Nothing is said any more.
        await on.store.writes.retention.set({ keyId, days: null })
        at += 3 * dayMs
        await on.look()
        assert.deepEqual((await on.left(keyId)).board, last(4))
      },
    )

    withWorld('is as long as they say it of a room: shorter than the key, and longer', async ({ keyId, ...on }) => {
      await on.setRoom('board', 2)
      await on.look()
      assert.deepEqual(await on.left(keyId), { board: last(2), class: all, hall: all })
      await on.setRoom('board', 8)
      await on.store.writes.retention.set({ keyId, days: 4 })
      await on.setRoom('hall', 1)
      at += dayMs
      await on.look()
      assert.deepEqual(await on.left(keyId), { board: last(2), class: last(3), hall: [] })
      assert.deepEqual(await on.left(on.neighbourId), { board: all, class: all, hall: all })
      await on.setRoom('board', null)
      at += 2 * dayMs
      await on.look()
      assert.deepEqual(await on.left(keyId), { board: last(1), class: last(1), hall: [] })
    })

    withWorld('is longer for one room only as long as the server keeps anything', async ({ keyId, ...on }) => {
      await on.store.writes.retention.set({ keyId, days: 3 })
      await on.setRoom('board', 30)
      await on.look({ retentionMs: 6 * dayMs })
      assert.deepEqual(await on.left(keyId), { board: last(6), class: last(3), hall: last(3) })
      const { board } = await on.left(on.neighbourId)
      assert.deepEqual(board, last(6))
      await on.look({ retentionMs: 2 * dayMs })
      assert.deepEqual(await on.left(keyId), { board: last(2), class: last(2), hall: last(2) })
    })

    withWorld('is not in the log either, nor anywhere in the bytes that are kept', async ({ keyId, kept, ...on }) => {
      const isThere = async (text: string) => (await readKept(kept)).some((bytes) => bytes.includes(text))
      assert.ok(await isThere(`Ann of board, day 3, of ${keyId}`))
      await on.setRoom('board', 4)
      await on.look()
      while ((await on.store.writes.people.gather({ keyId })) > 0);
      for (const day of [0, 3, 5])
        assert.equal(await isThere(`Ann of board, day ${day}, of ${keyId}`), false, String(day))
      assert.ok(await isThere(`Ann of board, day 7, of ${keyId}`))
      assert.ok(await isThere(`Ann of hall, day 3, of ${keyId}`))
      assert.ok(await isThere(`Ann of board, day 3, of ${on.neighbourId}`))
    })

    withWorld('is not erased by a clock that leaps years ahead', async ({ keyId, store, ...on }) => {
      await store.writes.retention.set({ keyId, days: 5 * 365 })
      await on.setRoom('board', 30)
      const look = () => retain(store, { clock: { now: () => at }, log: createLog('silent'), config: kept30 })
      await look()
      await look()
      at += 20 * 365 * dayMs
      for (let i = 0; i < 20; i++, at += 600_000) await look()
      assert.deepEqual(await on.left(keyId), { board: all, class: all, hall: all })
    })

    if (database === 'SQLite')
      withWorld('is found by an index, room by room where one is kept for longer', async ({ keyId, kept }) => {
        const told = await kept.within(async (db) => {
          const asked: { sql: string; values: unknown[] }[] = []
          const noting: Database = {
            ...db,
            all(query, params) {
              asked.push({ sql: query.sql, values: bind(query, params) })
              return db.all(query, params)
            },
          }
          const limits = { confirmedAt: at, daysMax: 36_500, otherwise: 4 }
          const { due } = await retention.reads.listDueRooms({ db: noting } as never, keyId, '', limits)
          assert.equal(due.length, 3)
          const plans = []
          for (const { sql: text, values } of asked) {
            const { rows } = await db.kysely.executeQuery({
              sql: `explain query plan ${text}`,
              parameters: values,
            } as never)
            plans.push(JSON.stringify(rows))
          }
          return plans
        })
        assert.equal(told.length, 1)
        assert.match(told[0] ?? '', /SEARCH s USING INDEX sessions_of_room/)
      })
  })
}

const kept30 = { logMs: 30 * dayMs, retentionMs: undefined }

/** A session of ten seconds, of one person in each room. */
function factsOf(told: { keyId: number; room: string; roomId: string }, day: number, at: number): Fact[] {
  const { keyId, room, roomId } = told
  const sessionKey = `${room} ${day}`
  const of = { source: 'events', roomId, sessionKey, receivedAt: at }
  const ann = { participantId: `ann-${room}`, connectionId: sessionKey }
  const name = `Ann of ${room}, day ${day}, of ${keyId}`
  return [
    { ...of, ...ann, type: 'participant-joined', id: `${sessionKey} joined`, at, name },
    { ...of, ...ann, type: 'participant-left', id: `${sessionKey} left`, at: at + 10_000 },
    { ...of, type: 'session-ended', id: `${sessionKey} ended`, at: at + 10_000 },
  ]
}

async function assertWhole(kept: Kept): Promise<void> {
  const told: string[] = []
  const snapshot = openSnapshot(kept.where)
  await snapshot.read((db) => verify(db, { fault: (text) => told.push(text), progress: () => {} }))
  await snapshot.close()
  assert.deepEqual(told, [])
}
