import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import type { Fact } from '@rollcall/protocol'
import { sql } from 'kysely'
import { verify } from '../../src/cli/verify/verify.ts'
import { openStore, type Store } from '../../src/record/open-store.ts'
import { toListedText } from '../../src/record/session-view.ts'
import { startGathering } from '../../src/record/upkeep.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { openSqlite } from '../../src/store/database/sqlite.ts'
import { type Gathered, newestFrom, newestMax, type OfRoom, unpack } from '../../src/store/sessions/newest-texts.ts'
import { dataParent } from '../support/data-parent.ts'
import { type Kept, keep, rules } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'

const start = Date.UTC(2026, 0, 5, 9)
const whole = { page: 1, perPage: 1000 }
const minuteMs = 60_000
const quietMs = 30_000

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`the texts of a room’s newest sessions on ${database}`, () => {
    let at = start
    const withKept = (title: string, run: (store: Store, kept: Kept, keyId: number) => Promise<void>) =>
      test(title, async () => {
        at = start
        const kept = await keep(database === 'SQLite' ? undefined : postgres)
        const store = await kept.open(() => at)
        try {
          const { keyId } = await store.writes.keys.add({ name: null, email: null })
          await run(store, kept, keyId)
          assert.deepEqual(await findFaults(kept.where), [])
        } finally {
          await store.close()
          await kept.remove()
        }
      })
    const record = async (store: Store, keyId: number, facts: Fact[]) => {
      await store.record(
        keyId,
        facts.map((fact) => ({ ...fact, receivedAt: at })),
      )
    }
    /** Sessions of a minute, one after the other, each sealed before the next begins. */
    const recordSealed = async (store: Store, keyId: number, roomId: string, sessions: number) => {
      for (let n = 0; n < sessions; n++) {
        await record(store, keyId, sessionOf(roomId, `${roomId} ${at}`, at))
        at += minuteMs + quietMs
        await store.seal(at)
      }
    }

    withKept('lie side by side as soon as it has enough of them, and no more than that', async (store, kept, keyId) => {
      await recordSealed(store, keyId, 'small', newestFrom - 1)
      await recordSealed(store, keyId, 'large', newestMax + 3)
      const newest = await listIds(store, keyId, 'large', newestMax)
      assert.deepEqual(await readKept(kept), { large: newest })
    })

    withKept(
      'make the same pages as each by itself: sealed, amended, running, small and huge',
      async (store, kept, keyId) => {
        await recordSealed(store, keyId, 'room', newestMax + 6)
        // The next one has too long a text to lie with the others.
        await record(store, keyId, sessionOf('room', 'huge', at, 100))
        at += minuteMs + quietMs
        await store.seal(at)
        // One more is over and not sealed, and one runs.
        await record(store, keyId, sessionOf('room', 'over', at))
        await record(store, keyId, sessionOf('room', 'runs', at + minuteMs).slice(0, 1))
        const readPages = async () => {
          const pages = []
          for (const perPage of [1, 2, 5, 20, newestMax, newestMax + 1, 100]) {
            const { sessions, ...rest } = await store.reads.sessions.list(
              keyId,
              { roomId: 'room' },
              { page: 1, perPage },
              10,
            )
            pages.push({ ...rest, texts: sessions.map((one) => toListedText(one, view(at))) })
          }
          return pages
        }
        const pages = await readPages()
        assert.equal(Object.keys(await readKept(kept)).length, 1)
        await dropAll(kept)
        assert.deepEqual(await readPages(), pages)
        assert.deepEqual(pages.at(-1)?.texts.length, newestMax + 9)
      },
    )

    withKept(
      'show nothing of a session as it was before a late fact, and have it again once it is sealed',
      async (store, kept, keyId) => {
        await recordSealed(store, keyId, 'room', newestFrom)
        await recordSealed(store, keyId, 'other', newestFrom)
        const [newest = ''] = await listIds(store, keyId, 'room', 1)
        const both = await readKept(kept)
        const lastAt = start + (newestFrom - 1) * (minuteMs + quietMs)
        const who = { participantId: 'late', connectionId: 'late', joinedAt: lastAt + 1000 }
        await record(store, keyId, [
          { ...of('room', `room ${lastAt}`), ...who, type: 'participant-left', id: 'late', at: lastAt + 2000 },
        ])
        assert.deepEqual(Object.keys(await readKept(kept)), ['other'])
        assert.match(await readText(store, keyId, newest), /"participantId":"late"/)
        at += quietMs
        await store.seal(at)
        assert.deepEqual(await readKept(kept), both)
        assert.match(await readText(store, keyId, newest), /"participantId":"late"/)
      },
    )

    withKept('hold nothing of what is erased', async (store, kept, keyId) => {
      await recordSealed(store, keyId, 'room', newestFrom + 2)
      const ids = await listIds(store, keyId, 'room', newestMax)
      const before = start + 2 * (minuteMs + quietMs) - 1
      await store.writes.retention.eraseSessions({ old: [{ keyId, before }] })
      assert.deepEqual(await readKept(kept), { room: ids.slice(0, -2) })
      await store.writes.retention.eraseSessions({ old: [{ keyId, before: before + minuteMs + quietMs }] })
      // It has too few sessions by now.
      assert.deepEqual(await readKept(kept), {})
    })

    withKept(
      'are gathered where they are missing, some rooms at a time, from wherever it was broken off',
      async (store, kept, keyId) => {
        for (let room = 0; room < 20; room++) await recordSealed(store, keyId, `room ${room}`, newestFrom)
        const before = await readKept(kept)
        assert.equal(Object.keys(before).length, 20)
        await dropAll(kept)
        const first = await store.writes.seals.gather({ after: { keyId: 0, roomId: '' } })
        assert.ok(first.rooms > 0 && first.rooms < 20 && first.after !== undefined)
        assert.equal(Object.keys(await readKept(kept)).length, first.rooms)
        // As after another start: what is there is passed over.
        let rooms = 0
        for (let after: OfRoom | undefined = { keyId: 0, roomId: '' }; after !== undefined; ) {
          const step: Gathered = await store.writes.seals.gather({ after })
          rooms += step.rooms
          after = step.after
        }
        assert.equal(rooms + first.rooms, 20)
        assert.deepEqual(await readKept(kept), before)
      },
    )
  })
}

test('a record of release 0.1.0 opens, reads as it read there, and gets its texts side by side', async () => {
  const fixture = join(import.meta.dirname, '../fixtures/record-0.1.0')
  const dataFolder = await mkdtemp(join(dataParent, 'rollcall-release-'))
  const where = { databaseUrl: undefined, dataFolder }
  try {
    await writeFile(join(dataFolder, 'rollcall.db'), gunzipSync(await readFile(join(fixture, 'rollcall.db.gz'))))
    const shown: { start: string }[] = JSON.parse(await readFile(join(fixture, 'sessions.json'), 'utf8'))
    // The newest runs since the moment at which they were shown.
    const shownAt = Date.parse(shown[0]?.start ?? '')
    const clock = { now: () => shownAt }
    const store = await openStore({ dataFolder, masterKey: Buffer.alloc(32), rules, clock, exclusive: false })
    const [{ keyId } = { keyId: 0 }] = await store.reads.keys.list()
    const readAll = async () => {
      const { sessions } = await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 100 }, 1000)
      const fields = Object.keys(shown[0] ?? {})
      return sessions.map((one) => {
        const session = JSON.parse(toListedText(one, view(shownAt)))
        // What clients read since, as they read it.
        assert.ok(Number.isInteger(session.activeDuration), String(session.activeDuration))
        assert.deepEqual([session.region, session.chatLink, session.hlsLog], ['', '', []])
        return Object.fromEntries(fields.map((field) => [field, session[field]]))
      })
    }
    const ofRoom = async (roomId: string) => {
      const { sessions } = await store.reads.sessions.list(keyId, { roomId }, { page: 1, perPage: 20 }, 1000)
      return sessions.map((one) => toListedText(one, view(shownAt)))
    }
    assert.deepEqual(await readAll(), shown)
    const { roomId = '' } = (await store.reads.rooms.find(keyId, 'daily')) ?? {}
    const before = await ofRoom(roomId)
    assert.equal(before.length, 20)
    const gathering = startGathering(store, { log: createLog('silent'), isMine: () => true })
    const db = openSqlite(join(dataFolder, 'rollcall.db'), { readOnly: true })
    const countRooms = () => db.kysely.selectFrom('newest_texts').select('room_id').execute()
    while ((await countRooms()).length === 0) await setTimeout(20)
    await db.close()
    await gathering.stop()
    assert.deepEqual(await ofRoom(roomId), before)
    assert.deepEqual(await readAll(), shown)
    await store.close()
    assert.deepEqual(await findFaults(where), [])
  } finally {
    await rm(dataFolder, { recursive: true })
  }
})

/** Somebody's minute in a room, or that of many. */
function sessionOf(roomId: string, sessionKey: string, at: number, people = 1): Fact[] {
  const about = of(roomId, sessionKey)
  const facts = Array.from({ length: people }, (_, i): Fact[] => {
    const who = { ...about, participantId: `p${i}`, connectionId: `${sessionKey} ${i}` }
    return [
      { ...who, type: 'participant-joined', id: `${sessionKey} ${i} joined`, at, name: `Person ${i}` },
      { ...who, type: 'participant-left', id: `${sessionKey} ${i} left`, at: at + minuteMs },
    ]
  })
  return [...facts.flat(), { ...about, type: 'session-ended', id: `${sessionKey} ended`, at: at + minuteMs }]
}

function of(roomId: string, sessionKey: string) {
  return { source: 'events', roomId, sessionKey, receivedAt: 0 }
}

function view(now: number) {
  return { now, base: 'https://rooms.example.org', key: { apiKey: 'key', userId: 'user' } }
}

async function listIds(store: Store, keyId: number, roomId: string, most: number): Promise<string[]> {
  const { sessions } = await store.reads.sessions.list(keyId, { roomId }, whole, 10)
  return sessions.slice(0, most).map((one) => ('sealed' in one ? one.sealed.id : one.record.session.id))
}

async function readText(store: Store, keyId: number, id: string): Promise<string> {
  const { sessions } = await store.reads.sessions.list(keyId, { roomId: 'room' }, { page: 1, perPage: 1 }, 10)
  const [text = ''] = sessions.map((one) => toListedText(one, view(start)))
  assert.equal(JSON.parse(text).id, id)
  return text
}

/** Of each room that has some, the ids whose texts lie side by side. */
function readKept(kept: Kept): Promise<{ [roomId: string]: string[] }> {
  return kept.within(async (db) => {
    const rows = await db.kysely.selectFrom('newest_texts').select(['room_id', 'texts']).orderBy('room_id').execute()
    return Object.fromEntries(rows.map(({ room_id, texts }) => [room_id, unpack(texts).map(({ id }) => id)]))
  })
}

async function dropAll(kept: Kept): Promise<void> {
  await kept.within((db) => sql`delete from newest_texts`.execute(db.kysely))
}

async function findFaults(where: Kept['where']): Promise<string[]> {
  const faults: string[] = []
  const snapshot = openSnapshot(where)
  await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
  await snapshot.close()
  return faults
}
