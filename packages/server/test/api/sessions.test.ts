import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { PageInfo, SessionPage } from '@rollcall/protocol'
import { withoutTime } from '../support/api-calls.ts'
import { describeServer } from '../support/documents/openapi-check.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Session = {
  id: string
  roomId: string
  start: string
  end: string | null
  participants: { participantId: string; name: string; timelog: { start: string; end: string | null }[] }[]
  status: string
}
type List = {
  pageInfo: PageInfo
  data: Session[]
}

const minuteMs = 60_000
const start = Date.parse('2026-01-15T12:00:00.000Z')
let server: TestServer
/** Their sessions, oldest first: `daily` has five that ended, `open` has one that runs. */
let daily = { roomId: '', sessions: [] as string[] }
let open = { roomId: '', session: '' }

before(async () => {
  // A minute after the last fact: nothing is old enough to be ended for its silence.
  server = await startServer({}, { clock: { now: () => start + 5 * minuteMs } })
  daily = { roomId: await makeRoom('daily'), sessions: [] }
  open = { roomId: await makeRoom('open'), session: '' }
  for (let day = 5; day >= 1; day--) {
    const startAt = start - day * 24 * 60 * minuteMs
    const stays = [{ participantId: day % 2 === 0 ? 'anna' : 'ben', joinedAt: startAt, leftAt: startAt + minuteMs }]
    const session = { roomId: daily.roomId, startAt, endAt: startAt + 2 * minuteMs, stays }
    daily.sessions.push(await recordSession(server, session))
  }
  open.session = await recordSession(server, {
    roomId: open.roomId,
    startAt: start,
    stays: [
      { participantId: 'anna', name: 'Anna', joinedAt: start, leftAt: start + minuteMs },
      { participantId: 'ben', name: 'Ben', joinedAt: start + 1000 },
      { participantId: 'anna', name: 'Anna', joinedAt: start + 2 * minuteMs },
      { participantId: 'cleo', name: 'Cleo', joinedAt: start + 2000, leftAt: start + 3000 },
    ],
  })
})
after(() => server.stop())

async function makeRoom(customRoomId: string): Promise<string> {
  const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId })
  return body.roomId
}

async function list(query: string, token?: string): Promise<List> {
  const answer = await server.call<List>(
    'GET',
    `/v2/sessions?${query}`,
    undefined,
    token === undefined ? {} : { token },
  )
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

async function idsOf(query: string, token?: string): Promise<string[]> {
  return (await list(query, token)).data.map(({ id }) => id)
}

const newestFirst = () => [...daily.sessions].reverse()

describe('GET /v2/sessions', () => {
  test('answers the documented keys first, in the documented order, nested as documented', async () => {
    const { text, body } = await server.call<List>('GET', `/v2/sessions?roomId=${open.roomId}`)
    assert.ok(
      text.startsWith('{"pageInfo":{"currentPage":1,"perPage":20,"lastPage":1,"total":1},"data":[{"id":"'),
      text,
    )
    const [session] = body.data
    assert.deepEqual(Object.keys(session ?? {}).slice(0, 7), [
      'id',
      'roomId',
      'start',
      'end',
      'participants',
      'status',
      'links',
    ])
    const [anna, ben] = session?.participants ?? []
    assert.deepEqual(Object.keys(anna ?? {}).slice(0, 3), ['participantId', 'name', 'timelog'])
    assert.deepEqual([anna?.participantId, anna?.name, ben?.participantId], ['anna', 'Anna', 'ben'])
    assert.deepEqual(
      anna?.timelog.map(({ start, end }) => [start, end]),
      [
        ['2026-01-15T12:00:00.000Z', '2026-01-15T12:01:00.000Z'],
        ['2026-01-15T12:02:00.000Z', null],
      ],
    )
    assert.deepEqual([session?.status, session?.end], ['ongoing', null])
  })

  test('has what clients read of services that Rollcall has nothing of, empty', async () => {
    const { body } = await server.call<SessionPage>('GET', '/v2/sessions')
    const nothing = { region: '', chatLink: '', recordingLog: [], livestreamLog: [], hlsLog: [] }
    for (const { region, chatLink, recordingLog, livestreamLog, hlsLog } of body.data) {
      assert.deepEqual({ region, chatLink, recordingLog, livestreamLog, hlsLog }, nothing)
    }
    assert.ok(body.data.length > 1)
  })

  test('lists the newest start first', async () => {
    assert.deepEqual(await idsOf(''), [open.session, ...newestFirst()])
  })

  test('filters by room, under either name of it, and by both as one', async () => {
    assert.deepEqual(await idsOf(`roomId=${daily.roomId}`), newestFirst())
    assert.deepEqual(await idsOf('customRoomId=daily'), newestFirst())
    assert.deepEqual(await idsOf('query=daily'), newestFirst())
    assert.deepEqual(await idsOf(`query=${open.roomId}`), [open.session])
    assert.deepEqual(await idsOf(`roomId=${daily.roomId}&customRoomId=open`), [])
  })

  test('of a room that is not known is an empty page', async () => {
    for (const query of ['roomId=abcd-efgh-ijkl', 'customRoomId=dai', 'query=dai', "query=' or 1=1 --"]) {
      assert.deepEqual(await list(query), {
        pageInfo: { currentPage: 1, perPage: 20, lastPage: 1, total: 0 },
        data: [],
      })
    }
  })

  test('filters by status; active is ongoing', async () => {
    assert.deepEqual(await idsOf('status=ongoing'), [open.session])
    assert.deepEqual(await idsOf('status=active'), [open.session])
    assert.deepEqual(await idsOf('status=ended'), newestFirst())
    assert.deepEqual(await idsOf(`status=ended&roomId=${open.roomId}`), [])
  })

  test('filters by participant, as participantId', async () => {
    const annas = newestFirst().filter((_, i) => i % 2 === 1)
    assert.deepEqual(await idsOf('participantId=anna'), [open.session, ...annas])
    assert.deepEqual(await idsOf('participantId=nobody'), [])
  })

  test('filters by owner, as userId, which is the one in answers', async () => {
    const { body } = await server.call<{ userId: string }>('GET', `/v2/sessions/${open.session}`)
    assert.deepEqual(await idsOf(`userId=${body.userId}`), [open.session, ...newestFirst()])
    assert.deepEqual(await idsOf(`userId=${body.userId}&participantId=anna&status=ongoing`), [open.session])
    for (const other of ['anna', 'nobody', '0123456789abcdef01234567']) {
      assert.deepEqual(await idsOf(`userId=${other}`), [])
    }
  })

  test('filters by start, both ends inclusive, as epoch milliseconds or ISO 8601', async () => {
    const third = Date.parse('2026-01-12T12:00:00.000Z')
    const expected = [daily.sessions[3], daily.sessions[2]]
    const fourth = third + 24 * 60 * minuteMs
    for (const [from, to] of [
      [third, fourth],
      ['2026-01-12T12:00:00.000Z', '2026-01-13T12:00:00.000Z'],
      ['2026-01-12T12:00:00Z', '2026-01-13T12:00:00'],
      ['2026-01-12T13:00:00%2B01:00', '2026-01-13T07:00:00-05:00'],
      ['2026-01-12T13:00:00+01:00', '2026-01-13T12:00:00+00:00'],
      ['2026-01-12', '2026-01-13'],
    ]) {
      assert.deepEqual(await idsOf(`startDate=${from}&endDate=${to}`), expected, `${from} to ${to}`)
    }
    assert.deepEqual(await idsOf(`startDate=${third + 1}&endDate=${fourth}`), [daily.sessions[3]])
    assert.deepEqual(await idsOf(`startDate=${third}&endDate=${fourth - 1}`), [daily.sessions[2]])
    assert.deepEqual(await idsOf(`startDate=${fourth}&endDate=${third}`), [])
  })

  test('takes an empty parameter for one left out', async () => {
    const { parameters = [] } = (await describeServer(server.url)).document.paths['/v2/sessions']?.get ?? {}
    assert.ok(parameters.length > 10)
    for (const { name } of parameters) assert.equal((await list(`${name}=`)).pageInfo.total, 6, name)
    assert.equal((await list(parameters.map(({ name }) => `${name}=`).join('&'))).pageInfo.total, 6)
  })

  test('takes a date alone as endDate for that whole day, and as startDate for its beginning', async () => {
    const [third, fourth] = [daily.sessions[2], daily.sessions[3]]
    assert.deepEqual(await idsOf('startDate=2026-01-12&endDate=2026-01-12'), [third])
    assert.deepEqual(await idsOf('startDate=2026-01-12&endDate=2026-01-13'), [fourth, third])
    assert.deepEqual(await idsOf('startDate=2026-01-12&endDate=2026-01-13T00:00:00Z'), [third])
  })

  test('ignores a parameter that it does not know', async () => {
    assert.equal((await list('unknown=1&sort=asc&unknown=2')).pageInfo.total, 6)
  })

  test('refuses a wrong value, naming the parameter and what it takes', async () => {
    const wrong = {
      status: ['open', 'ENDED'],
      startDate: [
        'yesterday',
        '2026-13-01',
        '2026-11-31',
        '2026-02-29T12:00:00Z',
        '2026-04-31T12:00:00+02:00',
        '2026-01-01T25:00:00Z',
        '1e3',
        '99999999999999999999',
        'NaN',
      ],
      // What is answered of a time has four digits for its year.
      endDate: ['tomorrow', '12/31/2026', '-62135596800001', '253402300800000', '9999-12-31T23:59:59-01:00'],
      page: ['0', '-1', 'abc', '1.5', ' 1', '0x1', '1e2', 'NaN', 'Infinity', '9'.repeat(30)],
      perPage: ['0', '-1', 'abc', '1.5', 'NaN'],
    }
    for (const [name, values] of Object.entries(wrong)) {
      for (const value of values) {
        const { status, body } = await server.call('GET', `/v2/sessions?${name}=${encodeURIComponent(value)}`)
        assert.equal(status, 400, `${name}=${value}`)
        assert.match(String(body.error), new RegExp(`^${name}=.* is not understood: it takes `))
        assert.equal(body.code, 'BAD_REQUEST')
      }
    }
  })

  test('refuses a parameter that is given twice, naming it', async () => {
    for (const name of [
      'page',
      'perPage',
      'roomId',
      'customRoomId',
      'status',
      'startDate',
      'endDate',
      'query',
      'userId',
    ]) {
      const { status, body } = await server.call('GET', `/v2/sessions?${name}=1&${name}=2`)
      assert.equal(status, 400)
      assert.match(String(body.error), new RegExp(`^${name}=`))
    }
  })
})

describe('a page', () => {
  test('holds perPage items, and each item is on one page', async () => {
    const pages = await Promise.all([1, 2, 3].map((page) => list(`page=${page}&perPage=2`)))
    assert.deepEqual(
      pages.flatMap(({ data }) => data.map(({ id }) => id)),
      [open.session, ...newestFirst()],
    )
    pages.forEach(({ pageInfo: { nextCursor, ...documented } }, i) => {
      assert.deepEqual(documented, { currentPage: i + 1, perPage: 2, lastPage: 3, total: 6 })
      assert.equal(nextCursor === undefined, i === 2, 'the last page has nothing after it')
    })
  })

  test('past the end is empty, however far', async () => {
    for (const page of [4, 1000, 999_999_999_999]) {
      const { pageInfo, data } = await list(`page=${page}&perPage=2`)
      assert.deepEqual(pageInfo, { currentPage: page, perPage: 2, lastPage: 3, total: 6 })
      assert.deepEqual(data, [])
    }
  })

  test('holds 1000 at most: more is lowered, and pageInfo says so', async () => {
    for (const perPage of [1001, 5000, '9'.repeat(30)]) {
      assert.equal((await list(`perPage=${perPage}`)).pageInfo.perPage, 1000)
    }
    assert.equal((await list('perPage=1000')).pageInfo.perPage, 1000)
  })
})

describe('GET /v2/sessions/:id', () => {
  test('answers the session as the list shows it', async () => {
    for (const id of [open.session, ...daily.sessions]) {
      const { status, body } = await server.call<Session>('GET', `/v2/sessions/${id}`)
      assert.equal(status, 200)
      assert.deepEqual(
        body,
        (await list('')).data.find((session) => session.id === id),
      )
    }
  })

  test('of an unknown session is 404, naming it, whatever it looks like', async () => {
    for (const id of ['621497578bea0d0404c35c4c', 'x', '-1', '%00', 'a%2Fb', "'--"]) {
      const { status, body } = await server.call('GET', `/v2/sessions/${id}`)
      assert.deepEqual([status, body.code], [404, 'SESSION_NOT_FOUND'])
      assert.equal(body.error, `Session ${decodeURIComponent(id)} not found`)
    }
  })
})

describe('GET /v2/sessions/:id/participants', () => {
  type People = {
    pageInfo: List['pageInfo']
    data: Pick<Session, 'id' | 'roomId' | 'participants'> & { customRoomId: string; links: object }
  }

  test('pages through all who were there, in order of first join', async () => {
    const ask = async (query: string) =>
      (await server.call<People>('GET', `/v2/sessions/${open.session}/participants?${query}`)).body
    const all = await ask('')
    assert.deepEqual(Object.keys(all.data), ['id', 'roomId', 'customRoomId', 'participants', 'links'])
    assert.deepEqual(all.pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 3 })
    assert.deepEqual(
      all.data.participants.map(({ participantId }) => participantId),
      ['anna', 'ben', 'cleo'],
    )
    const second = await ask('page=2&perPage=2')
    assert.deepEqual(second.pageInfo, { currentPage: 2, perPage: 2, lastPage: 2, total: 3 })
    assert.deepEqual(second.data.participants, all.data.participants.slice(2))
    assert.deepEqual((await ask('page=3&perPage=2')).data.participants, [])
  })

  test('/active holds one session, with those who are inside now', async () => {
    const ask = async (id: string) => (await server.call<List>('GET', `/v2/sessions/${id}/participants/active`)).body
    const { data, pageInfo } = await ask(open.session)
    assert.deepEqual(
      data.map(({ id, participants }) => [id, participants.map(({ participantId }) => participantId)]),
      [[open.session, ['anna', 'ben']]],
    )
    assert.equal(pageInfo.total, 2)
    assert.deepEqual((await ask(daily.sessions[0] ?? '')).data[0]?.participants, [])
  })

  test('/:participantId is that participant; an unknown one is 404', async () => {
    const path = `/v2/sessions/${open.session}/participants`
    const all = (await server.call<People>('GET', path)).body.data.participants
    assert.deepEqual((await server.call('GET', `${path}/ben`)).body, all[1])
    const { status, body } = await server.call('GET', `${path}/nobody`)
    assert.deepEqual([status, body.code], [404, 'PARTICIPANT_NOT_FOUND'])
    const long = '\u{1f600}'.repeat(128)
    const unknown = await server.call('GET', `${path}/${encodeURIComponent(long)}`)
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'PARTICIPANT_NOT_FOUND'])
  })
})

describe('somebody else', () => {
  const paths = ['', '/participants', '/participants/active', '/participants/anna']

  async function assertHidden(token: string, id: string): Promise<void> {
    const ask = async (sessionId: string, path: string) => {
      const answer = await server.call('GET', `/v2/sessions/${sessionId}${path}`, undefined, { token })
      const text = answer.text.replaceAll(sessionId, 'ID').replaceAll(String(answer.headers['x-request-id']), 'REQUEST')
      return { status: answer.status, headers: withoutTime(answer.headers), text }
    }
    for (const path of paths) {
      const hidden = await ask(id, path)
      assert.equal(hidden.status, 404)
      assert.deepEqual(hidden, await ask('621497578bea0d0404c35c4c', path))
    }
  }

  test('with another key is told of a session byte for byte what they are told of one that does not exist', async () => {
    const token = await signToken(await addNeighbour(server), {}, { now: start, lifetimeMs: 10 * minuteMs })
    await assertHidden(token, open.session)
    for (const query of ['', `roomId=${open.roomId}`, 'customRoomId=open', 'query=daily', 'participantId=anna']) {
      assert.deepEqual(await list(query, token), await list('roomId=none', token))
    }
  })

  test('with a token bound to another room is told the same, and lists their own room alone', async () => {
    const token = await server.sign({ roomId: daily.roomId })
    await assertHidden(token, open.session)
    for (const query of [`roomId=${open.roomId}`, 'customRoomId=open', `query=${open.roomId}`, 'status=ongoing']) {
      assert.deepEqual(await list(query, token), await list('roomId=none', token))
    }
    for (const query of ['', `roomId=${daily.roomId}`, 'customRoomId=daily', 'query=daily', 'status=ended']) {
      assert.deepEqual(await idsOf(query, token), newestFirst())
    }
    const own = await server.call('GET', `/v2/sessions/${daily.sessions[0]}`, undefined, { token })
    assert.equal(own.status, 200)
  })
})

describe('who was inside, how long, and what comes after', () => {
  test('activeAt finds the sessions with somebody inside then, and names them', async () => {
    const { data } = await list(`activeAt=${start}`)
    const found = data.find(({ id }) => id === open.session) as { activeParticipantIds?: string[] } | undefined
    assert.deepEqual(found?.activeParticipantIds, ['anna'])
  })

  test('minDuration takes whole seconds, of a running session up to now', async () => {
    const all = await list('')
    const long = await list('minDuration=1000000000')
    assert.ok(all.data.length > 0)
    assert.deepEqual([long.data, long.pageInfo.total], [[], 0])
    assert.equal((await list('minDuration=0')).pageInfo.total, all.pageInfo.total)
  })

  test('nextCursor goes on after a page, for the same filters alone', async () => {
    const all = (await list('')).data.map(({ id }) => id)
    const seen: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: List = await list(`perPage=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.pageInfo.nextCursor
    }
    assert.deepEqual(seen, all)
    const { nextCursor = '' } = (await list('perPage=2')).pageInfo
    for (const wrong of [`status=ended&cursor=${nextCursor}`, 'cursor=x', 'cursor=WzFd', `cursor=${nextCursor}x`]) {
      const answer = await server.call('GET', `/v2/sessions?${wrong}`)
      assert.equal(answer.status, 400, wrong)
      assert.match(String(answer.body.error), /^cursor=.* it takes the nextCursor of a page with the same filters$/)
    }
  })
})
