import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ParticipantJoined, ParticipantLeft, Quality, Session } from '@rollcall/protocol'
import { Refusal } from '../../src/error.ts'
import type { Store } from '../../src/record/open-store.ts'
import { toListedText } from '../../src/record/session-view.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import type { SessionFilter } from '../../src/store/sessions/list-queries.ts'
import { toRecords } from '../support/listed-records.ts'
import { sourceContract } from './source-contract.ts'

/** What a kind of store has to bring to be put to the contract: an empty one, and how to open the same one again. */
export type StoreUnderTest = {
  open(clock: Clock, factsWaitingMax?: number): Promise<Store>
  remove(): Promise<void>
}

/** A test on a fresh store, whose clock stands still until it is set. */
export type WithStore = (
  title: string,
  run: (store: Store, reopen: () => Promise<Store>, clock: { at: number }) => Promise<void>,
  limits?: { factsWaitingMax: number },
) => void

const start = Date.UTC(2026, 0, 5, 9, 0, 0)
const graceMs = 20_000

type Joined = Partial<ParticipantJoined> & { at: number; participantId: string }

function joined(roomId: string, fact: Joined): ParticipantJoined {
  const connectionId = fact.connectionId ?? `c-${fact.participantId}-${fact.at}`
  const id = fact.id ?? `${roomId}/${connectionId}/joined`
  return { type: 'participant-joined', source: 'hosted', roomId, receivedAt: fact.at, ...fact, id, connectionId }
}

function left(join: ParticipantJoined, at: number): ParticipantLeft {
  const { source, roomId, participantId, connectionId } = join
  return {
    type: 'participant-left',
    id: `${join.id}/left`,
    source,
    roomId,
    at,
    receivedAt: at,
    participantId,
    ...(connectionId !== undefined && { connectionId }),
    ...(join.sessionKey !== undefined && { sessionKey: join.sessionKey }),
  }
}

/** Tests, each on a fresh store of one kind. */
export function storeMaker(create: () => Promise<StoreUnderTest>): WithStore {
  return (title, run, { factsWaitingMax } = { factsWaitingMax: 50_000 }) =>
    test(title, async () => {
      const under = await create()
      const time = { at: start }
      const clock: Clock = { now: () => time.at }
      let store = await under.open(clock, factsWaitingMax)
      try {
        await run(
          store,
          async () => {
            await store.close()
            store = await under.open(clock, factsWaitingMax)
            return store
          },
          time,
        )
      } finally {
        await store.close()
        await under.remove()
      }
    })
}

/** The promises every store keeps, whichever database is behind it. */
export function storeContract(create: () => Promise<StoreUnderTest>): void {
  const withStore = storeMaker(create)
  const newKey = async (store: Store) => (await store.writes.keys.add({ name: null, email: null })).keyId
  const list = async (store: Store, keyId: number, filter: SessionFilter = {}, page = 1, perPage = 1000) => {
    const { sessions, total } = await store.reads.sessions.list(keyId, filter, { page, perPage }, 1000)
    return { sessions: toRecords(sessions), total }
  }

  withStore('what was answered is there after closing and opening again', async (store, reopen) => {
    const keyId = await newKey(store)
    const room = await store.writes.rooms.create({ keyId, customRoomId: 'Ünïcode room' })
    const ann = joined(room.roomId, { at: start, participantId: 'ann', name: 'Ann ✨', metadata: { seat: [1] } })
    await store.record(keyId, [ann])
    const again = await reopen()
    const [session] = (await list(again, keyId)).sessions
    assert.equal(session?.customRoomId, 'Ünïcode room')
    assert.equal(session?.participants[0]?.name, 'Ann ✨')
    assert.deepEqual(session?.participants[0]?.metadata, { seat: [1] })
    assert.deepEqual(await again.record(keyId, [ann]), [{ id: ann.id, outcome: 'duplicate' }])
  })

  withStore('a fact recorded twice changes nothing the second time', async (store) => {
    const keyId = await newKey(store)
    const ann = joined('r', { at: start, participantId: 'ann', name: 'Ann' })
    await store.record(keyId, [ann, left(ann, start + 1000)])
    const before = [await list(store, keyId), await store.reads.changes.after(keyId, 0, 100)]
    const outcomes = await store.record(keyId, [{ ...ann, receivedAt: start + 9 }, left(ann, start + 1000)])
    assert.deepEqual(
      outcomes.map((one) => one.outcome),
      ['duplicate', 'duplicate'],
    )
    assert.deepEqual([await list(store, keyId), await store.reads.changes.after(keyId, 0, 100)], before)
  })

  withStore('the same id with other content is refused, and named', async (store) => {
    const keyId = await newKey(store)
    const ann = joined('r', { at: start, participantId: 'ann' })
    await store.record(keyId, [ann])
    const [recorded] = await store.record(keyId, [{ ...ann, at: start + 1 }])
    assert.equal(recorded?.outcome, 'refused')
    assert.match(recorded?.reason ?? '', new RegExp(ann.id))
  })

  withStore('the same fact from many callers at once is recorded once', async (store) => {
    const keyId = await newKey(store)
    const ann = joined('r', { at: start, participantId: 'ann' })
    const all = await Promise.all(Array.from({ length: 50 }, () => store.record(keyId, [ann])))
    assert.equal(all.flat().filter((one) => one.outcome === 'recorded').length, 1)
    assert.equal(all.flat().filter((one) => one.outcome === 'duplicate').length, 49)
  })

  withStore('one key never sees the rooms, sessions, changes or claims of another', async (store) => {
    const [one, other] = [await newKey(store), await newKey(store)]
    const room = await store.writes.rooms.create({ keyId: one, customRoomId: 'mine' })
    const theirs = await store.writes.rooms.create({ keyId: other, customRoomId: 'mine' })
    assert.notEqual(room.roomId, theirs.roomId)
    const ann = joined(room.roomId, { at: start, participantId: 'ann' })
    const [recorded] = await store.record(one, [ann])
    for (const id of [room.roomId, room.id]) assert.equal(await store.reads.rooms.find(other, id), undefined)
    assert.equal((await store.reads.rooms.find(other, 'mine'))?.roomId, theirs.roomId)
    assert.equal(await store.reads.sessions.get(other, recorded?.sessionId ?? ''), undefined)
    assert.equal((await list(store, other)).total, 0)
    assert.deepEqual((await list(store, other, { roomId: room.roomId })).sessions, [])
    assert.deepEqual((await list(store, other, { participantId: 'ann' })).sessions, [])
    assert.deepEqual(await store.reads.changes.after(other, 0, 10), [])
    assert.equal((await store.record(other, [ann]))[0]?.outcome, 'recorded')
  })

  withStore('a room that is asked for and not there is made once, as its id has the form of', async (store) => {
    const [keyId, other] = [await newKey(store), await newKey(store)]
    const known = await store.writes.rooms.create({ keyId, customRoomId: 'known' })
    const givenIds = ['known', known.roomId, 'abcd-efgh-ijkl', 'Raum 7']
    const found = await store.reads.rooms.findIds(keyId, givenIds)
    assert.deepEqual([...found.keys()], ['known', known.roomId])
    const [ensured, ...others] = await Promise.all(
      Array.from({ length: 10 }, () => store.writes.rooms.ensure({ keyId, givenIds })),
    )
    for (const one of others) assert.deepEqual(one, ensured)
    assert.deepEqual(await store.reads.rooms.findIds(keyId, givenIds), ensured)
    assert.equal(ensured?.get('known'), known.roomId)
    assert.equal(ensured?.get(known.roomId), known.roomId)
    assert.equal(ensured?.get('abcd-efgh-ijkl'), 'abcd-efgh-ijkl')
    assert.equal((await store.reads.rooms.find(keyId, 'abcd-efgh-ijkl'))?.customRoomId, 'abcd-efgh-ijkl')
    assert.equal((await store.reads.rooms.find(keyId, 'Raum 7'))?.roomId, ensured?.get('Raum 7'))
    assert.equal((await store.reads.rooms.list(keyId, {}, { page: 1, perPage: 10 })).total, 3)
    assert.deepEqual(await store.reads.rooms.findIds(other, givenIds), new Map())
  })

  withStore(
    'a room that facts name first is made with them, once, however many name it at once',
    async (store, _, clock) => {
      const keyId = await newKey(store)
      clock.at += 5000
      const newRooms = ['Raum 7', 'abcd-efgh-ijkl']
      const all = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          store.record(keyId, [joined(newRooms[i % 2] ?? '', { at: start + i, participantId: `p${i}` })], { newRooms }),
        ),
      )
      for (const [recorded] of all) assert.equal(recorded?.outcome, 'recorded')
      assert.equal(new Set(all.map(([recorded]) => recorded?.sessionId)).size, 2)
      const { rooms, total } = await store.reads.rooms.list(keyId, {}, { page: 1, perPage: 10 })
      assert.deepEqual([total, ...rooms.map((room) => room.createdAt)], [2, clock.at, clock.at])
      const roomIds = await store.reads.rooms.findIds(keyId, newRooms)
      assert.equal(roomIds.get('abcd-efgh-ijkl'), 'abcd-efgh-ijkl')
      const { sessions } = await list(store, keyId, { roomId: roomIds.get('Raum 7') ?? '' })
      assert.deepEqual(
        sessions.map(({ session }) => [session.roomId, session.people]),
        [[roomIds.get('Raum 7'), 20]],
      )
    },
  )

  withStore('a fact sent again is the same after its room was made', async (store) => {
    const keyId = await newKey(store)
    const first = joined('Raum 7', { at: start, participantId: 'ann' })
    await store.record(keyId, [first], { newRooms: ['Raum 7'] })
    const roomId = (await store.reads.rooms.findIds(keyId, ['Raum 7'])).get('Raum 7') ?? assert.fail()
    const again = [
      await store.record(keyId, [first], { newRooms: ['Raum 7'] }),
      await store.record(keyId, [{ ...first, roomId }]),
    ]
    assert.deepEqual(
      again.map(([recorded]) => recorded?.outcome),
      ['duplicate', 'duplicate'],
    )
    const [other] = await store.record(keyId, [{ ...first, roomId, name: 'Anna' }])
    assert.equal(other?.outcome, 'refused')
  })

  withStore('facts that cannot be kept leave no room behind', async (store) => {
    const keyId = await newKey(store)
    const broken = {
      ...joined('Raum 7', { at: start, participantId: 'ann' }),
      at: null,
    } as unknown as ParticipantJoined
    assert.equal((await store.record(keyId, [broken], { newRooms: ['Raum 7'] }))[0]?.outcome, 'refused')
    assert.deepEqual(await store.reads.rooms.findIds(keyId, ['Raum 7']), new Map())
    const whole = joined('Raum 7', { at: start, participantId: 'ann' })
    assert.equal((await store.record(keyId, [whole], { newRooms: ['Raum 7'] }))[0]?.outcome, 'recorded')
  })

  withStore('a customRoomId makes one room, however many ask for it at once', async (store) => {
    const keyId = await newKey(store)
    const rooms = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        store.writes.rooms.create({ keyId, customRoomId: 'c', allowedParticipantIds: [`p${i}`] }),
      ),
    )
    assert.equal(new Set(rooms.map((room) => room.roomId)).size, 1)
    assert.equal(new Set(rooms.map((room) => room.allowedParticipantIds?.[0])).size, 1)
    assert.equal((await store.reads.rooms.list(keyId, {}, { page: 1, perPage: 10 })).total, 1)
  })

  withStore('changes are numbered per key, from 1 and without gaps, also when facts come at once', async (store) => {
    const keys = [await newKey(store), await newKey(store)]
    await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        store.record(keys[i % 2] ?? 0, [joined(`r${i % 7}`, { at: start + i, participantId: `p${i}` })]),
      ),
    )
    for (const keyId of keys) {
      const changes = await store.reads.changes.after(keyId, 0, 1000)
      assert.deepEqual(
        changes.map((change) => change.seq),
        changes.map((_, i) => i + 1),
      )
      assert.equal(changes.filter((change) => change.type === 'participant.joined').length, 30)
    }
  })

  withStore('a refused operation leaves what was asked at the same moment untouched', async (store) => {
    const key = await store.writes.keys.add({ name: null, email: null, apiKey: 'taken' })
    const results = await Promise.allSettled([
      store.record(key.keyId, [joined('r', { at: start, participantId: 'ann' })]),
      store.writes.keys.add({ name: null, email: null, apiKey: 'taken' }),
      store.writes.rooms.create({ keyId: key.keyId }),
    ])
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const [, refused] = results
    assert.ok(refused?.status === 'rejected' && refused.reason instanceof Refusal && refused.reason.code === 'CONFLICT')
    assert.equal((await list(store, key.keyId)).total, 1)
  })

  withStore(
    'more facts than may wait for the disk are refused as BUSY, and none of the others is lost',
    async (store) => {
      const keyId = await newKey(store)
      const batch = (n: number) =>
        Array.from({ length: 200 }, (_, i) => joined(`r${n}`, { at: start + i, participantId: `p${i}` }))
      const results = await Promise.allSettled(Array.from({ length: 7 }, (_, n) => store.record(keyId, batch(n))))
      const taken = results.filter((result) => result.status === 'fulfilled').length
      const refused = results.filter((result) => result.status === 'rejected')
      assert.ok(refused.length > 0 && taken >= 5)
      for (const { reason } of refused) assert.ok(reason instanceof Refusal && reason.code === 'BUSY')
      const { sessions, total } = await list(store, keyId, {}, 1, 1)
      assert.equal(total, taken)
      assert.equal(sessions[0]?.session.inside, 200)
    },
    { factsWaitingMax: 1000 },
  )

  sourceContract(withStore)

  withStore(
    'a list embeds the first people of a huge session and says so; the session itself has them all',
    async (store) => {
      const keyId = await newKey(store)
      const people = Array.from({ length: 50 }, (_, i) => joined('r', { at: start + i, participantId: `p${99 - i}` }))
      const [recorded] = await store.record(keyId, people)
      const page = await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 20 }, 10)
      const sessions = toRecords(page.sessions)
      assert.deepEqual(
        sessions[0]?.participants.map((one) => one.participantId),
        people.slice(0, 10).map((one) => one.participantId),
      )
      assert.equal(sessions[0]?.truncated, true)
      const whole = await store.reads.sessions.get(keyId, recorded?.sessionId ?? '')
      assert.equal(whole?.participants.length, 50)
      assert.equal(whole?.truncated, false)
    },
  )

  withStore(
    'what is summed up of a session is summed over all its people, however few of them a list embeds',
    async (store) => {
      const keyId = await newKey(store)
      const views = { now: start + 100_000, base: '', key: { apiKey: '', userId: '' } }
      const sumsOf = async (participantsMax: number) => {
        const page = await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 20 }, participantsMax)
        return page.sessions.map((one) => {
          const text = toListedText(one, { ...views, activeAt: start + 30_000 })
          const { participants: _, participantsTruncated: __, ...sums } = JSON.parse(text) as Session
          return sums
        })
      }
      // Ten who come one after another, twice each, and ten programs that are there all along; then all of them leave but some.
      const people = Array.from({ length: 10 }, (_, i) => {
        const first = joined('r', { at: start + i * 1000, participantId: `p${i}` })
        const again = joined('r', { at: start + 30_000 + i, participantId: `p${i}` })
        return [first, left(first, start + 20_000 + i), again, ...(i < 5 ? [left(again, start + 40_000 + i)] : [])]
      })
      const programs = Array.from({ length: 10 }, (_, i) =>
        joined('r', { at: start - 10_000 + i, participantId: `bot${i}`, kind: i < 5 ? 'agent' : 'recorder' }),
      )
      await store.record(keyId, [...programs, ...people.flat()])
      const whole = await sumsOf(1000)
      assert.equal(whole[0]?.maxJoinedPeersCount, 10)
      assert.equal(whole[0]?.uniqueParticipants, 10)
      assert.equal(whole[0]?.activeDuration, 20 + 70)
      assert.equal(whole[0]?.activeParticipantIds?.length, 1)
      assert.deepEqual(await sumsOf(3), whole)
      const end = { type: 'session-ended' as const, id: 'end', source: 'hosted', roomId: 'r' }
      await store.record(keyId, [{ ...end, at: start + 60_000, receivedAt: start + 60_000 }])
      assert.deepEqual(await sumsOf(3), await sumsOf(1000))
      assert.notDeepEqual(await sumsOf(3), whole)
    },
  )

  withStore('a session ends at its last leave once the grace is over, and not before', async (store, _, time) => {
    const keyId = await newKey(store)
    const ann = joined('r', { at: start, participantId: 'ann' })
    await store.record(keyId, [ann, left(ann, start + 5000)])
    time.at = start + 5000 + graceMs - 1
    await store.sweep(time.at)
    assert.equal((await list(store, keyId, { status: 'ongoing' })).total, 1)
    time.at = start + 5000 + graceMs
    await store.sweep(time.at)
    const { sessions, total } = await list(store, keyId, { status: 'ended' })
    assert.equal(total, 1)
    assert.equal(sessions[0]?.session.endAt, start + 5000)
    assert.equal(sessions[0]?.session.endReason, 'empty')
    assert.equal((await list(store, keyId, { status: 'ongoing' })).total, 0)
  })

  withStore(
    'after a crash people end at the lease’s last time, and go on if they return within the grace',
    async (store, reopen, time) => {
      const keyId = await newKey(store)
      await store.writes.leases.take({ holder: 'first', address: null, at: start })
      for (const roomId of ['r', 's']) await store.shared?.leases.takeRoom({ keyId, roomId }, 'first')
      const [ann, bob] = [
        joined('r', { at: start + 1000, participantId: 'ann' }),
        joined('s', { at: start + 1000, participantId: 'bob' }),
      ]
      const late = joined('r', { at: start + 12_000, participantId: 'late' })
      await store.record(keyId, [ann, bob, late])
      await store.writes.leases.renew({ holder: 'first', address: null, at: start + 10_000 })
      const again = await reopen()
      time.at = start + 60_000
      await (again.shared === undefined ? again.resume(time.at) : again.shared.revokeLease('first', time.at))
      const back = joined('r', { at: time.at + graceMs - 1, participantId: 'ann', connectionId: 'back' })
      const [returned] = await again.record(keyId, [back])
      time.at += graceMs
      await again.sweep(time.at)
      const { sessions } = await list(again, keyId)
      const byRoom = (roomId: string) => sessions.filter(({ session }) => session.roomId === roomId)
      assert.equal(byRoom('s')[0]?.session.endAt, start + 10_000)
      assert.equal(byRoom('r').length, 1)
      assert.equal(byRoom('r')[0]?.session.id, returned?.sessionId)
      assert.equal(byRoom('r')[0]?.session.endAt, null)
      const inferred = byRoom('r')[0]?.marks.filter((mark) => mark.inferred === 'source-restarted')
      assert.deepEqual(inferred?.map((mark) => [mark.participantId, mark.at - start]).sort(), [
        ['ann', 10_000],
        ['late', 12_000],
      ])
    },
  )

  withStore('quality adds up and averages, one person or all together, thinned to 500 points', async (store) => {
    const keyId = await newKey(store)
    const people = ['ann', 'bob'].map((participantId) => joined('r', { at: start, participantId }))
    const { sessionId = '' } = (await store.record(keyId, people))[0] ?? {}
    const samples = people.flatMap(({ participantId }, who) =>
      Array.from({ length: 1200 }, (_, i): Quality => {
        const at = start + i * 10_000
        const stats = { recvVideoPacketLost: i % 3, averageAudioRtt: 10 + 20 * who, qualityScore: { audio: 4.25 } }
        const id = `${participantId} ${i}`
        return { type: 'quality', id, source: 'hosted', roomId: 'r', participantId, at, receivedAt: at, stats }
      }),
    )
    await store.record(keyId, samples)
    for (const [participantId, times, rtt] of [
      ['ann', 1, 10],
      ['bob', 1, 30],
      [undefined, 2, 20],
    ] as const) {
      const series = await store.reads.quality.list(keyId, sessionId, participantId)
      assert.ok(series.length > 250 && series.length <= 500, String(series.length))
      const lost = series.reduce((sum, { stats }) => sum + (stats.recvVideoPacketLost ?? 0), 0)
      assert.equal(lost, 1200 * times)
      assert.ok(series.every(({ stats }) => stats.averageAudioRtt === rtt && stats.qualityScore?.audio === 4.25))
      assert.ok(series.every(({ stats }) => stats.averageVideoRtt === undefined))
      assert.equal(series.at(-1)?.at, samples.at(-1)?.at)
    }
    assert.deepEqual(await store.reads.quality.list(keyId + 1, sessionId), [])
  })

  withStore(
    'a rotated key keeps its old secret until a date; a disabled one says since when',
    async (store, reopen, time) => {
      const added = await store.writes.keys.add({ name: 'shop', email: 'a@example.org' })
      const rotated = await store.writes.keys.rotate({ apiKey: added.apiKey, previousUntil: start + 1000 })
      assert.equal(rotated?.previousSecret, added.secret)
      assert.notEqual(rotated?.secret, added.secret)
      assert.equal(rotated?.previousUntil, start + 1000)
      time.at = start + 5
      await store.writes.keys.disable({ apiKey: added.apiKey })
      time.at = start + 9
      await store.writes.keys.disable({ apiKey: added.apiKey })
      const again = await reopen()
      assert.equal((await again.reads.keys.find(added.apiKey))?.disabledAt, start + 5)
      assert.equal(await again.writes.keys.rotate({ apiKey: 'unknown', previousUntil: 0 }), undefined)
      assert.equal(await again.reads.keys.find('unknown'), undefined)
    },
  )
}
