import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { type EventResult, reportedFactsMax, roomIdPattern, type Session } from '@rollcall/protocol'
import { addNeighbour } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Given = { [field: string]: unknown }
type Results = { results: EventResult[] }

const secondMs = 1000
const minuteMs = 60 * secondMs
const start = Date.parse('2026-01-15T12:00:00.000Z')

const now = start + 5 * minuteMs
let server: TestServer
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
})
after(() => server.stop())

let ids = 0
/** Events with an id, a room and a time of their own where they say none. */
function event(fields: Given): Given {
  ids += 1
  return { id: `event ${ids}`, at: start + ids, roomId: 'standup', ...fields }
}

async function report(events: unknown, { token, source }: { token?: string; source?: unknown } = {}) {
  const body = { events, ...(source !== undefined && { source }) }
  return server.call<Results>('POST', '/v2/events', body, token === undefined ? {} : { token })
}

async function results(events: unknown[], options: { token?: string; source?: string } = {}): Promise<EventResult[]> {
  const { status, text, body } = await report(events, options)
  assert.equal(status, 200, text)
  return body.results
}

async function outcomes(events: unknown[], options: { token?: string; source?: string } = {}): Promise<string[]> {
  return (await results(events, options)).map(({ outcome }) => outcome)
}

/** Why one event is refused. */
async function refusal(fields: Given): Promise<string> {
  const [result] = await results([event(fields)])
  assert.equal(result?.outcome, 'refused', JSON.stringify(result))
  return result.reason ?? ''
}

async function sessionsOf(customRoomId: string, token?: string): Promise<Session[]> {
  const path = `/v2/sessions?customRoomId=${encodeURIComponent(customRoomId)}`
  const { body } = await server.call<{ data: Session[] }>('GET', path, undefined, token === undefined ? {} : { token })
  return body.data
}

/** Who was inside from when to when, in seconds after the start; null while inside. */
function timesOf(session: Session | undefined): { [participantId: string]: (number | null)[][] } {
  const seconds = (time: string | null) => (time === null ? null : (Date.parse(time) - start) / secondMs)
  const entries = session?.participants.map(({ participantId, timelog }) => [
    participantId,
    timelog.map(({ start, end }) => [seconds(start), seconds(end)]),
  ])
  return Object.fromEntries(entries ?? [])
}

function secondsIn(seconds: number): number {
  return start + seconds * secondMs
}

describe('what is reported is in GET /v2/sessions when it is answered', () => {
  test('a session with its start, its end, and who was inside under which name', async () => {
    const of = { roomId: 'daily', sessionKey: 'monday' }
    const anna = { ...of, participantId: 'anna', connectionId: 'a1' }
    assert.deepEqual(
      await outcomes([
        event({ ...of, type: 'session-started', at: secondsIn(0) }),
        event({
          ...anna,
          type: 'participant-joined',
          at: secondsIn(1),
          name: 'Anna',
          kind: 'sip',
          metadata: { seat: [1] },
        }),
        event({ ...anna, type: 'participant-left', at: secondsIn(9), reason: 'hung up' }),
        event({ ...of, type: 'session-ended', at: secondsIn(10), reason: 'time is up' }),
      ]),
      ['recorded', 'recorded', 'recorded', 'recorded'],
    )
    const [session] = await sessionsOf('daily')
    assert.equal(session?.start, '2026-01-15T12:00:00.000Z')
    assert.equal(session.end, '2026-01-15T12:00:10.000Z')
    assert.equal(session.status, 'ended')
    assert.equal(session.engine, 'events')
    const [person] = session.participants
    assert.deepEqual([person?.name, person?.kind], ['Anna', 'sip'])
    assert.deepEqual(person?.timelog, [
      { start: '2026-01-15T12:00:01.000Z', end: '2026-01-15T12:00:09.000Z', reason: 'hung up' },
    ])
  })

  test('the example of docs/events.md, answered as it is there', async () => {
    const doc = await readFile(new URL('../../../../docs/events.md', import.meta.url), 'utf8')
    const [, sent = ''] = /-d '(\{.*?\n\})'/s.exec(doc) ?? []
    const [, answered = ''] = /```json\n(.*?)```/s.exec(doc) ?? []
    const { body } = await server.call('POST', '/v2/events', sent)
    assert.deepEqual(body, JSON.parse(answered))
    const [person] = (await sessionsOf('standup')).at(-1)?.participants ?? []
    assert.deepEqual(person?.timelog, [
      { start: '2026-01-05T09:00:02.120Z', end: '2026-01-05T09:01:00.000Z', reason: 'hung up' },
    ])
  })

  test('times as epoch milliseconds, as digits in a text, or as ISO 8601 of any zone', async () => {
    const of = { roomId: 'times', type: 'participant-joined' }
    const times = {
      a: secondsIn(1),
      b: String(secondsIn(2)),
      c: '2026-01-15T12:00:03Z',
      d: '2026-01-15T13:00:04.000+01:00',
    }
    await outcomes(Object.entries(times).map(([participantId, at]) => event({ ...of, participantId, at })))
    const [session] = await sessionsOf('times')
    assert.deepEqual(timesOf(session), { a: [[1, null]], b: [[2, null]], c: [[3, null]], d: [[4, null]] })
  })

  test('a leave that says when the join was is the whole stay', async () => {
    const of = { roomId: 'whole stay', sessionKey: 'k', participantId: 'anna', type: 'participant-left' }
    const leave = event({ ...of, joinedAt: '2026-01-15T12:00:02Z', at: secondsIn(7) })
    assert.deepEqual(await outcomes([leave]), ['recorded'])
    assert.deepEqual(timesOf((await sessionsOf('whole stay'))[0]), { anna: [[2, 7]] })
  })

  test('connections: a late leave ends its own stay, and not the one after it', async () => {
    const anna = { roomId: 'rejoin', sessionKey: 'k', participantId: 'anna' }
    await outcomes([
      event({ ...anna, type: 'participant-joined', connectionId: 'first', at: secondsIn(1) }),
      event({ ...anna, type: 'participant-joined', connectionId: 'second', at: secondsIn(20) }),
      event({ ...anna, type: 'participant-left', connectionId: 'first', at: secondsIn(10) }),
    ])
    assert.deepEqual(timesOf((await sessionsOf('rejoin'))[0]), {
      anna: [
        [1, 10],
        [20, null],
      ],
    })
  })

  test('session keys: two lives of one room are two sessions, whatever their times', async () => {
    const of = { roomId: 'parallel', participantId: 'anna', type: 'participant-joined' }
    await outcomes([event({ ...of, sessionKey: 'one' }), event({ ...of, sessionKey: 'two' })])
    assert.equal((await sessionsOf('parallel')).length, 2)
  })

  test('a snapshot: who is in it has joined; who is missing in two in a row has left at the last evidence', async () => {
    const of = { roomId: 'snapshots', sessionKey: 'k', type: 'snapshot' }
    const anna = { participantId: 'anna', connectionId: 'a', name: 'Anna', joinedAt: secondsIn(1) }
    const ben = { participantId: 'ben', joinedAt: null }
    assert.deepEqual(
      await outcomes([
        event({ ...of, at: secondsIn(10), participants: [anna, ben] }),
        event({ ...of, at: secondsIn(20), participants: [anna] }),
        event({ ...of, at: secondsIn(30), participants: [anna] }),
      ]),
      ['recorded', 'recorded', 'recorded'],
    )
    const [session] = await sessionsOf('snapshots')
    assert.deepEqual(timesOf(session), { anna: [[1, null]], ben: [[10, 10]] })
    assert.deepEqual(session?.participants.map(({ name }) => name).sort(), ['', 'Anna'])
  })

  test('a restart: nobody is inside any more whom this source had, and nobody of another source', async () => {
    const join = (participantId: string, roomId: string) =>
      event({ type: 'participant-joined', roomId, participantId, at: secondsIn(1) })
    await outcomes([join('anna', 'restarted'), join('ben', 'restarted too')], { source: 'eu-1' })
    await outcomes([join('cleo', 'not restarted')], { source: 'eu-2' })
    assert.deepEqual(await outcomes([{ id: 'boot 2', type: 'source-started', at: secondsIn(9) }], { source: 'eu-1' }), [
      'recorded',
    ])
    assert.deepEqual(timesOf((await sessionsOf('restarted'))[0]), { anna: [[1, 1]] })
    assert.deepEqual(timesOf((await sessionsOf('restarted too'))[0]), { ben: [[1, 1]] })
    assert.deepEqual(timesOf((await sessionsOf('not restarted'))[0]), { cleo: [[1, null]] })
  })

  test('ids and names of any language', async () => {
    const of = { roomId: 'Besprechung „Süd“ 会議室 🎉', sessionKey: 'понедельник', type: 'participant-joined' }
    const who = { id: 'حدث 1', participantId: 'ऋषि', connectionId: '接続', name: 'Ṛṣi 🧘🏽‍♀️\nof Ωmega' }
    assert.deepEqual(await results([{ ...of, ...who, at: start }]), [{ id: 'حدث 1', outcome: 'recorded' }])
    const [session] = await sessionsOf(of.roomId)
    const [person] = session?.participants ?? []
    assert.deepEqual([person?.participantId, person?.name], [who.participantId, who.name])
  })

  test('half a character, or a zero, in a name or a reason is replaced', async () => {
    const of = { roomId: 'halves', participantId: 'anna' }
    await outcomes([
      event({ ...of, type: 'participant-joined', name: 'An\ud83dna\0' }),
      event({ ...of, type: 'participant-left', reason: 'b\udc00ye' }),
    ])
    const [person] = (await sessionsOf('halves'))[0]?.participants ?? []
    assert.deepEqual([person?.name, person?.timelog[0]?.reason], ['An\ufffdna\ufffd', 'b\ufffdye'])
  })

  test('a disabled room’s too: the record is of what happened', async () => {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'disabled' })
    await server.call('POST', '/v2/rooms/deactivate', { roomId: body.roomId })
    const join = event({ type: 'participant-joined', roomId: 'disabled', participantId: 'anna' })
    assert.deepEqual(await outcomes([join]), ['recorded'])
    assert.equal((await sessionsOf('disabled')).length, 1)
  })
})

describe('an outcome', () => {
  test('comes for each event, in the order they were sent', async () => {
    const of = { roomId: 'outcomes', sessionKey: 'k', participantId: 'anna' }
    const join = event({ ...of, type: 'participant-joined' })
    const waiting = event({ ...of, type: 'participant-left', participantId: 'ben', connectionId: 'b' })
    const ignored = event({ type: 'participant-left', roomId: 'nothing here', participantId: 'ben' })
    const broken = event({ ...of, type: 'participant-joined', participantId: undefined })
    const room = (await server.call('POST', '/v2/rooms', { customRoomId: 'nothing here' })).body.roomId
    assert.deepEqual(await results([join, broken, waiting, join, { ...join, name: 'Other' }, ignored]), [
      { id: join.id, outcome: 'recorded' },
      {
        id: broken.id,
        outcome: 'refused',
        reason: 'participantId is missing: it takes a text of 1 to 256 characters, none of them a control character',
      },
      { id: waiting.id, outcome: 'waiting' },
      { id: join.id, outcome: 'duplicate' },
      {
        id: join.id,
        outcome: 'refused',
        reason: `the id ${join.id} was used before for a fact with other content`,
      },
      { id: ignored.id, outcome: 'ignored', reason: `no session of room ${room} was running then` },
    ])
  })

  test('is duplicate for whatever is sent again, and nothing changes', async () => {
    const of = { roomId: 'again', sessionKey: 'k', participantId: 'anna' }
    const events = [
      event({ ...of, type: 'participant-joined', name: 'Anna', metadata: { a: 1 } }),
      event({ ...of, type: 'participant-left' }),
      event({ ...of, type: 'snapshot', participants: [] }),
      event({ ...of, type: 'session-ended' }),
    ]
    await outcomes(events)
    const before = await sessionsOf('again')
    const reordered = events.map((one) => Object.fromEntries(Object.entries(one).reverse()))
    for (const again of [events, reordered]) {
      assert.deepEqual(await outcomes(again), ['duplicate', 'duplicate', 'duplicate', 'duplicate'])
    }
    assert.deepEqual(await sessionsOf('again'), before)
  })

  test('is recorded once where many send the same at the same time', async () => {
    const join = event({ type: 'participant-joined', roomId: 'at once', participantId: 'anna' })
    const all = await Promise.all(Array.from({ length: 10 }, () => outcomes([join])))
    assert.deepEqual(all.flat().sort(), [...Array(9).fill('duplicate'), 'recorded'])
  })

  test('of the same id from another source, or of another key, is its own', async () => {
    const join = event({ type: 'participant-joined', roomId: 'own', participantId: 'anna' })
    const token = await tokenOf(await addNeighbour(server))
    assert.deepEqual(await outcomes([join]), ['recorded'])
    assert.deepEqual(await outcomes([join], { source: 'events' }), ['duplicate'])
    assert.deepEqual(await outcomes([join], { source: 'eu-1' }), ['recorded'])
    assert.deepEqual(await outcomes([join], { token }), ['recorded'])
  })

  test('comes for 1000 events in one call', async () => {
    const joins = Array.from({ length: reportedFactsMax }, (_, i) =>
      event({ type: 'participant-joined', roomId: 'crowd', participantId: `p${i}`, metadata: 'x'.repeat(4000) }),
    )
    assert.deepEqual(
      await results(joins),
      joins.map(({ id }) => ({ id, outcome: 'recorded' })),
    )
    assert.equal((await sessionsOf('crowd'))[0]?.uniqueParticipants, reportedFactsMax)
  })
})

describe('null, an empty text, and an object without fields, which PHP writes [],', () => {
  const left = { type: 'participant-left', roomId: 'left out', participantId: 'anna', at: start + secondMs }
  const join = (roomId: string) => event({ type: 'participant-joined', participantId: 'anna', roomId, at: start })

  test('are a field left out, in every event: the same event without it is a duplicate', async () => {
    assert.deepEqual(await outcomes([join('left out')]), ['recorded'])
    for (const [i, none] of [null, '', undefined].entries()) {
      const of = { ...left, id: 'left out' }
      const sent = { ...of, connectionId: none, sessionKey: none, name: none, kind: none, reason: none, joinedAt: none }
      assert.deepEqual(await outcomes([sent]), [i === 0 ? 'recorded' : 'duplicate'], String(none))
    }
    const origin = { deviceInfo: [], sdkInfo: {}, location: { country: '' }, network: null, resolutionUsage: [] }
    const quality = {
      ...left,
      type: 'quality',
      at: start,
      stats: { recvAudioPacketLost: 1, averageAudioRtt: null },
      ...origin,
    }
    const snapshot = { ...left, type: 'snapshot', participants: [{ participantId: 'anna', name: '', kind: null }] }
    assert.deepEqual(await outcomes([event(quality), event(snapshot)]), ['recorded', 'recorded'])
    for (const stats of [[], {}, '', null]) {
      assert.match(await refusal({ ...left, type: 'quality', stats }), /^stats is missing: it takes an object with one/)
    }
    assert.match(await refusal({ ...left, type: 'quality', stats: { rtt: 1 } }), /^stats=.* is not understood, at/)
  })

  test('are so in a form too, where every value is a text', async () => {
    assert.deepEqual(await outcomes([join('of a form')]), ['recorded'])
    const events = [
      ['type', 'quality'],
      ['id', 'of a form'],
      ['at', String(start)],
      ['roomId', 'of a form'],
      ['participantId', 'anna'],
      ['connectionId', ''],
      ['stats][averageAudioRtt', '12.5'],
      ['stats][recvAudioPacketLost', '3'],
      ['resolutionUsage][720', '1'],
    ]
    const text = new URLSearchParams(events.map(([name, value = '']) => [`events[0][${name}]`, value])).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { body } = await server.call<Results>('POST', '/v2/events', text, { headers })
    assert.deepEqual(body, { results: [{ id: 'of a form', outcome: 'recorded' }] })
  })
})

describe('a broken event', () => {
  test('is reported at its place, also without an id, and stops no other', async () => {
    const of = { type: 'participant-joined', roomId: 'broken', participantId: 'anna' }
    const good = event(of)
    const places = [null, 7, 'x', [], {}, event({ ...of, id: undefined }), event({ ...of, id: '' }), good]
    const all = await results(places)
    assert.deepEqual(
      all.map(({ id, index, outcome }) => [id, index, outcome]),
      [...Array.from({ length: 7 }, (_, index) => [null, index, 'refused']), [good.id, undefined, 'recorded']],
    )
    assert.deepEqual(
      all.map(({ reason }) => reason?.split(':')[0]),
      [
        'null is not understood',
        '7 is not understood',
        'x is not understood',
        '[] is not understood',
        'type is missing',
        'id is missing',
        'id is missing',
        undefined,
      ],
    )
  })

  test('is told which field is wrong, its value, and what it takes', async () => {
    const join = { type: 'participant-joined', participantId: 'anna' }
    const types =
      'session-started, session-ended, participant-joined, participant-left, snapshot, source-started or quality'
    const id = 'it takes a text of 1 to 256 characters, none of them a control character'
    const time =
      'it takes epoch milliseconds or an ISO 8601 time, such as 2022-02-22T07:57:11.505Z, of the years 1 to 9999'
    const wrong: [Given, string][] = [
      [{ ...join, type: 'participant-exploded' }, `type=participant-exploded is not understood: it takes ${types}`],
      [{ ...join, type: 'participant-seen' }, `type=participant-seen is not understood: it takes ${types}`],
      [{ ...join, type: 7 }, `type=7 is not understood: it takes ${types}`],
      [{ ...join, type: null }, `type is missing: it takes ${types}`],
      [{ ...join, type: '__proto__' }, `type=__proto__ is not understood: it takes ${types}`],
      [{ ...join, at: undefined }, `at is missing: ${time}`],
      [{ ...join, at: true }, `at=true is not understood: ${time}`],
      [{ ...join, at: [start] }, `at=[${start}] is not understood: ${time}`],
      [{ ...join, roomId: undefined }, `roomId is missing: ${id}`],
      [{ ...join, roomId: '' }, `roomId is missing: ${id}`],
      [{ ...join, roomId: 7 }, `roomId=7 is not understood: ${id}`],
      [{ ...join, roomId: 'x'.repeat(257) }, `roomId=${'x'.repeat(60)}… is not understood: ${id}`],
      [{ ...join, participantId: null }, `participantId is missing: ${id}`],
      [{ ...join, participantId: 'a\nb' }, `participantId=a\nb is not understood: ${id}`],
      [{ ...join, connectionId: 'a\0' }, `connectionId=a\0 is not understood: ${id}`],
      [{ ...join, sessionKey: {} }, `sessionKey={} is not understood: ${id}`],
      [
        { ...join, name: 'x'.repeat(513) },
        `name=${'x'.repeat(60)}… is not understood: it takes a text of at most 512 characters`,
      ],
      [
        { ...join, kind: 'robot' },
        'kind=robot is not understood: it takes person, sip, agent, bot, recorder, egress or ingress',
      ],
      [
        { type: 'session-ended', reason: 404 },
        'reason=404 is not understood: it takes a text of at most 256 characters',
      ],
      [
        { ...join, metadata: 'x'.repeat(8191) },
        `metadata=${'x'.repeat(60)}… is not understood: it takes any JSON of at most 8192 characters, nested at most 32 deep`,
      ],
      [
        { ...join, id: 'rollcall:empty' },
        `id=rollcall:empty is not understood: ${id}, which does not begin with rollcall:`,
      ],
      [
        { type: 'snapshot' },
        'participants is missing: it takes a list of at most 50000 participants such as {"participantId":"anna"}',
      ],
      [
        { type: 'snapshot', participants: [{ participantId: 'anna' }, null] },
        'participants=[{"participantId":"anna"},null] is not understood, at participants.1: it takes a list of at most 50000 participants such as {"participantId":"anna"}',
      ],
      [
        { type: 'snapshot', participants: [{ participantId: 'anna' }, {}] },
        `participants.1.participantId is missing: ${id}`,
      ],
      [
        { type: 'snapshot', participants: [{ participantId: 'anna', joinedAt: {} }] },
        `participants.0.joinedAt={} is not understood: ${time}`,
      ],
    ]
    for (const [fields, reason] of wrong) assert.equal(await refusal(fields), reason)
  })

  test('may be nested however deep: its beginning is told', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    for (const field of ['metadata', 'name', 'participantId']) {
      const event = { id: 'deep', type: 'participant-joined', at: start, roomId: 'deep', participantId: 'anna' }
      const text = JSON.stringify({ events: [{ ...event, [field]: 'DEEP' }] }).replace('"DEEP"', deep)
      const { status, body } = await server.call<Results>('POST', '/v2/events', text)
      assert.equal(status, 200)
      assert.match(body.results[0]?.reason ?? '', new RegExp(`^${field}=\\[\\["…"\\]\\] is not understood`))
    }
  })

  test('has half a character in an id', async () => {
    for (const field of ['id', 'roomId', 'participantId', 'connectionId', 'sessionKey']) {
      const reason = await refusal({ type: 'participant-joined', participantId: 'anna', [field]: 'a\ud83d' })
      assert.match(reason, new RegExp(`^${field}=a. is not understood: it takes a text`))
    }
  })

  test('has a time that cannot be', async () => {
    const join = { type: 'participant-joined', participantId: 'anna' }
    const ahead = 'it takes a time at most 5 minutes ahead'
    const early = 'it takes a time from 2000-01-01T00:00:00.000Z on; as a number, in milliseconds'
    const clock = `ahead of the server's clock at ${new Date(now).toISOString()}`
    assert.deepEqual(await outcomes([event({ ...join, roomId: 'clock ahead', at: now + 5 * minuteMs })]), ['recorded'])
    assert.equal(
      await refusal({ ...join, at: now + 5 * minuteMs + 1 }),
      `at=${now + 5 * minuteMs + 1} is 2026-01-15T12:10:00.001Z, ${clock}: ${ahead}`,
    )
    assert.equal(
      await refusal({ ...join, at: '2062-01-15T12:00:00Z' }),
      `at=2062-01-15T12:00:00Z is 2062-01-15T12:00:00.000Z, ${clock}: ${ahead}`,
    )
    assert.equal(await refusal({ ...join, at: 1768478400 }), `at=1768478400 is 1970-01-21T11:14:38.400Z: ${early}`)
    assert.match(await refusal({ ...join, at: 0 }), /^at=0 is 1970-/)
    for (const at of ['yesterday', ' ', '2026-13-01', 1e20, start + 0.5]) {
      assert.match(await refusal({ ...join, at }), /^at=.* is not understood: it takes epoch milliseconds/)
    }
    const leave = { ...join, type: 'participant-left', at: start }
    assert.match(await refusal({ ...leave, joinedAt: 1768478400 }), /^joinedAt=1768478400 is 1970-/)
    assert.equal(
      await refusal({ ...leave, joinedAt: start + 1 }),
      `joinedAt=${start + 1} is later than at=${start}: it takes the time of the join that this leave ends`,
    )
    const inside = [{ participantId: 'anna' }, { participantId: 'ben', joinedAt: 12 }]
    assert.match(await refusal({ type: 'snapshot', participants: inside }), /^participants\.1\.joinedAt=12 is 1970-/)
  })

  test('makes no room', async () => {
    await refusal({ type: 'participant-joined', roomId: 'never made' })
    assert.equal((await server.call('GET', '/v2/rooms/never%20made')).status, 404)
  })
})

describe('a room', () => {
  const joinIn = (roomId: string) => event({ type: 'participant-joined', roomId, participantId: 'anna' })
  const roomOf = async (id: string, token?: string) =>
    (await server.call<{ [key: string]: unknown }>('GET', `/v2/rooms/${id}`, undefined, token ? { token } : {})).body

  test('that is known is found by its roomId and by its customRoomId', async () => {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'known' })
    await outcomes([joinIn('known'), joinIn(body.roomId)])
    const sessions = await sessionsOf('known')
    assert.deepEqual(
      sessions.map(({ roomId }) => roomId),
      [body.roomId],
    )
  })

  test('that is not known is made: with that customRoomId, and that roomId too where it has the form of one', async () => {
    await outcomes([joinIn('abcd-efgh-ijkl'), joinIn('ABCD-efgh-ijkl')])
    const formed = await roomOf('abcd-efgh-ijkl')
    assert.deepEqual([formed.roomId, formed.customRoomId, formed.disabled], ['abcd-efgh-ijkl', 'abcd-efgh-ijkl', false])
    const custom = await roomOf('ABCD-efgh-ijkl')
    assert.equal(custom.customRoomId, 'ABCD-efgh-ijkl')
    assert.match(String(custom.roomId), roomIdPattern)
    assert.equal((await sessionsOf('ABCD-efgh-ijkl'))[0]?.roomId, custom.roomId)
  })

  test('that many name for the first time at once is made once', async () => {
    const calls = Array.from({ length: 20 }, () => outcomes([joinIn('first sight'), joinIn('aaaa-bbbb-cccc')]))
    assert.deepEqual(new Set((await Promise.all(calls)).flat()), new Set(['recorded']))
    const { body } = await server.call<{ pageInfo: { total: number } }>('GET', '/v2/rooms?query=first%20sight')
    assert.equal(body.pageInfo.total, 1)
    assert.equal((await sessionsOf('first sight')).length, 1)
  })

  test('of the same id under another key is another room', async () => {
    const token = await tokenOf(await addNeighbour(server))
    for (const roomId of ['dddd-eeee-ffff', 'shared name']) {
      await outcomes([joinIn(roomId)])
      await outcomes([joinIn(roomId), joinIn(roomId)], { token })
      assert.notEqual((await roomOf(roomId)).id, (await roomOf(roomId, token)).id)
    }
    const [mine] = await sessionsOf('shared name')
    const [theirs] = await sessionsOf('shared name', token)
    assert.notEqual(mine?.id, theirs?.id)
    assert.notEqual(mine?.roomId, theirs?.roomId)
  })
})

describe('a source', () => {
  test('is named by its caller: what two of them tell of one room are two sessions', async () => {
    const join = event({ type: 'participant-joined', roomId: 'two sources', participantId: 'anna' })
    await outcomes([join], { source: 'sfu.eu_1-a' })
    await outcomes([join], { source: 'sfu.eu_1-b' })
    assert.deepEqual(
      (await sessionsOf('two sources')).map(({ engine }) => engine),
      ['events', 'events'],
    )
  })

  test('cannot be one of ours, or of another form', async () => {
    for (const source of ['hosted', 'rollcall', 'Hosted', 'a b', 'a/b', '../hosted', 'x'.repeat(65), 7, ['hosted']]) {
      const { status, body } = await server.call('POST', '/v2/events', { source, events: [event({})] })
      assert.equal(status, 400, String(source))
      assert.match(
        String(body.error),
        /^source=.* is not understood: it takes a name of 1 to 64 of a-z, 0-9, dot, dash and underscore, other than hosted and rollcall$/,
      )
    }
  })

  test('tells nothing of the hosted rooms: what it reports of one is beside what happened there', async () => {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: 'hosted one' })
    const key = await server.context.reads.keys.find(server.apiKey)
    assert.ok(key)
    const about = { source: 'hosted', roomId: body.roomId, participantId: 'anna', connectionId: 'c', at: start }
    const join = { ...about, type: 'participant-joined' as const, id: 'c:joined', receivedAt: start }
    await server.context.record(key.keyId, [join])
    await outcomes([
      event({ type: 'participant-left', roomId: body.roomId, participantId: 'anna', connectionId: 'c' }),
      event({ type: 'session-ended', roomId: body.roomId }),
      event({ type: 'source-started' }),
    ])
    const [session] = await sessionsOf('hosted one')
    assert.deepEqual([session?.engine, session?.status, timesOf(session)], ['hosted', 'ongoing', { anna: [[0, null]] }])
  })
})

describe('who may report', () => {
  test('a token that names its role crawler, and no room', async () => {
    const { roomId } = (await server.call('POST', '/v2/rooms', {})).body
    const all = async (claims: object) => {
      const { status, body } = await server.call(
        'POST',
        '/v2/events',
        { events: [event({})] },
        {
          token: await server.sign(claims),
        },
      )
      return [status, body.code, body.error]
    }
    assert.equal((await all({ roles: 'crawler' }))[0], 200)
    assert.equal((await all({ roles: ['crawler', 'rtc'] }))[0], 200)
    assert.deepEqual(await all({ roles: undefined }), [
      403,
      'FORBIDDEN',
      'This token names no roles: this route takes one that names crawler',
    ])
    assert.deepEqual(await all({ roles: 'rtc' }), [
      403,
      'FORBIDDEN',
      'This token may join rooms, not call the API: its roles lack crawler',
    ])
    assert.deepEqual(await all({ roles: 'crawler', roomId }), [
      403,
      'FORBIDDEN',
      `This token is bound to room ${roomId}: this route is for who sees all rooms`,
    ])
    assert.equal((await server.call('POST', '/v2/events', { events: [] }, { token: null })).status, 401)
  })
})

describe('a field that is not listed', () => {
  test('is ignored, so that a newer reporter loses no event for saying more; sent with another it is the same', async () => {
    const room = { roomId: 'newer', sessionKey: 'newer' }
    const of = { ...room, type: 'participant-joined', id: 'more', at: start, participantId: 'anna' }
    const parent = { roomId: 'main', colour: 'red' }
    assert.deepEqual(
      await outcomes([
        event({ ...of, colour: 'red', Name: 'Anna' }),
        event({ ...of, mood: ['good'] }),
        event({ ...room, type: 'session-started', id: 'part', parent }),
        event({ ...room, type: 'snapshot', id: 'all', participants: [{ participantId: 'anna', mood: 1 }] }),
      ]),
      ['recorded', 'duplicate', 'recorded', 'recorded'],
    )
  })
})

describe('a whole call is refused', () => {
  test('that holds no events, more than 1000, or no list', async () => {
    const takes = 'it takes a list of 1 to 1000 events'
    const tooMany = Array.from({ length: reportedFactsMax + 1 }, () => 7)
    const wrong: [unknown, string][] = [
      [{}, `events is missing: ${takes}`],
      [{ events: null }, `events is missing: ${takes}`],
      [{ events: [] }, `events=[] is not understood: ${takes}`],
      [{ events: event({ id: 'one' }) }, `events={"id":"one",`],
      [{ events: 'x' }, `events=x is not understood: ${takes}`],
      [{ events: tooMany }, `events=[${'7,'.repeat(29)}7… is not understood: ${takes}`],
      [[event({})], 'The body takes a JSON object'],
      ['{"events":[', 'The body is not JSON: '],
    ]
    for (const [body, error] of wrong) {
      const headers = { 'content-type': 'application/json' }
      const answer = await server.call('POST', '/v2/events', body, { headers })
      assert.equal(answer.status, 400, error)
      assert.ok(String(answer.body.error).startsWith(error), String(answer.body.error))
    }
  })

  test('that is larger than 8 MiB', async () => {
    const { status, body } = await report(['x'.repeat(8 * 1024 * 1024)])
    assert.deepEqual([status, (body as Given).error], [413, 'The body is larger than 8388608 bytes'])
  })

  test('when too many facts wait for the disk, with the time to come back; the same again is recorded', async () => {
    const of = { roomId: 'busy', sessionKey: 'k', participantId: 'anna' }
    const events = [event({ ...of, type: 'participant-joined' }), event({ ...of, type: 'participant-left' })]
    await server.call('POST', '/v2/rooms', { customRoomId: 'busy' })
    const token = await server.sign()
    const key = await server.context.reads.keys.find(server.apiKey)
    assert.ok(key)
    const about = { source: 'many', roomId: 'abcd-efgh-ijkl', at: start, receivedAt: start }
    const filling = server.context.record(
      key.keyId,
      Array.from({ length: 50_000 }, (_, i) => ({ ...about, type: 'source-started' as const, id: `${i}` })),
    )
    const { status, headers, body } = await report(events, { token })
    assert.deepEqual([status, headers['retry-after'], (body as Given).code], [503, '1', 'BUSY'])
    await filling
    assert.deepEqual(await outcomes(events), ['recorded', 'recorded'])
  })
})

function tokenOf(key: { apiKey: string; secret: string }): Promise<string> {
  return signToken(key, { roles: ['crawler'] }, { now, lifetimeMs: 3_600_000 })
}
