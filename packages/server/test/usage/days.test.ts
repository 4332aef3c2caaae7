import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Fact, participantKinds } from '@rollcall/protocol'
import { createRandom, type Random } from '../../../../chaos/random.ts'
import { type Counted, countUsage } from '../../src/api/reports/usage-count.ts'
import { countSessions, sumDays } from '../../src/api/reports/usage-days.ts'
import { type SummedBy, sumUsage } from '../../src/api/reports/usage-sums.ts'
import { verify } from '../../src/cli/verify/verify.ts'
import { erasePerson, eraseSession } from '../../src/record/erasure/erase.ts'
import type { Store } from '../../src/record/open-store.ts'
import { packDays, startPacking } from '../../src/record/usage/start-packing.ts'
import { createLog } from '../../src/runtime/log.ts'
import { openSnapshot } from '../../src/store/copies/kept-tables.ts'
import { type Kept, keep } from '../support/kept.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const start = Date.UTC(2026, 2, 27)
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu']
const whole = { page: 1, perPage: 1000 }

let postgres: Postgres
before(async () => {
  postgres = await startPostgres()
})
after(() => postgres.stop())

for (const database of ['SQLite', 'PostgreSQL'] as const) {
  describe(`days that are packed for usage, on ${database}`, () => {
    let now = start
    const withKept = (title: string, run: (store: Store, keyId: number, kept: Kept) => Promise<void>) =>
      test(title, async () => {
        now = start + 10 * dayMs
        const kept = await keep(database === 'SQLite' ? undefined : postgres)
        const store = await kept.open(() => now)
        try {
          const { keyId } = await store.writes.keys.add({ name: null, email: null })
          await run(store, keyId, kept)
          assert.deepEqual(await findFaults(kept), [])
        } finally {
          await store.close()
          await kept.remove()
        }
      })
    const seal = async (store: Store) => {
      now += 60_000
      await store.seal(now)
    }
    const compare = async (store: Store, keyId: number, random: Random) => {
      const groupBy = random.pick(['day', 'hour', 'room'] as const)
      const from = start + random.below(6 * 24) * hourMs + random.pick([0, 0, random.below(hourMs)])
      const span = { from, to: from + 1 + random.pick([random.below(2 * dayMs), dayMs, 8 * dayMs]) }
      const kinds = random.chance(0.5) ? undefined : participantKinds.filter(() => random.chance(0.5))
      await compareBy(store, keyId, groupBy, span, { kinds, timeZone: random.pick(zones) })
    }
    const compareBy = async (
      store: Store,
      keyId: number,
      groupBy: SummedBy,
      span: { from: number; to: number },
      { kinds, timeZone }: Pick<Counted, 'kinds' | 'timeZone'> = { kinds: undefined, timeZone: 'UTC' },
    ) => {
      const counted = { now, kinds, timeZone }
      const sums = await sumDays(store.reads, keyId, sumUsage(groupBy, span, counted), span)
      assert.deepEqual(sums, await countSessions(store.reads, keyId, countUsage(groupBy, span, counted), span))
    }

    withKept(
      'give what the sessions themselves give, whatever is told late, sealed, erased and asked for',
      async (store, keyId) => {
        const random = createRandom(database.length)
        const told: Fact[] = []
        const { roomId } = await store.writes.rooms.create({ keyId, customRoomId: 'a room with a name' })
        let usable = 0
        for (let round = 0; round < 40; round++) {
          const facts = sessionOf(random, round, [roomId, 'room 1', 'room 2'])
          told.push(...facts)
          // Some is told late, or never: such a session runs.
          await store.record(keyId, random.shuffle(facts).slice(0, 1 + random.below(facts.length)))
          if (random.chance(0.4)) await store.record(keyId, random.shuffle(told).slice(0, 3))
          if (random.chance(0.7)) await seal(store)
          if (random.chance(0.5)) await packDays(store, keyId, start + 9 * dayMs)
          if (random.chance(0.1)) await eraseSome(store, keyId, random)
          for (let i = 0; i < 4; i++) await compare(store, keyId, random)
          usable += await countUsable(store, keyId)
        }
        assert.ok(usable > 40, `${usable}`)
      },
    )

    withKept('are packed once they are over, and again once a late fact is sealed', async (store, keyId) => {
      await store.record(keyId, meeting('one', start + hourMs))
      assert.equal(await countUsable(store, keyId), 0)
      // What is over and not sealed would not hold for long.
      assert.equal(await packDays(store, keyId, start + dayMs), false)
      await seal(store)
      assert.equal(await packDays(store, keyId, start), true)
      assert.equal(await countUsable(store, keyId), 0)
      assert.equal(await packDays(store, keyId, start + dayMs), true)
      assert.equal(await countUsable(store, keyId), 1)
      const [first, last] = meeting('one', start + hourMs, 'late')
      await store.record(
        keyId,
        [first, last].flatMap((fact) => fact ?? []),
      )
      assert.equal(await countUsable(store, keyId), 0)
      await seal(store)
      // Sealed again, it is as long as it was; who was in it is not the same.
      assert.equal(await countUsable(store, keyId), 0)
      await packDays(store, keyId, start + dayMs)
      assert.equal(await countUsable(store, keyId), 1)
    })

    withKept('hold nobody who was erased', async (store, keyId, kept) => {
      await store.record(keyId, [...meeting('one', start, 'ann'), ...meeting('two', start + hourMs, 'bob')])
      await seal(store)
      await packDays(store, keyId, start + dayMs)
      await erasePerson(store, keyId, 'ann')
      const listDays = () =>
        kept.within((db) => db.kysely.selectFrom('usage_days').select(['packed', 'rooms']).execute())
      assert.deepEqual(await listDays(), [])
      await seal(store)
      await packDays(store, keyId, start + dayMs)
      assert.equal(await countUsable(store, keyId), 1)
      const { sessions } = await store.reads.sessions.list(keyId, {}, whole, 10)
      for (const one of sessions) await eraseSession(store, { keyId, sessionId: idOf(one) })
      assert.deepEqual(await listDays(), [])
    })

    withKept(
      'are packed again where they were packed before the rooms of their sessions were',
      async (store, keyId, kept) => {
        await store.record(keyId, [...meeting('one', start, 'ann'), ...meeting('two', start + hourMs, 'bob')])
        await seal(store)
        await packDays(store, keyId, start + dayMs)
        const listRooms = () => kept.within((db) => db.kysely.selectFrom('usage_days').select('rooms').execute())
        const packed = await listRooms()
        await kept.within((db) => db.kysely.updateTable('usage_days').set({ rooms: null }).execute())
        await compareBy(store, keyId, 'room', { from: start, to: start + dayMs })
        await packDays(store, keyId, start + dayMs)
        assert.deepEqual(await listRooms(), packed)
        assert.match(packed[0]?.rooms ?? '', /room/)
        await compareBy(store, keyId, 'room', { from: start, to: start + dayMs })
      },
    )

    withKept('are packed in the background, also of a record from before there were any', async (store, keyId) => {
      for (let day = 0; day < 3; day++) await store.record(keyId, meeting(`day ${day}`, start + day * dayMs))
      await seal(store)
      const log = createLog('silent')
      const packing = startPacking(store, { clock: { now: () => now }, log, isMine: () => true, intervalMs: 10 })
      try {
        await until(async () => (await countUsable(store, keyId)) === 3)
      } finally {
        await packing.stop()
      }
    })
  })
}

/** A session of some hours with some people in it, which may be told in any order. */
function sessionOf(random: Random, n: number, roomIds: string[]): Fact[] {
  const startAt = start + random.below(5 * 24) * hourMs + random.pick([0, 0, random.below(hourMs)])
  const of = { source: 'events', roomId: random.pick(roomIds), sessionKey: `s${n}` }
  const facts: Fact[] = []
  for (let person = 0; person < random.below(5); person++) {
    const joinedAt = startAt + random.below(4) * hourMs
    const leftAt = joinedAt + random.below(30) * hourMs
    const id = `${n} ${person}`
    const who = { participantId: `p${random.below(12)}`, connectionId: id, kind: random.pick(participantKinds) }
    facts.push(
      { ...of, ...who, type: 'participant-joined', id: `${id} j`, at: joinedAt, receivedAt: joinedAt },
      { ...of, ...who, type: 'participant-left', id: `${id} l`, at: leftAt, receivedAt: leftAt },
    )
  }
  const endAt = startAt + random.below(40) * hourMs
  return [
    ...facts,
    { ...of, type: 'session-started', id: `${n} s`, at: startAt, receivedAt: startAt },
    { ...of, type: 'session-ended', id: `${n} e`, at: endAt, receivedAt: endAt },
  ]
}

/** Of a minute, with one person. */
function meeting(sessionKey: string, at: number, participantId = 'ann'): Fact[] {
  const of = { source: 'events', roomId: 'room', sessionKey, receivedAt: at }
  const id = `${sessionKey} ${participantId}`
  const who = { participantId, connectionId: id }
  return [
    { ...of, ...who, type: 'participant-joined', id: `${id} j`, at },
    { ...of, ...who, type: 'participant-left', id: `${id} l`, at: at + 60_000 },
    { ...of, type: 'session-ended', id: `${sessionKey} e`, at: at + 60_000 },
  ]
}

async function eraseSome(store: Store, keyId: number, random: Random): Promise<void> {
  const { sessions } = await store.reads.sessions.list(keyId, {}, whole, 10)
  const over = sessions.flatMap((one) => ('sealed' in one || one.record.session.endAt !== null ? idOf(one) : []))
  if (over.length > 0) await eraseSession(store, { keyId, sessionId: random.pick(over) })
}

function idOf(one: Awaited<ReturnType<Store['reads']['sessions']['list']>>['sessions'][number]): string {
  return 'sealed' in one ? one.sealed.id : one.record.session.id
}

async function countUsable(store: Store, keyId: number): Promise<number> {
  const days = await store.reads.usage.days(keyId, { from: start - 400 * dayMs, to: start + 400 * dayMs })
  return days.filter(({ version }) => version !== null).length
}

async function findFaults({ where }: Kept): Promise<string[]> {
  const faults: string[] = []
  const snapshot = openSnapshot(where)
  await snapshot.read((db) => verify(db, { fault: (text) => faults.push(text), progress: () => {} }))
  await snapshot.close()
  return faults
}
