import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EventResults, Session, SessionPage } from '@rollcall/protocol'
import { startServer, type TestServer } from '../support/start-server.ts'

const startMs = Date.UTC(2026, 0, 15, 12)
let now = startMs
let server: TestServer
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
})
after(() => server.stop())

let told = 0

/** Events in this order, each at so many seconds after the start. */
async function tell(...events: { type: string; at: number; roomId: string; [field: string]: unknown }[]) {
  const all = events.map(({ at, ...event }, i) => ({ id: `event ${told + i}`, at: startMs + at * 1000, ...event }))
  told += events.length
  now = Math.max(now, ...all.map(({ at }) => at))
  const { status, text, body } = await server.call<EventResults>('POST', '/v2/events', { events: all })
  assert.equal(status, 200, text)
  return body.results
}

async function list(query: string): Promise<Session[]> {
  const { status, text, body } = await server.call<SessionPage>('GET', `/v2/sessions?${query}`)
  assert.equal(status, 200, text)
  assert.equal(body.pageInfo.total, body.data.length)
  return body.data
}

async function find(room: string): Promise<Session> {
  const [session] = await list(`customRoomId=${encodeURIComponent(room)}`)
  assert.ok(session)
  const { body } = await server.call<Session>('GET', `/v2/sessions/${session.id}`)
  const names = (one: Session) => [one.parentRoomId, one.parentSessionId]
  assert.deepEqual(names(body), names(session), 'the list says what the session by its id says')
  return session
}

/** The names of rooms, of the sessions that are parts of this one. */
async function partsOf({ id }: Session): Promise<(string | null)[]> {
  return (await list(`parentSessionId=${id}`)).map(({ customRoomId }) => customRoomId).sort()
}

const main = { roomId: 'algebra', sessionKey: 'm1' }
const part = (name: string, at: number, parent: object = main) => ({
  ...{ type: 'session-started', at, roomId: `${main.roomId}/${name}`, sessionKey: name, parent },
})
const started = (at: number, place: { roomId: string; sessionKey?: string } = main) => ({
  ...{ type: 'session-started', at, ...place },
})

describe('a session that is a part of another', () => {
  test('names the room and the session of that, and is listed by it, whichever was told of first', async () => {
    await tell(part('early', 10))
    const early = await find('algebra/early')
    assert.deepEqual([typeof early.parentRoomId, early.parentSessionId], ['string', undefined])
    await tell(started(0), part('late', 20))
    const parent = await find('algebra')
    assert.deepEqual([parent.parentRoomId, parent.parentSessionId], [undefined, undefined])
    for (const name of ['early', 'late']) {
      const { parentRoomId, parentSessionId } = await find(`algebra/${name}`)
      assert.deepEqual([parentRoomId, parentSessionId], [parent.roomId, parent.id])
    }
    assert.deepEqual(await partsOf(parent), ['algebra/early', 'algebra/late'])
    assert.deepEqual(await partsOf(await find('algebra/late')), [])
  })

  test('says so when it is over and its text is kept, also where its parent is told of only then', async () => {
    const other = { roomId: 'geometry', sessionKey: 'm2' }
    const { parent: _, ...end } = part('kept', 60, other)
    await tell(part('kept', 30, other), { ...end, type: 'session-ended' })
    now += 60_000
    while ((await server.context.writes.seals.seal({ now })) > 0);
    await tell(started(5, other))
    const parent = await find('geometry')
    const kept = await find('algebra/kept')
    assert.deepEqual([kept.parentRoomId, kept.parentSessionId], [parent.roomId, parent.id])
    const { text } = await server.call('GET', `/v2/sessions?parentSessionId=${parent.id}`)
    const { body: one } = await server.call<Session>('GET', `/v2/sessions/${kept.id}`)
    assert.deepEqual(JSON.parse(text).data, [one])
  })

  test('is one of the session that ran in its parent’s room by then, where no key tells which', async () => {
    const roomId = 'no keys'
    const joined = (at: number) => ({ type: 'participant-joined', at, roomId, participantId: 'anna' })
    const left = (at: number) => ({ type: 'participant-left', at, roomId, participantId: 'anna' })
    await tell(joined(100), part('first', 110, { roomId }), left(120))
    await tell(joined(1000), part('second', 1010, { roomId }), left(1020))
    const [second, first] = await list('customRoomId=no%20keys')
    assert.ok(first !== undefined && second !== undefined)
    assert.equal((await find('algebra/first')).parentSessionId, first.id)
    assert.equal((await find('algebra/second')).parentSessionId, second.id)
    assert.deepEqual([await partsOf(first), await partsOf(second)], [['algebra/first'], ['algebra/second']])
  })

  test('is told to be so by a room’s name, as any room is; a shape that says none is refused', async () => {
    const results = await tell(
      part('bad', 0, { sessionKey: 'x' }),
      { ...part('bad', 0), parent: 'algebra' },
      { ...part('bad', 0), parent: null },
    )
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['refused', 'refused', 'recorded'],
    )
    assert.match(results[0]?.reason ?? '', /parent\.roomId/)
    assert.equal((await find('algebra/bad')).parentRoomId, undefined)
  })

  test('is listed by other filters as well, and by an id that is no session’s not at all', async () => {
    const parent = await find('algebra')
    const late = await find('algebra/late')
    assert.deepEqual(
      (await list(`parentSessionId=${parent.id}&roomId=${late.roomId}`)).map(({ id }) => id),
      [late.id],
    )
    assert.equal((await list(`parentSessionId=${parent.id}&participantId=nobody`)).length, 0)
    assert.equal((await list('parentSessionId=65a000000000000000000000')).length, 0)
    const page = await server.call<SessionPage>('GET', `/v2/sessions?parentSessionId=${parent.id}&perPage=1`)
    assert.deepEqual([page.body.data[0]?.id, page.body.pageInfo.total], [late.id, 2])
    const next = `parentSessionId=${parent.id}&perPage=1&cursor=${page.body.pageInfo.nextCursor}`
    const { body } = await server.call<SessionPage>('GET', `/v2/sessions?${next}`)
    assert.deepEqual(
      body.data.map(({ customRoomId }) => customRoomId),
      ['algebra/early'],
    )
  })
})
