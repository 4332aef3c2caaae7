import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { LivekitSession, LivekitSessionDetail, LivekitSessionPage, Source } from '@rollcall/protocol'
import { SignJWT } from 'jose'
import { type LivekitRecord, livekitToken, recordAsLivekit } from '../support/livekit-record.ts'
import { addSource, deliverAsLivekit, livekitKey } from '../support/senders/source-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

// LiveKit Cloud's Analytics API. Each rule is one that a public client depends on: see docs/livekit-analytics.md.

const sessions = 230

let server: TestServer
let record: LivekitRecord
let token: string
before(async () => {
  server = await startServer()
  record = await recordAsLivekit(server, sessions)
  token = `Bearer ${await livekitToken()}`
})
after(() => server.stop())

const list = (query = '', path = record.path) =>
  server.call<LivekitSessionPage>('GET', `${path}${query}`, undefined, { token })
const get = (sid: string, query = '') =>
  server.call<LivekitSessionDetail>('GET', `${record.path}/${sid}${query}`, undefined, { token })

async function findListed(sid: string): Promise<LivekitSession> {
  const found = (await list('?limit=1000')).body.sessions.find(({ sessionId }) => sessionId === sid)
  if (found === undefined) throw new Error(`${sid} is not listed`)
  return found
}

const dayOf = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10)

describe('rules that clients of LiveKit Cloud’s Analytics API depend on', () => {
  test('1: the list is at /sessions, at /sessions/ and at /sessions/?…', async () => {
    const plain = await list('?limit=3')
    assert.equal(plain.status, 200)
    for (const path of [`${record.path}/?limit=3`, `${record.path}?limit=3&`]) {
      const { body } = await server.call<LivekitSessionPage>('GET', path, undefined, { token })
      assert.deepEqual(sidsOf(body), sidsOf(plain.body))
    }
    assert.equal((await list('/')).body.sessions.length, 100)
    const detail = await server.call('GET', `${record.path}/${record.detailed}/`, undefined, { token })
    assert.equal(detail.status, 200)
  })

  test('2: pages count from 0, are exactly as long as asked for, hold no session twice, and are empty past the end', async () => {
    const seen: string[] = []
    const lengths: number[] = []
    for (let page = 0; ; page++) {
      const { status, body } = await list(`?page=${page}&limit=100`)
      assert.equal(status, 200)
      if (body.sessions.length === 0) break
      lengths.push(body.sessions.length)
      seen.push(...sidsOf(body))
    }
    assert.deepEqual(lengths, [100, 100, 32])
    assert.equal(new Set(seen).size, sessions + 2)
    assert.deepEqual(seen, [record.running, record.detailed, ...record.ended], 'newest start first')
    assert.deepEqual(sidsOf((await list('?page=7&limit=10')).body), seen.slice(70, 80))
    assert.deepEqual((await list('?page=1000000&limit=100')).body, { sessions: [] })
  })

  test('3: bandwidthIn and bandwidthOut are texts of digits, always there', async () => {
    for (const row of (await list('?limit=1000')).body.sessions) {
      assert.deepEqual([row.bandwidthIn, row.bandwidthOut], ['0', '0'])
    }
  })

  test('4: a detail always has its bandwidth, as a text, and a row of the list has none', async () => {
    for (const sid of [record.detailed, record.running]) assert.equal((await get(sid)).body.bandwidth, '0')
    assert.equal('bandwidth' in (await findListed(record.detailed)), false)
  })

  test('5: connectionMinutes is a number, and with v=2 a text', async () => {
    assert.equal((await get(record.detailed)).body.connectionMinutes, 2)
    assert.equal((await get(record.detailed, '?v=2')).body.connectionMinutes, '2')
  })

  test('6: of what runs endedAt, endTime and leftAt are absent, neither null nor empty', async () => {
    const row = await findListed(record.running)
    const { body } = await get(record.running)
    const [ben] = body.participants
    for (const [one, name] of [
      [row, 'endedAt'],
      [body, 'endTime'],
      [ben, 'leftAt'],
      [ben?.sessions[0], 'leftAt'],
    ] as const) {
      assert.equal(name in (one ?? { [name]: null }), false, name)
    }
    const past = (await get(record.detailed)).body
    const times = [
      past.startTime,
      past.endTime,
      past.participants[0]?.leftAt,
      (await findListed(record.detailed)).endedAt,
    ]
    for (const at of times) assert.match(at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/)
  })

  test('7: numbers of participants are numbers, and egress is an integer', async () => {
    const { numParticipants, numActiveParticipants, egress } = await findListed(record.detailed)
    assert.deepEqual([numParticipants, numActiveParticipants, egress], [2, 0, 2])
    const running = await findListed(record.running)
    assert.deepEqual([running.numParticipants, running.numActiveParticipants, running.egress], [1, 1, 0])
    assert.equal((await get(record.detailed)).body.numParticipants, 2)
  })

  test('8: lastActive is always there: the end, and now of what has somebody inside', async () => {
    const ended = await findListed(record.detailed)
    assert.equal(ended.lastActive, ended.endedAt)
    const before = Date.now()
    assert.ok(Date.parse((await findListed(record.running)).lastActive) >= before)
  })

  test('9: a token needs no sub; what is not known in the query is ignored; a start longer ago than a week is taken', async () => {
    const claims = JSON.parse(Buffer.from((await livekitToken()).split('.')[1] ?? '', 'base64url').toString())
    assert.equal(claims.sub, undefined)
    const all = (await list(`?limit=1000&start_date=x&room_name=x&filter=1&v=3`)).body.sessions.length
    assert.equal(all, sessions + 2)
    for (const days of [-7, -6, -40]) assert.equal((await list(`?start=${dayOf(days)}&end=${dayOf(0)}`)).status, 200)
    assert.equal((await list(`?start=${dayOf(-40)}&end=${dayOf(0)}&limit=1000`)).body.sessions.length, all)
    const withSubject = new SignJWT({ video: { roomList: true }, sub: 'lk-analytics' }).setProtectedHeader({
      alg: 'HS256',
    })
    const signed = await withSubject.setIssuer(livekitKey.apiKey).sign(Buffer.from(livekitKey.secret))
    assert.equal((await server.call('GET', record.path, undefined, { token: `Bearer ${signed}` })).status, 200)
  })

  test('10: a session is told whole at once when its room_finished was taken', async () => {
    const second = Math.floor(Date.now() / 1000) - 60
    const room = { sid: 'RM_justOver', name: 'just_over', creationTimeMs: String(second * 1000) }
    const participant = { sid: 'PA_j', identity: 'jo', joinedAtMs: String(second * 1000) }
    for (const [event, after] of [
      ['participant_joined', 0],
      ['participant_left', 50],
      ['room_finished', 55],
    ] as const) {
      await deliverAsLivekit(record.source, {
        event,
        id: `EV_j_${event}`,
        createdAt: String(second + after),
        room,
        participant,
      })
    }
    const { status, body } = await get('RM_justOver', '?v=2')
    assert.equal(status, 200)
    assert.deepEqual(
      [body.roomName, Date.parse(body.endTime ?? '') - Date.parse(body.startTime), body.connectionMinutes],
      ['just_over', 55_000, '1'],
    )
  })

  test('11: roomName is the name that LiveKit has for the room', async () => {
    assert.equal((await findListed(record.detailed)).roomName, 'alpha_beta')
    assert.equal((await get(record.detailed)).body.roomName, 'alpha_beta')
  })

  test('and no refusal speaks of a plan, which clients take for LiveKit Cloud’s', async () => {
    for (const path of ['/api/project/p_none/sessions', record.path]) {
      const { text } = await server.call('GET', path, undefined, { token: 'Bearer x.y.z' })
      assert.doesNotMatch(text, /plan/i)
    }
  })
})

describe('days of the list', () => {
  test('are whole days in UTC, the first and the last included', async () => {
    const day = dayOf(-1)
    const { body } = await list(`?start=${day}&end=${day}&limit=1000`)
    const started = (await list('?limit=1000')).body.sessions.filter(({ createdAt }) => createdAt.startsWith(day))
    assert.deepEqual(sidsOf(body), sidsOf({ sessions: started }))
    assert.ok(
      started.some(({ sessionId }) => sessionId === 'RM_0'),
      'the one at midnight',
    )
    const earlier = (await list(`?end=${dayOf(-2)}&limit=1000`)).body.sessions
    assert.ok(earlier.length > 0 && earlier.every(({ createdAt }) => createdAt < day))
  })

  test('that are none are refused, and so are sizes of pages that are none', async () => {
    for (const query of ['?start=yesterday', '?end=2026-02-31', '?limit=0', '?limit=abc', '?limit=1001', '?page=-1']) {
      const { status, text } = await list(query)
      assert.equal(status, 400, query)
      assert.match(text, /takes/, query)
    }
  })
})

describe('the detail of a session', () => {
  test('has one entry an identity, with each connection by its sid, and what they published', async () => {
    const { body } = await get(record.detailed)
    const since = (at: string | undefined) => (Date.parse(at ?? '') - Date.parse(body.startTime)) / 1000
    const [phone, ann] = body.participants
    assert.equal(phone?.participantIdentity, 'phone')
    assert.deepEqual(
      ann && {
        ...ann,
        joinedAt: since(ann.joinedAt),
        leftAt: since(ann.leftAt),
        sessions: ann.sessions.map((one) => [one.participantId, since(one.joinedAt), Math.floor(since(one.leftAt))]),
      },
      {
        participantIdentity: 'ann',
        participantName: 'Ann A.',
        roomId: record.detailed,
        joinedAt: 1,
        leftAt: 204,
        region: 'eu',
        publishedSources: { cameraTrack: true, microphoneTrack: true, screenShareTrack: true },
        sessions: [
          ['PA_1', 1, 71],
          ['PA_2', 200, 204],
        ],
      },
    )
  })

  test('counts minutes by the second with ten seconds at least, or, where that is set, by whole minutes', async (t) => {
    // Ann was inside for 70 s and for 4 s, which count as 10; a caller by telephone counts for nothing.
    assert.equal((await get(record.detailed)).body.connectionMinutes, 2)
    const byMinute = await startServer({ ROLLCALL_LIVEKIT_MINUTES: 'by-minute' })
    t.after(() => byMinute.stop())
    const { path, detailed } = await recordAsLivekit(byMinute, 0)
    const { body } = await byMinute.call<LivekitSessionDetail>('GET', `${path}/${detailed}`, undefined, { token })
    assert.equal(body.connectionMinutes, 3)
  })
})

describe('the token of LiveKit’s Analytics API', () => {
  const ask = async (path: string, token: string | null) => {
    const { status, text, headers } = await server.call('GET', path, undefined, { token })
    return { status, text: text.replace(/"requestId":"[^"]*"/, ''), headers }
  }

  test('is refused where there is none, where another secret signed it, and where it is over', async () => {
    const over = new SignJWT({ video: { roomList: true } })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(livekitKey.apiKey)
      .setExpirationTime(Math.floor(Date.now() / 1000) - 120)
    const bad = [
      null,
      `Bearer ${await livekitToken({ roomList: true }, { ...livekitKey, secret: 'another' })}`,
      `Bearer ${await livekitToken({ roomList: true }, { ...livekitKey, apiKey: 'another' })}`,
      `Bearer ${await over.sign(Buffer.from(livekitKey.secret))}`,
      'Bearer x',
      `Bearer ${await server.sign()}`,
    ]
    for (const token of bad) assert.equal((await ask(record.path, token)).status, 401)
  })

  test('has to grant video.roomList', async () => {
    for (const grant of [{ roomAdmin: true }, {}, { roomList: false }]) {
      const { status, text } = await ask(record.path, `Bearer ${await livekitToken(grant)}`)
      assert.equal(status, 403)
      assert.match(text, /video\.roomList/)
    }
  })

  test('reads what its source reported, and nothing else of the key', async (t) => {
    const otherKey = { apiKey: 'APIother', secret: 'the secret of another LiveKit' }
    const other = await addSource(server, 'livekit', otherKey)
    t.after(() => server.call('DELETE', `/v2/sources/${other.id}`))
    const events = [{ type: 'participant-joined', id: 'e1', at: Date.now(), roomId: 'elsewhere', participantId: 'eve' }]
    await server.call('POST', '/v2/events', { events })
    const path = `/api/project/${other.projectId}/sessions`
    const otherToken = `Bearer ${await livekitToken({ roomList: true }, otherKey)}`
    const { body } = await server.call<LivekitSessionPage>('GET', path, undefined, { token: otherToken })
    assert.deepEqual(body, { sessions: [] })
    const foreign = await ask(`${path}/${record.detailed}`, otherToken)
    assert.equal(foreign.status, 404)
    assert.equal(foreign.text, (await ask(`${path}/RM_x`, otherToken)).text.replace('RM_x', record.detailed))
    assert.ok((await list('?limit=1000')).body.sessions.every(({ roomName }) => roomName !== 'elsewhere'))
  })

  test('is told of another’s project what it is told of one that there is not', async (t) => {
    const other = await addSource(server, 'livekit', { apiKey: 'APIother', secret: 'the secret of another LiveKit' })
    const generic = await addSource(server, 'generic')
    t.after(() => server.call('DELETE', `/v2/sources/${other.id}`))
    const foreign = other.projectId ?? ''
    for (const tail of ['', '/RM_x']) {
      const answered = await ask(`/api/project/${foreign}/sessions${tail}`, token)
      assert.equal(answered.status, 404)
      for (const unknown of ['p_abcdefghijklmnopqrstuv', 'p_', 'x', generic.id]) {
        const { status, text } = await ask(`/api/project/${unknown}/sessions${tail}`, token)
        assert.deepEqual({ status, text }, { status: 404, text: answered.text.replace(foreign, unknown) })
      }
    }
  })

  test('of the credentials before a rotation is good for another day', async (t) => {
    const source = await addSource(server, 'livekit', { apiKey: 'APIrotated', secret: 'before' })
    t.after(() => server.call('DELETE', `/v2/sources/${source.id}`))
    await server.call('PATCH', `/v2/sources/${source.id}`, { secret: 'after' })
    for (const [secret, status] of [
      ['before', 200],
      ['after', 200],
      ['never', 401],
    ] as const) {
      const signed = await livekitToken({ roomList: true }, { apiKey: 'APIrotated', secret })
      assert.equal((await ask(`/api/project/${source.projectId}/sessions`, `Bearer ${signed}`)).status, status)
    }
  })

  test('is counted for the key of its source', async () => {
    const { headers } = await ask(record.path, token)
    assert.equal(headers['ratelimit-limit'], '1000')
  })
})

describe('a page of LiveKit’s Analytics API', () => {
  test('is the same until something is written, and then another', async () => {
    const first = await list('?page=1&limit=10')
    const etag = first.headers.etag ?? ''
    assert.notEqual(etag, '')
    const again = await server.call('GET', `${record.path}?page=1&limit=10`, undefined, {
      token,
      headers: { 'if-none-match': etag },
    })
    assert.equal(again.status, 304)
    const room = { sid: 'RM_late', name: 'late', creationTimeMs: String(Date.now() - 20_000) }
    const createdAt = String(Math.floor(Date.now() / 1000) - 20)
    await deliverAsLivekit(record.source, { event: 'room_started', id: 'EV_late_1', createdAt, room })
    await deliverAsLivekit(record.source, { event: 'room_finished', id: 'EV_late_2', createdAt, room })
    const now = await list('?page=1&limit=10')
    assert.equal(now.status, 200)
    assert.notEqual(now.headers.etag, etag)
    assert.notDeepEqual(sidsOf(now.body), sidsOf(first.body))
  })

  test('the project is shown with its source, and with no other', async () => {
    const { body } = await server.call<{ data: Source[] }>('GET', '/v2/sources')
    for (const { type, projectId } of body.data) assert.equal(projectId?.startsWith('p_') ?? false, type === 'livekit')
  })
})

function sidsOf({ sessions }: LivekitSessionPage): string[] {
  return sessions.map(({ sessionId }) => sessionId)
}
