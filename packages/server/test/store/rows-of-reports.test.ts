import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { sql } from 'kysely'
import type { Database } from '../../src/store/database/database.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { sessions } from '../../src/store/sessions/sessions.ts'
import { makeRoom } from '../support/api-calls.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { recordSession } from '../support/record-session.ts'
import { type Asked, createScale, hear } from '../support/scale.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// Reports read some sessions of a record. The same people are in the others, which are not to be looked at for that; and what is read
// of several is asked for at once, for the way to a database takes longer than the answer.

const sizes = [5, 40]
const people = 120
const keyId = 1
const dayMs = 86_400_000
const hourMs = 3_600_000
/** Nothing was heard of a session for long: it is sealed. */
const quietMs = 60_000
const firstAt = Date.UTC(2026, 0, 5, 9)
/** What is looked at may grow so much from the smaller to the larger: an index may be a level deeper. */
const growthMax = 1.3

type World = { server: TestServer; db: Database; place: string; roomId: string; ids: string[] }
type Reads = ReturnType<typeof hear>

const stayOf = (n: number, startAt: number) => ({
  participantId: `person ${n}`,
  name: `Person ${n}`,
  joinedAt: startAt + n,
  leftAt: startAt + hourMs,
})

/** Each reads of the first three sessions alone, or of one of them. */
const reading: { [what: string]: (over: Reads, world: World) => Promise<unknown> } = {
  'the people of a session': (over, { ids }) => drain(sessions.reads.people(over, keyId, ids[1] ?? '')),
  'whole sessions': (over, { ids }) => drain(sessions.reads.parts(over, keyId, ids.slice(0, 3))),
  'when people were inside': (over, { ids }) => drain(sessions.reads.times(over, keyId, ids.slice(0, 3))),
  'a page of the people of a session': (over, { ids }) =>
    sessions.reads.listParticipants(over, keyId, ids[1] ?? '', { page: 1, perPage: 100 }),
  'one person in each of some sessions': (over, { ids }) =>
    sessions.reads.ofPeople(
      over,
      keyId,
      ids.slice(0, 3).map((sessionId) => ({ sessionId, participantId: 'person 7' })),
    ),
  'the texts of sealed sessions': (over, { ids }) => sessions.reads.listSealedHeads(over, keyId, ids.slice(0, 3), 1000),
  'what ran in a room at some times': (over, { roomId }) =>
    sessions.reads.duringEach(over, keyId, periodsOf(roomId, 3)),
  'what ran at some time': (over) =>
    drain(sessions.reads.during(over, keyId, { from: firstAt + 1000, to: firstAt + 2 * dayMs })),
}

function periodsOf(roomId: string, count: number): { roomId: string; from: number; to: number }[] {
  return Array.from({ length: count }, (_, day) => {
    const from = firstAt + day * dayMs + 1000
    return { roomId, from, to: from + hourMs }
  })
}

async function drain<T>(all: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const one of all) list.push(one)
  return list
}

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`what a report reads on ${database}`, () => {
    let postgres: Postgres | undefined
    const worlds: World[] = []
    before(async () => {
      if (database === 'PostgreSQL') postgres = await startPostgres()
      for (const size of sizes) worlds.push(await fill(size))
    })
    after(async () => {
      for (const { db, server } of worlds) {
        await db.close()
        await server.stop()
      }
      await postgres?.stop()
    })

    async function fill(size: number): Promise<World> {
      const url = await postgres?.newDatabase()
      const server = await startServer(
        url === undefined ? {} : { DATABASE_URL: url, ROLLCALL_MASTER_KEY: '0'.repeat(64) },
      )
      const place = url ?? join(server.dataFolder, 'rollcall.db')
      const db = url === undefined ? openSqlite(place, { readOnly: true }) : openPostgres(place, { connections: 1 })
      const { roomId } = await makeRoom(server)
      const ids: string[] = []
      for (let day = 0; day < size; day++) {
        const startAt = firstAt + day * dayMs
        const stays = Array.from({ length: people }, (_, n) => stayOf(n, startAt))
        ids.push(await recordSession(server, { roomId, startAt, endAt: startAt + hourMs, stays }))
        // As PostgreSQL knows a record that grew fast: it looked at the tables when they were small.
        if (url !== undefined && day === 0) await lookForTheLastTime(db)
      }
      while ((await server.context.writes.seals.seal({ now: Date.now() + quietMs })) > 0);
      return { server, db, place, roomId, ids }
    }

    for (const [what, read] of Object.entries(reading)) {
      test(`does not grow with what else the same people were in: ${what}`, async (t) => {
        const weigh = await createScale(t, database)
        if (weigh === undefined) return
        const visited = []
        for (const world of worlds) {
          const asked: Asked[] = []
          await read(hear(world.db, asked, firstAt), world)
          assert.notEqual(asked.length, 0)
          visited.push(await weigh(world.place, asked))
        }
        const [small = 0, large = 0] = visited
        t.diagnostic(JSON.stringify({ small, large }))
        assert.ok(large <= growthMax * Math.max(small, 20), `${small} of ${sizes[0]} sessions, ${large} of ${sizes[1]}`)
      })
    }

    test('is asked for at once', async () => {
      const world = worlds[1] ?? assert.fail()
      const count = async (read: (over: Reads) => Promise<unknown>) => {
        const asked: Asked[] = []
        await read(hear(world.db, asked, firstAt))
        return asked.length
      }
      const some = world.ids.slice(0, 8)
      const ofPerson = world.ids.map((sessionId) => ({ sessionId, participantId: 'person 7' }))
      const found = await sessions.reads.duringEach(hear(world.db, [], firstAt), keyId, periodsOf(world.roomId, 20))
      assert.deepEqual(
        found,
        world.ids.slice(0, 20).map((id) => [id]),
      )
      assert.equal(await count((over) => sessions.reads.duringEach(over, keyId, periodsOf(world.roomId, 20))), 3)
      assert.equal(await count((over) => sessions.reads.ofPeople(over, keyId, ofPerson)), 3)
      assert.equal(await count((over) => drain(sessions.reads.times(over, keyId, some))), 5)
    })
  })
}

async function lookForTheLastTime(db: Database): Promise<void> {
  for (const table of ['sessions', 'participants', 'marks', 'seals', 'rooms']) {
    await sql.raw(`alter table ${table} set (autovacuum_enabled = false)`).execute(db.kysely)
    await sql.raw(`analyze ${table}`).execute(db.kysely)
  }
}
