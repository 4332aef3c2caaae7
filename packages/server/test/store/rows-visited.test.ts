import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { roomsOf } from '../../../../bench/history.ts'
import { countSessions, loadSessions } from '../../../../bench/load.ts'
import { openFileSink, openPostgresSink } from '../../../../bench/sink.ts'
import type { Database } from '../../src/store/database/database.ts'
import { migrateToLatest } from '../../src/store/database/migrations.ts'
import { openPostgres } from '../../src/store/database/postgres.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import type { ListPage } from '../../src/store/sessions/list.ts'
import type { SessionFilter } from '../../src/store/sessions/list-queries.ts'
import { sessions } from '../../src/store/sessions/sessions.ts'
import { dataParent } from '../support/data-parent.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { type Asked, createScale, hear, type Weigh } from '../support/scale.ts'

// However long the history is, a page of the list looks at as many rows.

const sizes = [4000, 16_000]
const until = Date.UTC(2026, 0, 5, 9)
const perPage = 20
const owner = { keyId: 1, apiKey: 'key', userId: 'user' }
/** A page may look at so much more at the larger size: an index is a level deeper, a bucket is one of more. */
const growthMax = 2

type World = {
  db: Database
  place: string
  sessions: number
  /** The one with the most sessions first. */
  roomIds: string[]
  /** One with some sixty sessions. */
  quietRoomId: string
  /** Sixty sessions took at least so long. */
  longMs: number
  /** Somebody was inside then, half-way through the history. */
  momentAt: number
}

/** Of those that tell how many fit only up to a number, as many fit at either size. */
const filters: { [name: string]: (world: World) => SessionFilter } = {
  'no filter': () => ({}),
  'a room': ({ roomIds }) => ({ roomId: roomIds[0] ?? '' }),
  'a status': () => ({ status: 'ended' }),
  'what runs': () => ({ status: 'ongoing' }),
  'a range of starts': ({ sessions }) => ({ startFrom: startOf(sessions, 0.1), startTo: startOf(sessions, 0.9) }),
  'a moment at which somebody was inside': ({ momentAt }) => ({ activeAt: momentAt }),
  'a least duration': ({ longMs }) => ({ minDurationMs: longMs }),
  'a person': () => ({ participantId: 'somebody' }),
  'what runs in a room': ({ roomIds }) => ({ roomId: roomIds[0] ?? '', status: 'ongoing' }),
  'what ended in a room': ({ roomIds }) => ({ roomId: roomIds[0] ?? '', status: 'ended' }),
  'a range of starts in a room': ({ roomIds, sessions }) => ({
    roomId: roomIds[0] ?? '',
    startFrom: startOf(sessions, 0.1),
    startTo: startOf(sessions, 0.9),
  }),
  'a range of starts in a room of few sessions': ({ quietRoomId, sessions }) => ({
    roomId: quietRoomId,
    startFrom: startOf(sessions, 0.1),
    startTo: startOf(sessions, 0.9),
  }),
  'a moment in a room': ({ roomIds, momentAt }) => ({ roomId: roomIds[0] ?? '', activeAt: momentAt }),
  'a least duration in a room': ({ roomIds, longMs }) => ({ roomId: roomIds[0] ?? '', minDurationMs: longMs }),
  'a person in a room': ({ roomIds }) => ({ roomId: roomIds[0] ?? '', participantId: 'somebody' }),
}

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`a page of the list on ${database}`, () => {
    let postgres: Postgres | undefined
    let folder = ''
    const worlds: World[] = []
    before(async () => {
      folder = await mkdtemp(join(dataParent, 'rollcall-rows-'))
      if (database === 'PostgreSQL') postgres = await startPostgres()
      for (const sessions of sizes) worlds.push(await fill(sessions))
    })
    after(async () => {
      for (const { db } of worlds) await db.close()
      await postgres?.stop()
      await rm(folder, { recursive: true })
    })

    async function fill(sessions: number): Promise<World> {
      const place = (await postgres?.newDatabase()) ?? join(folder, `${sessions}.db`)
      const db = postgres === undefined ? openSqlite(place) : openPostgres(place, { connections: 1 })
      await migrateToLatest(db.kysely)
      const length = { sessions, until }
      const sink = postgres === undefined ? openFileSink(place) : await openPostgresSink(place)
      await loadSessions(sink, owner, length)
      await countSessions(sink, owner, length)
      await sink.close()
      await nameSomebody(db)
      // SQLite is never asked to look, as it is not of a server's file.
      if (postgres !== undefined) await db.kysely.executeQuery({ sql: 'analyze', parameters: [] } as never)
      const roomIds = roomsOf(length).map(({ roomId }) => roomId)
      const [longMs, momentAt] = [await findLong(db), await findMoment(db, sessions)]
      return { db, place, sessions, roomIds, quietRoomId: await findQuiet(db), longMs, momentAt }
    }

    for (const [name, toFilter] of Object.entries(filters)) {
      test(`looks at as many rows however long the history is, by ${name}: first, middle, last page, and by cursor, to either side`, async (t) => {
        const weigh = await createScale(t, database)
        if (weigh === undefined) return
        const visited = []
        for (const world of worlds) visited.push(await weighPages(world, toFilter(world), weigh))
        const [small = {}, large = {}] = visited
        t.diagnostic(JSON.stringify({ small, large }))
        for (const [page, rows] of Object.entries(large)) assertFlat(page, small[page] ?? 0, rows)
      })
    }

    test('looks at as many rows however long the history of a room is, for whoever joins it', async (t) => {
      const weigh = await createScale(t, database)
      if (weigh === undefined) return
      const [small = 0, large = 0] = await Promise.all(
        worlds.map(async ({ db, roomIds: [roomId = ''], place }) => {
          const asked: Asked[] = []
          await sessions.reads.listRunningInRoom(hear(db, asked, until), owner.keyId, roomId, 10)
          return weigh(place, asked)
        }),
      )
      assertFlat('what runs', small, large)
    })
  })
}

function assertFlat(what: string, small: number, large: number): void {
  const told = `${what}: ${small} at ${sizes[0]}, ${large} at ${sizes[1]}`
  assert.ok(large <= growthMax * Math.max(small, 100), told)
}

/** What each page of a filter makes the database look at. */
async function weighPages(
  { db, place }: World,
  filter: SessionFilter,
  weigh: Weigh,
): Promise<{ [page: string]: number }> {
  const asked: Asked[] = []
  const over = hear(db, asked, until)
  const list = (keyId: number, filter: SessionFilter, page: ListPage) =>
    sessions.reads.list(over, keyId, filter, page, 1000)
  const { total } = await list(owner.keyId, filter, { page: 1, perPage })
  const last = Math.max(1, Math.ceil(total / perPage))
  const visited: { [page: string]: number } = {}
  for (const [name, page] of Object.entries({ first: 1, middle: Math.ceil(last / 2), last })) {
    asked.length = 0
    const { next } = await list(owner.keyId, filter, { page, perPage })
    visited[name] = await weigh(place, asked.splice(0))
    if (name !== 'middle' || next === undefined) continue
    await list(owner.keyId, filter, { after: next, perPage })
    visited.cursor = await weigh(place, asked.splice(0))
    await list(owner.keyId, filter, { before: next, perPage })
    visited.backwards = await weigh(place, asked.splice(0))
  }
  return visited
}

/** The moment at which that share of the sessions had started. */
function startOf(sessions: number, share: number): number {
  const [yearMs, dayMs] = [365 * 86_400_000, 86_400_000]
  return Math.floor(until - 5 * yearMs + (Math.floor(sessions * share) / sessions) * (5 * yearMs - dayMs))
}

async function findQuiet(db: Database): Promise<string> {
  const counted = db.kysely.selectFrom('session_counts').select('room_id').where('sessions', '>=', 60)
  return (await counted.orderBy('sessions').orderBy('room_id').executeTakeFirstOrThrow()).room_id
}

async function findLong(db: Database): Promise<number> {
  const { rows } = await db.kysely.executeQuery<{ ms: number }>({
    sql: 'select end_at - start_at as ms from sessions order by 1 desc limit 1 offset 59',
    parameters: [],
  } as never)
  return Number(rows[0]?.ms)
}

async function findMoment(db: Database, sessions: number): Promise<number> {
  const row = await db.kysely
    .selectFrom('participants')
    .select((eb) => eb.fn.min<number>('joined_at').as('joinedAt'))
    .where('joined_at', '>=', startOf(sessions, 0.5))
    .executeTakeFirstOrThrow()
  return Number(row.joinedAt)
}

/** Puts somebody into sixty sessions, all over the history. */
async function nameSomebody(db: Database): Promise<void> {
  const { rows } = await db.kysely.executeQuery<{ key_id: number; session_id: string; participant_id: string }>({
    sql: 'select key_id, session_id, min(participant_id) as participant_id from participants group by key_id, session_id order by session_id',
    parameters: [],
  } as never)
  for (const [i, row] of rows.entries()) {
    if (i % Math.floor(rows.length / 60) !== 0) continue
    await db.kysely
      .updateTable('participants')
      .set({ participant_id: 'somebody' })
      .where('key_id', '=', row.key_id)
      .where('session_id', '=', row.session_id)
      .where('participant_id', '=', row.participant_id)
      .execute()
  }
}
