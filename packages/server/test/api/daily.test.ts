import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type {
  DailyError,
  DailyMeeting,
  DailyMeetingPage,
  DailyParticipantPage,
  ListedDailyMeeting,
} from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// The meetings of Daily's REST API. Each rule is of its documentation, or one that a public client depends on: see docs/daily.md.

const path = '/daily/v1/meetings'
const secondMs = 1000
/** A moment that is no whole second. */
const startAt = Date.parse('2026-03-01T10:00:00.700Z')
const startSeconds = Math.floor(startAt / secondMs)
const hourMs = 3_600_000

let server: TestServer
let token: string
/** Of a meeting in which Ann was twice. */
let detailed: string
before(async () => {
  server = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
  token = `Bearer ${await server.sign()}`
  const { roomId } = await makeRoom(server, { customRoomId: 'my-room' })
  detailed = await recordSession(server, {
    roomId,
    startAt,
    endAt: startAt + 600_900,
    stays: [
      { participantId: 'ann', name: 'Ann', joinedAt: startAt + 1000, leftAt: startAt + 60_999 },
      { participantId: 'ben', joinedAt: startAt + 30_000, leftAt: startAt + 90_000 },
      { participantId: 'ann', name: 'Ann', joinedAt: startAt + 300_000, leftAt: startAt + 600_900 },
      { participantId: 'bot', name: 'Bot', kind: 'agent', joinedAt: startAt + 301_000, leftAt: startAt + 302_000 },
    ],
  })
})
after(() => server.stop())

const ask = <Body>(path: string, headers: { [name: string]: string } = {}) =>
  server.call<Body>('GET', path, undefined, { token, headers })
const list = async (query = '') => {
  const { status, text, body } = await ask<DailyMeetingPage>(`${path}${query}`)
  assert.equal(status, 200, text)
  return body
}
const idsOf = ({ data }: DailyMeetingPage) => data.map(({ id }) => id)

/** Meetings of ten seconds, an hour apart, oldest first. */
async function recordMany(of: TestServer, roomId: string, count: number): Promise<string[]> {
  const ids = []
  for (let n = 0; n < count; n++) {
    const at = startAt + n * hourMs
    const stays = [{ participantId: 'ann', joinedAt: at, leftAt: at + 10_000 }]
    ids.push(await recordSession(of, { roomId, startAt: at, endAt: at + 10_000, stays }))
  }
  return ids
}

describe('a meeting of Daily’s API', () => {
  test('has Unix seconds, whole seconds of length, null for no name, and an entry for each stay', async () => {
    const { total_count, data } = await list('?room=my-room')
    assert.equal(total_count, 1)
    const [meeting] = data
    assert.deepEqual(
      { ...meeting, participants: meeting?.participants?.map(({ participant_id, ...one }) => one) },
      {
        id: detailed,
        room: 'my-room',
        start_time: startSeconds,
        duration: 600,
        ongoing: false,
        max_participants: 2,
        participants: [
          { user_id: 'ann', user_name: 'Ann', join_time: startSeconds + 1, duration: 59 },
          { user_id: 'ann', user_name: 'Ann', join_time: startSeconds + 300, duration: 300 },
          { user_id: 'ben', user_name: null, join_time: startSeconds + 30, duration: 60 },
          { user_id: 'bot', user_name: 'Bot', join_time: startSeconds + 301, duration: 1 },
        ],
      },
    )
    const ids = meeting?.participants?.map(({ participant_id }) => participant_id) ?? []
    assert.equal(new Set(ids).size, 4, 'each stay has an id of its own')
    for (const id of ids) assert.equal(encodeURIComponent(id), id)
  })

  test('is the same before it is sealed and after', async () => {
    const before = await list('?room=my-room')
    assert.ok((await server.context.writes.seals.seal({ now: Date.now() + hourMs })) > 0)
    assert.deepEqual(await list('?room=my-room&limit=99'), before)
  })

  test('is found by its id, without who took part', async () => {
    const [listed] = (await list('?room=my-room&no_participants=true')).data
    assert.equal('participants' in (listed ?? {}), false)
    assert.deepEqual((await ask<DailyMeeting>(`${path}/${detailed}`)).body, listed)
  })

  test('that runs lasts until now, and so does whoever is inside', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'running' })
    const at = Date.now() - 100_000
    const stays = [{ participantId: 'ann', joinedAt: at }]
    const id = await recordSession(server, { roomId, startAt: at, stays })
    const [meeting] = (await list('?room=running')).data
    assert.deepEqual([meeting?.id, meeting?.ongoing], [id, true])
    for (const duration of [meeting?.duration, meeting?.participants?.[0]?.duration]) assert.ok(Number(duration) >= 100)
    assert.deepEqual(idsOf(await list('?ongoing=true')), [id])
    assert.equal(idsOf(await list('?ongoing=false')).includes(id), false)
    const { body } = await ask<DailyMeeting>(`${path}/${id}`)
    assert.deepEqual([body.ongoing, body.max_participants], [true, 1])
  })

  test('is taken as Daily’s by an import', async (t) => {
    const other = await startServer()
    t.after(() => other.stop())
    const [meeting] = (await list('?room=my-room')).data
    const { status, text } = await other.call('POST', '/v2/imports?format=daily', { data: [meeting] })
    assert.equal(status, 200)
    assert.doesNotMatch(text, /untaken","where/)
    const [again] = (await other.call<DailyMeetingPage>('GET', path)).body.data
    const withoutIds = ({ participants, ...rest }: Partial<ListedDailyMeeting> = {}) => ({
      ...rest,
      id: '',
      participants: participants?.map((one) => ({ ...one, participant_id: '' })),
    })
    assert.deepEqual(withoutIds(again), withoutIds(meeting))
  })
})

describe('the list of Daily’s API', () => {
  let many: string[]
  before(async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'many' })
    many = (await recordMany(server, roomId, 130)).reverse()
  })

  test('is newest first, a hundred at most, and counts all that fit', async () => {
    const first = await list('?room=many')
    assert.deepEqual([first.total_count, idsOf(first)], [130, many.slice(0, 100)])
    assert.equal(idsOf(await list('?room=many&limit=1000')).length, 100)
    assert.deepEqual(idsOf(await list('/?room=many&limit=3')), many.slice(0, 3))
  })

  test('goes on after a meeting, until a page is empty, and counts the same all the way', async () => {
    const seen: string[] = []
    for (let after = ''; ; after = `&starting_after=${seen.at(-1)}`) {
      const page = await list(`?room=many&limit=40${after}`)
      assert.equal(page.total_count, 130)
      if (page.data.length === 0) break
      seen.push(...idsOf(page))
      assert.ok(seen.length <= many.length, 'it comes to an end')
    }
    assert.deepEqual(seen, many)
  })

  test('has the page before a meeting too, newest first', async () => {
    const [, , , fourth] = many
    assert.deepEqual(idsOf(await list(`?room=many&limit=2&ending_before=${fourth}`)), many.slice(1, 3))
    assert.deepEqual(idsOf(await list(`?room=many&ending_before=${many[0]}`)), [])
    assert.deepEqual(idsOf(await list(`?room=many&limit=5&ending_before=${many[100]}`)), many.slice(95, 100))
  })

  test('is narrowed by a time frame, whose start counts and whose end does not', async () => {
    const at = (n: number) => startSeconds + n * 3600
    const between = await list(`?room=many&timeframe_start=${at(3)}&timeframe_end=${at(5)}`)
    assert.deepEqual([between.total_count, idsOf(between)], [2, many.slice(-5, -3)])
    const within = `?room=many&timeframe_start=${at(1)}&timeframe_end=${at(6)}`
    assert.deepEqual(idsOf(await list(`${within}&starting_after=${many.at(-5)}`)), many.slice(-4, -1))
    assert.deepEqual(idsOf(await list(`${within}&ending_before=${many.at(-3)}`)), many.slice(-6, -3))
    assert.equal((await list(`?room=many&timeframe_start=${at(129)}`)).total_count, 1)
    const { roomId } = await makeRoom(server, { customRoomId: 'on the second' })
    await recordSession(server, { roomId, startAt: at(0) * secondMs, endAt: at(1) * secondMs })
    const edge = async (query: string) => (await list(`?room=on%20the%20second&${query}`)).total_count
    assert.deepEqual([await edge(`timeframe_start=${at(0)}`), await edge(`timeframe_end=${at(0)}`)], [1, 0])
    assert.equal((await list(`?room=many&timeframe_end=${at(0)}`)).total_count, 0)
  })

  test('of a room is found by either of its names; of one that is not known it is empty', async () => {
    const { roomId } = (await server.call<{ roomId: string }>('GET', '/v2/rooms/many')).body
    assert.equal((await list(`?room=${roomId}`)).total_count, 130)
    assert.deepEqual(await list('?room=never'), { total_count: 0, data: [] })
  })

  test('is the same until something is written', async () => {
    const { headers } = await ask(`${path}?room=many&limit=7`)
    const again = { 'if-none-match': headers.etag ?? '' }
    assert.equal((await ask(`${path}?room=many&limit=7`, again)).status, 304)
    await makeRoom(server)
    assert.equal((await ask(`${path}?room=many&limit=7`, again)).status, 304, 'a room shows on no page of meetings')
  })

  test('has of a token that is bound to a room that room alone', async () => {
    const { roomId } = (await server.call<{ roomId: string }>('GET', '/v2/rooms/many')).body
    token = `Bearer ${await server.sign({ roles: ['crawler'], roomId })}`
    try {
      assert.equal((await list()).total_count, 130)
      assert.equal((await list('?room=my-room')).total_count, 0)
      assert.equal((await ask(`${path}/${detailed}`)).status, 404)
      assert.equal((await ask(`${path}/${detailed}/participants`)).status, 404)
      assert.equal((await ask(`${path}?starting_after=${detailed}`)).status, 404)
    } finally {
      token = `Bearer ${await server.sign()}`
    }
  })
})

describe('who took part, by Daily’s API', () => {
  const participants = (query = '', id = detailed) => ask<DailyParticipantPage>(`${path}/${id}/participants${query}`)

  test('are the stays that the list has', async () => {
    const [meeting] = (await list('?room=my-room')).data
    assert.deepEqual((await participants()).body, { data: meeting?.participants })
  })

  test('go on after one of them, until a page with nobody on it is not found', async () => {
    const { data } = (await participants()).body
    const seen = []
    for (let after = ''; ; after = `&joined_after=${seen.at(-1)?.participant_id}`) {
      const { status, body } = await participants(`?limit=1${after}`)
      if (status === 404) break
      seen.push(...body.data)
      assert.ok(seen.length <= data.length, 'it comes to an end')
    }
    assert.deepEqual(seen, data)
  })

  test('have a page before one of them too', async () => {
    const { data } = (await participants()).body
    const [first, , third] = data.map(({ participant_id }) => participant_id)
    assert.deepEqual((await participants(`?limit=1&joined_before=${third}`)).body.data, data.slice(1, 2))
    assert.deepEqual((await participants(`?joined_before=${third}`)).body.data, data.slice(0, 2))
    assert.equal((await participants(`?joined_before=${first}`)).status, 404)
  })

  test('are nobody after whom there is not, or who was in another meeting', async () => {
    const [other] = (await list('?room=many&limit=1')).data
    const elsewhere = other?.participants?.[0]?.participant_id
    for (const id of ['nobody', `${detailed}-`, `${detailed}-${elsewhere}`, elsewhere]) {
      for (const side of ['after', 'before']) assert.equal((await participants(`?joined_${side}=${id}`)).status, 404)
    }
  })

  test('are told in pages of a meeting of hundreds', async () => {
    const { roomId } = await makeRoom(server)
    const stays = Array.from({ length: 520 }, (_, n) => ({ participantId: `p${n}`, joinedAt: startAt + n }))
    const id = await recordSession(server, { roomId, startAt, endAt: startAt + hourMs, stays })
    const seen = []
    for (let after = ''; ; after = `?joined_after=${seen.at(-1)?.participant_id}`) {
      const { status, body } = await participants(after, id)
      if (status === 404) break
      seen.push(...body.data)
      assert.ok(seen.length <= stays.length, 'it comes to an end')
    }
    assert.deepEqual(
      seen.map(({ user_id }) => user_id),
      stays.map(({ participantId }) => participantId),
    )
    const place = seen[400]?.participant_id
    const { body } = await participants(`?limit=100&joined_before=${place}`, id)
    assert.deepEqual(body.data, seen.slice(300, 400))
  })
})

describe('Daily’s words for what is refused', () => {
  const refused = async (path: string, by: string | null = token) => {
    const { status, body } = await server.call<DailyError>('GET', path, undefined, { token: by })
    assert.deepEqual(Object.keys(body), ['error', 'info'])
    return [status, body.error]
  }

  test('are a name and a sentence, with the statuses that it documents', async () => {
    assert.deepEqual(await refused(path, null), [400, 'authorization-header-error'])
    assert.deepEqual(await refused(path, 'Bearer nonsense'), [401, 'authentication-error'])
    assert.deepEqual(await refused(path, await server.sign({ roles: ['rtc'] })), [403, 'forbidden-error'])
    assert.deepEqual(await refused(`${path}/none`), [404, 'not-found'])
    assert.deepEqual(await refused(`${path}/none/participants`), [404, 'not-found'])
    for (const name of ['starting_after', 'ending_before']) {
      assert.deepEqual(await refused(`${path}?${name}=none`), [404, 'not-found'])
    }
    for (const query of [
      ...['limit=0', 'limit=many', 'timeframe_start=yesterday', 'timeframe_end=-1', 'ongoing=maybe'],
      `starting_after=${detailed}&ending_before=${detailed}`,
    ]) {
      assert.deepEqual(await refused(`${path}?${query}`), [400, 'invalid-request-error'], query)
    }
    assert.deepEqual(await refused(`${path}/%zz`), [400, 'invalid-request-error'], 'a path that cannot be read')
  })

  test('are the same of another’s meeting as of none', async () => {
    const neighbour = await addNeighbour(server)
    const theirs = await signToken(neighbour, { roles: ['crawler'] }, { now: Date.now(), lifetimeMs: 600_000 })
    for (const toPath of [
      (id: string) => `${path}/${id}`,
      (id: string) => `${path}/${id}/participants`,
      (id: string) => `${path}?starting_after=${id}`,
    ]) {
      const [foreign, none] = await Promise.all(
        [detailed, 'ffffffffffffffffffffffff'].map(async (id) => {
          const { status, text } = await server.call('GET', toPath(id), undefined, { token: theirs })
          return { status, text: text.replace(id, 'ID') }
        }),
      )
      assert.deepEqual(foreign, none)
    }
  })

  test('hold for requests that are too many', async (t) => {
    const narrow = await startServer({ ROLLCALL_RATE_LIMIT: '1' })
    t.after(() => narrow.stop())
    const answers = await Promise.all(Array.from({ length: 5 }, () => narrow.call<DailyError>('GET', path)))
    const last = answers.find(({ status }) => status === 429)
    assert.deepEqual([last?.body.error, last?.headers['retry-after']], ['rate-limit-error', '1'])
  })
})
