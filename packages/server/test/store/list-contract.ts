import assert from 'node:assert/strict'
import type { Fact } from '@rollcall/protocol'
import type { Store } from '../../src/record/open-store.ts'
import { toListedText } from '../../src/record/session-view.ts'
import type { Cursor } from '../../src/store/sessions/list.ts'
import type { SessionFilter } from '../../src/store/sessions/list-queries.ts'
import type { ListedSession } from '../../src/store/sessions/sessions.ts'
import { type StoreUnderTest, storeMaker } from './contract.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const first = Date.UTC(2025, 9, 27, 22)
const now = Date.UTC(2026, 0, 5, 9)
const sessionsCount = 2600
/** One of them holds more sessions than a room may have without buckets of its own. */
const roomNames = ['busy', 'a', 'b', 'c']

/** What the test knows of a session it had recorded. */
type Known = { id: string; roomId: string; startAt: number; endAt: number | null; stays: Stay[] }
type Stay = { participantId: string; joinedAt: number; leftAt: number | null }

/** Every filter and page of the list, against a search by hand over what was recorded. */
export function listContract(create: () => Promise<StoreUnderTest>): void {
  const withStore = storeMaker(create)
  withStore(
    'every filter, page and cursor equals a search by hand, sealed or not, newest start first',
    async (store, _, clock) => {
      clock.at = now
      const keyId = (await store.writes.keys.add({ name: null, email: null })).keyId
      const rooms = await makeRooms(store, keyId)
      const known = await recordWorld(store, keyId, rooms, 0, sessionsCount)
      while ((await store.writes.people.gather({ keyId })) > 0);
      // Half of what ended is sealed, and some of that is amended; the newest are not sealed yet.
      clock.at = now + 60_000
      await store.seal(now + 30_000)
      await amendSome(store, keyId, known)
      clock.at = now

      const startOf = new Map(known.map(({ id, startAt }) => [id, startAt]))
      for (const filter of filters(rooms, known)) {
        const expected = search(known, filter, rooms)
        const what = `by cursor ${JSON.stringify(filter)}`
        assert.deepEqual(await walkByCursor(store, keyId, filter, 700), expected, what)
        const places = new Map(expected.map((id) => [id, { startAt: startOf.get(id) ?? 0, id }]))
        const backwards = await walkBackwards(store, keyId, filter, places, 700)
        assert.deepEqual(backwards, expected.slice(0, -1), `${what}, backwards`)
        const lastPage = Math.max(1, Math.ceil(expected.length / 9))
        for (const page of new Set([1, 2, Math.ceil(lastPage / 2), lastPage - 1, lastPage, lastPage + 1])) {
          if (page < 1) continue
          const { sessions, total } = await store.reads.sessions.list(keyId, filter, { page, perPage: 9 }, 1000)
          assert.equal(total, expected.length, JSON.stringify(filter))
          const ids = expected.slice((page - 1) * 9, page * 9)
          assert.deepEqual(sessions.map(idOf), ids, `page ${page} of ${JSON.stringify(filter)}`)
        }
      }
    },
  )

  withStore('a sealed session reads as it read before', async (store, _, clock) => {
    clock.at = now
    const key = await store.writes.keys.add({ name: null, email: null })
    const rooms = await makeRooms(store, key.keyId)
    await recordWorld(store, key.keyId, rooms, 0, 60)
    const view = { now, base: 'https://rooms.example.org', key }
    const read = async () => {
      const { sessions } = await store.reads.sessions.list(
        key.keyId,
        { status: 'ended' },
        { page: 1, perPage: 100 },
        1000,
      )
      return {
        sealed: sessions.filter((one) => 'sealed' in one).length,
        texts: sessions.map((one) => toListedText(one, view)),
      }
    }
    const before = await read()
    await store.seal(now + 30_000)
    const after = await read()
    assert.deepEqual([before.sealed, after.sealed], [0, before.texts.length])
    assert.deepEqual(after.texts, before.texts)
    assert.ok(after.texts.every((text) => JSON.parse(text).links.get_room.startsWith(view.base)))
  })

  withStore(
    'whole seconds are listed of a seal, which keeps them to the millisecond as it always did',
    async (store) => {
      const key = await store.writes.keys.add({ name: null, email: null })
      // A name that looks like the field, which is a text and stays as it is.
      const customRoomId = '"activeDuration":1.5,"maxJoinedPeersCount":2.5'
      const { roomId } = await store.writes.rooms.create({ keyId: key.keyId, customRoomId })
      const of = { source: 'events', roomId, sessionKey: 'one', participantId: 'ann', receivedAt: now }
      await store.record(key.keyId, [
        { ...of, id: 'in', type: 'participant-joined', connectionId: 'a', at: now - 600_000, kind: 'person' },
        { ...of, id: 'out', type: 'participant-left', connectionId: 'a', at: now - 507 },
        { ...of, id: 'end', type: 'session-ended', at: now - 500 },
      ])
      const read = async () => {
        const { sessions } = await store.reads.sessions.list(key.keyId, {}, { page: 1, perPage: 10 }, 1000)
        const [one] = sessions
        assert.ok(one !== undefined)
        return { one, text: toListedText(one, { now, base: 'https://rooms.example.org', key }) }
      }
      const before = await read()
      await store.seal(now + 60_000)
      const after = await read()
      assert.ok('sealed' in after.one)
      assert.equal(
        after.one.sealed.middle,
        `"customRoomId":${JSON.stringify(customRoomId)},"apiKey":"${key.apiKey}","userId":"${key.userId}","activeDuration":599.493,"maxJoinedPeersCount":1`,
      )
      assert.match(after.one.sealed.tail, /^"engine":"events","revision":0,/)
      assert.equal(after.text, before.text)
      const shown = JSON.parse(after.text)
      assert.deepEqual([shown.activeDuration, shown.customRoomId, shown.chatLink], [599, customRoomId, ''])
      assert.deepEqual([shown.hlsLog, shown.recordingLog, shown.livestreamLog], [[], [], []])
    },
  )

  withStore('a sealed session that goes on after all is listed as it runs', async (store, _, clock) => {
    clock.at = now
    const { keyId } = await store.writes.keys.add({ name: null, email: null })
    const { roomId } = await store.writes.rooms.create({ keyId })
    const of = { source: 'events', roomId, sessionKey: 'one', participantId: 'ann', receivedAt: now }
    await store.record(keyId, [
      { ...of, id: 'in', type: 'participant-joined', connectionId: 'a', at: now - 60_000, kind: 'person' },
      { ...of, id: 'out', type: 'participant-left', connectionId: 'a', at: now - 50_000 },
    ])
    const list = async () => (await store.reads.sessions.list(keyId, {}, { page: 1, perPage: 10 }, 1000)).sessions
    clock.at = now + dayMs
    await store.sweep(clock.at)
    clock.at += 60_000
    await store.seal(clock.at)
    assert.ok((await list()).every((one) => 'sealed' in one))
    await store.record(keyId, [
      { ...of, id: 'again', type: 'participant-joined', connectionId: 'b', at: now - 40_000, kind: 'person' },
    ])
    const [listed] = await list()
    assert.ok(listed !== undefined && 'record' in listed, 'its seal is of another time')
    assert.equal(listed.record.session.endAt, null)
  })

  withStore('a cursor never repeats or skips a session while others start and end', async (store, _, clock) => {
    clock.at = now
    const keyId = (await store.writes.keys.add({ name: null, email: null })).keyId
    const rooms = await makeRooms(store, keyId)
    const before = await recordWorld(store, keyId, rooms, 0, 200)
    const seen: string[] = []
    let after: Cursor | undefined
    for (let n = 200; ; n += 10) {
      const page = after === undefined ? { page: 1, perPage: 13 } : { after, perPage: 13 }
      const { sessions, next } = await store.reads.sessions.list(keyId, {}, page, 1000)
      seen.push(...sessions.map(idOf))
      if (next === undefined) break
      after = next
      await recordWorld(store, keyId, rooms, n, n + 10)
    }
    assert.equal(new Set(seen).size, seen.length, 'no session twice')
    for (const { id } of before) assert.ok(seen.includes(id), 'every session that was there is found')
  })
}

async function makeRooms(store: Store, keyId: number): Promise<Map<string, string>> {
  const rooms = new Map<string, string>()
  for (const customRoomId of roomNames) {
    rooms.set(customRoomId, (await store.writes.rooms.create({ keyId, customRoomId })).roomId)
  }
  return rooms
}

/** Numbers that look random and are the same each time. */
function scatter(n: number, below: number): number {
  return Math.abs(Math.imul(n ^ 0x9e3779b9, 2654435761) ^ (n << 7)) % below
}

async function recordWorld(store: Store, keyId: number, rooms: Map<string, string>, from: number, to: number) {
  const known: Known[] = []
  const facts: Fact[] = []
  for (let n = from; n < to; n++) {
    const roomId = rooms.get(n % 2 === 0 ? 'busy' : (roomNames[1 + (n % 3)] ?? '')) ?? ''
    // Over ten weeks; some start at the very same moment, some at the stroke of an hour.
    const startAt =
      n % 10 === 0 ? first + (n % 70) * dayMs : first + scatter(n, 66 * 24) * hourMs + scatter(n + 1, 5) * 600_000
    const about = { source: 'events', roomId, sessionKey: `s${n}`, receivedAt: now - 1 }
    const join = (name: string, at: number) =>
      facts.push({
        type: 'participant-joined',
        id: `${n} ${name} ${at}`,
        at,
        participantId: name,
        connectionId: `${at}`,
        ...about,
      })
    const leave = (name: string, joinedAt: number, at: number) =>
      facts.push({
        type: 'participant-left',
        id: `${n} ${name} -${at}`,
        at,
        participantId: name,
        connectionId: `${joinedAt}`,
        ...about,
      })
    const lengthMs = [5_000, 90_000, 20 * 60_000, 3 * hourMs, 40 * hourMs][scatter(n + 2, 5)] ?? 0
    const person = `p${scatter(n + 3, 7)}`
    join(person, startAt)
    const one: Known = {
      id: '',
      roomId,
      startAt,
      endAt: null,
      stays: [{ participantId: person, joinedAt: startAt, leftAt: null }],
    }
    if (n % 9 !== 0) {
      const endAt = startAt + lengthMs
      // Every fourth stood empty for a third of its time.
      const leftAt = n % 4 === 0 ? startAt + Math.floor(lengthMs / 3) : endAt
      leave(person, startAt, leftAt)
      one.stays = [{ participantId: person, joinedAt: startAt, leftAt }]
      if (leftAt !== endAt) {
        const backAt = startAt + Math.floor((lengthMs * 2) / 3)
        join('late', backAt)
        leave('late', backAt, endAt)
        one.stays.push({ participantId: 'late', joinedAt: backAt, leftAt: endAt })
      }
      facts.push({ type: 'session-ended', id: `${n} end`, at: endAt, ...about })
      one.endAt = endAt
    }
    known.push(one)
  }
  const idsByKey = new Map<string, string>()
  for (let i = 0; i < facts.length; i += 500) {
    const some = facts.slice(i, i + 500)
    const recorded = await store.record(keyId, some)
    for (const [j, { sessionId = '' }] of recorded.entries()) idsByKey.set(some[j]?.sessionKey ?? '', sessionId)
  }
  known.forEach((one, i) => {
    one.id = idsByKey.get(`s${from + i}`) ?? ''
  })
  return known
}

/** A person more in some sessions that ended: they joined before the start, so that the session moves in the list. */
async function amendSome(store: Store, keyId: number, known: Known[]): Promise<void> {
  for (const [n, one] of known.entries()) {
    if (n % 100 !== 1 || one.endAt === null) continue
    const joinedAt = one.startAt - 3 * dayMs
    const about = { source: 'events', roomId: one.roomId, sessionKey: `s${n}`, receivedAt: now - 1 }
    const who = { participantId: 'amended', connectionId: 'a' }
    await store.record(keyId, [
      { type: 'participant-left', id: `${n} amended`, at: one.startAt, joinedAt, ...who, ...about },
    ])
    one.startAt = joinedAt
    one.stays.push({ participantId: 'amended', joinedAt, leftAt: one.startAt + 3 * dayMs })
  }
}

function filters(rooms: Map<string, string>, known: Known[]): SessionFilter[] {
  const [busy = '', a = ''] = [rooms.get('busy'), rooms.get('a')]
  const middle = first + 30 * dayMs + 12 * hourMs + 1234
  const ranges: SessionFilter[] = [
    {},
    { startFrom: middle },
    { startTo: middle },
    { startFrom: first + 10 * dayMs, startTo: first + 50 * dayMs },
    { startFrom: middle, startTo: middle - 1 },
    { startFrom: first + 20 * dayMs, startTo: first + 20 * dayMs },
  ]
  const places: SessionFilter[] = [{}, { roomId: busy }, { roomId: a }, { customRoomId: 'b' }, { query: 'busy' }]
  const states: SessionFilter[] = [{}, { status: 'ongoing' }, { status: 'ended' }]
  const people: SessionFilter[] = [
    { participantId: 'p1' },
    { participantId: 'late', status: 'ended' },
    { participantId: 'p2', roomId: busy, startFrom: middle },
    { participantId: 'nobody' },
    { activeAt: middle },
    { activeAt: first + 20 * dayMs },
    { activeAt: known.find((one) => one.endAt !== null)?.endAt ?? 0 },
    { activeAt: middle, roomId: busy },
    { activeAt: middle, status: 'ended', participantId: 'p3' },
    { activeAt: first - 4 * dayMs },
    { minDurationMs: 0 },
    { minDurationMs: 90_000 },
    { minDurationMs: 90_001, status: 'ended' },
    { minDurationMs: 3 * hourMs, roomId: busy },
    { minDurationMs: 30 * hourMs, participantId: 'p4' },
    { minDurationMs: 30 * hourMs, activeAt: middle },
  ]
  const parts: SessionFilter[] = [
    { search: 'BÚ' },
    { search: 'b', startFrom: middle },
    { search: 'b', status: 'ended' },
    { search: '-', startFrom: first + 10 * dayMs, startTo: first + 50 * dayMs },
    { search: 'c', roomId: a },
    { search: 'us', roomId: busy },
    { search: '-', participantId: 'p1' },
    { search: 'b', activeAt: middle },
    { search: '-', minDurationMs: 90_001, status: 'ended' },
    { search: ' ' },
    { search: 'nothing' },
  ]
  const none: SessionFilter[] = [
    { query: 'nothing' },
    { customRoomId: 'nothing' },
    { roomId: 'nothing' },
    { customRoomId: 'b', roomId: a },
    { roomId: '' },
  ]
  const combined = places.flatMap((place) =>
    states.flatMap((state) => ranges.map((range) => ({ ...place, ...state, ...range }))),
  )
  return [...combined, ...people, ...parts, ...none]
}

function search(known: Known[], filter: SessionFilter, rooms: Map<string, string>): string[] {
  const { activeAt, minDurationMs } = filter
  const names = new Map([...rooms].map(([name, roomId]) => [roomId, name]))
  const hasPart = (roomId: string, part: string) =>
    [roomId, names.get(roomId) ?? ''].some((id) => id.includes(part.replace('BÚ', 'bu').trim()))
  const inside = ({ joinedAt, leftAt }: Stay, at: number) => joinedAt <= at && (leftAt === null || at <= leftAt)
  return known
    .filter((one) => {
      if (filter.roomId !== undefined && one.roomId !== filter.roomId) return false
      if (filter.customRoomId !== undefined && one.roomId !== rooms.get(filter.customRoomId)) return false
      if (filter.query !== undefined && one.roomId !== rooms.get(filter.query)) return false
      if (filter.search !== undefined && !hasPart(one.roomId, filter.search)) return false
      if (filter.status !== undefined && (one.endAt === null) !== (filter.status === 'ongoing')) return false
      if (filter.startFrom !== undefined && one.startAt < filter.startFrom) return false
      if (filter.startTo !== undefined && one.startAt > filter.startTo) return false
      if (filter.participantId !== undefined && !one.stays.some((stay) => stay.participantId === filter.participantId))
        return false
      if (minDurationMs !== undefined && (one.endAt ?? now) - one.startAt < minDurationMs) return false
      return activeAt === undefined || one.stays.some((stay) => inside(stay, activeAt))
    })
    .sort((a, b) => b.startAt - a.startAt || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id)
}

async function walkByCursor(store: Store, keyId: number, filter: SessionFilter, perPage: number): Promise<string[]> {
  const ids: string[] = []
  let page: { page: number; perPage: number } | { after: Cursor; perPage: number } = { page: 1, perPage }
  for (;;) {
    const { sessions, next } = await store.reads.sessions.list(keyId, filter, page, 1000)
    ids.push(...sessions.map(idOf))
    if (next === undefined) return ids
    page = { after: next, perPage }
  }
}

/**
 * All but the last, by the pages that stand before it.
 * @param places of all that is to be found, newest first
 */
async function walkBackwards(
  store: Store,
  keyId: number,
  filter: SessionFilter,
  places: Map<string, Cursor>,
  perPage: number,
): Promise<string[]> {
  const ids: string[] = []
  for (let before = [...places.values()].at(-1); before !== undefined; before = places.get(ids[0] ?? '')) {
    const { sessions, next } = await store.reads.sessions.list(keyId, filter, { before, perPage }, 1000)
    if (sessions.length === 0) return ids
    assert.deepEqual(next, places.get(idOf(sessions.at(-1) as ListedSession)))
    ids.unshift(...sessions.map(idOf))
  }
  return ids
}

function idOf(listed: ListedSession): string {
  return 'sealed' in listed ? listed.sealed.id : listed.record.session.id
}
