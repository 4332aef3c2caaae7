import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rollcall, RollcallError } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

const dayMs = 24 * 3_600_000
const firstStartAt = Date.parse('2026-01-01T12:00:00.000Z')
const people = Array.from({ length: 7 }, (_, i) => `person-${i}`)

let server: TestServer
let rollcall: Rollcall
let roomId: string
/** Seven that ended, a day apart, newest first; the oldest had seven people. */
const sessionIds: string[] = []

before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
  roomId = (await rollcall.rooms.create({ customRoomId: 'daily' })).roomId
  for (let day = 0; day < 7; day++) sessionIds.unshift(await recordDay(day, day === 0 ? people : ['ann']))
})
after(() => server.stop())

function recordDay(day: number, ids: string[], room = roomId): Promise<string> {
  const startAt = firstStartAt + day * dayMs
  const stays = ids.map((participantId, i) => ({ participantId, joinedAt: startAt + i, leftAt: startAt + 60_000 }))
  return recordSession(server, { roomId: room, startAt, endAt: startAt + 60_000, stays })
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

const idsOf = (sessions: { id: string }[]) => sessions.map(({ id }) => id)

describe('sessions.list', () => {
  test('is walked through all its pages, newest first', async () => {
    for (const perPage of [1, 3, 7, 20]) {
      assert.deepEqual(idsOf(await collect(rollcall.sessions.list({ perPage }))), sessionIds)
    }
  })

  test('pages() gives the pages as the server answers them', async () => {
    const pages = await collect(rollcall.sessions.list({ perPage: 3 }).pages())
    assert.deepEqual(
      pages.map(({ pageInfo, data }) => [pageInfo.currentPage, pageInfo.lastPage, pageInfo.total, data.length]),
      [
        [1, 3, 7, 3],
        [2, 3, 7, 3],
        [3, 3, 7, 1],
      ],
    )
    const { body } = await server.call<{ data: object[] }>('GET', '/v2/sessions?perPage=3')
    assert.deepEqual(pages[0], body)
  })

  test('page() gives one page; past the end it is empty', async () => {
    const listing = rollcall.sessions.list({ perPage: 2 })
    assert.deepEqual(idsOf((await listing.page()).data), sessionIds.slice(0, 2))
    assert.deepEqual(idsOf((await listing.page(4)).data), sessionIds.slice(6))
    assert.deepEqual((await listing.page(5)).data, [])
  })

  test('can be walked twice, and left in the middle', async () => {
    const listing = rollcall.sessions.list({ perPage: 2 })
    for await (const { id } of listing) if (id === sessionIds[2]) break
    assert.deepEqual(idsOf(await collect(listing)), sessionIds)
  })

  test('passes its filters on, times in every form', async () => {
    const [newest = '', second = ''] = sessionIds
    const from = firstStartAt + 5 * dayMs
    for (const startDate of [from, new Date(from), new Date(from).toISOString()]) {
      assert.deepEqual(idsOf(await collect(rollcall.sessions.list({ startDate }))), [newest, second])
    }
    const { sessions } = rollcall
    const endDate = new Date(firstStartAt)
    assert.deepEqual(idsOf(await collect(sessions.list({ endDate, perPage: 1 }))), sessionIds.slice(6))
    assert.deepEqual(idsOf(await collect(sessions.list({ participantId: 'person-3' }))), sessionIds.slice(6))
    assert.deepEqual(idsOf(await collect(sessions.list({ status: 'ongoing' }))), [])
    for (const filters of [{ roomId }, { customRoomId: 'daily' }, { query: 'daily' }, { status: 'ended' as const }]) {
      assert.deepEqual(idsOf(await collect(sessions.list(filters))), sessionIds)
    }
    assert.deepEqual(idsOf(await collect(sessions.list({ roomId: 'none' }))), [])
  })

  test('a walk neither repeats nor skips while new sessions start', async () => {
    const { roomId: busy } = await rollcall.rooms.create({ customRoomId: 'busy' })
    const before = [await recordDay(0, ['ann'], busy), await recordDay(1, ['ann'], busy), await recordDay(2, [], busy)]
    const walked: string[] = []
    for await (const { id } of rollcall.sessions.list({ roomId: busy, perPage: 1 })) {
      walked.push(id)
      if (walked.length <= 3) await recordDay(2 + walked.length, ['ann'], busy)
    }
    assert.deepEqual(walked, before.reverse())
  })

  test('a wrong filter is refused by name', async () => {
    await assert.rejects(rollcall.sessions.list({ perPage: 0 }).page(), {
      name: 'RollcallError',
      statusCode: 400,
      code: 'BAD_REQUEST',
      message: /^perPage=0 is not understood: it takes /,
    })
    await assert.rejects(rollcall.sessions.list({ startDate: new Date('never') }).page(), {
      name: 'TypeError',
      message: 'startDate is an invalid Date: it takes a moment in time',
    })
  })
})

describe('sessions.get', () => {
  test('gives the session with all who were there', async () => {
    const oldest = sessionIds.at(-1) ?? ''
    const session = await rollcall.sessions.get(oldest)
    assert.deepEqual(
      session.participants.map(({ participantId }) => participantId),
      people,
    )
    assert.deepEqual(session, (await server.call('GET', `/v2/sessions/${oldest}`)).body)
  })

  test('of a session that is not known says so, with the id of the request', async () => {
    await assert.rejects(rollcall.sessions.get('no/such session'), (error) => {
      assert.ok(error instanceof RollcallError)
      assert.deepEqual([error.statusCode, error.code], [404, 'SESSION_NOT_FOUND'])
      assert.equal(error.message, 'Session no/such session not found')
      assert.match(error.requestId ?? '', /^[\w-]{8,}$/)
      return true
    })
  })

  test('of no id is refused, and is not the list', async () => {
    await assert.rejects(rollcall.sessions.get(''), { name: 'TypeError', message: /^sessionId is / })
  })
})

describe('sessions.participants', () => {
  test('is walked through all its pages, in order of first join', async () => {
    const oldest = sessionIds.at(-1) ?? ''
    for (const options of [{}, { perPage: 3 }]) {
      const all = await collect(rollcall.sessions.participants(oldest, options))
      assert.deepEqual(
        all.map(({ participantId, totalSeconds }) => [participantId, totalSeconds]),
        people.map((id, i) => [id, (60_000 - i) / 1000]),
      )
    }
    const { pageInfo, data } = await rollcall.sessions.participants(oldest, { perPage: 5 }).page(2)
    assert.deepEqual([pageInfo.lastPage, pageInfo.total, data.length], [2, 7, 2])
  })

  test('of a session that is not known says so when it is walked', async () => {
    await assert.rejects(collect(rollcall.sessions.participants('none')), { code: 'SESSION_NOT_FOUND' })
  })
})
