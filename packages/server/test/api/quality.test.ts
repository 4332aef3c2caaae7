import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ParticipantQuality, Quality, QualityReport, SessionQuality } from '@rollcall/protocol'
import { connect, join } from '../support/clients/rtc-client.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const start = Date.parse('2026-01-15T12:00:00.000Z')
const minuteMs = 60_000

/** Every number there is, each another one. */
const stats = {
  recvAudioPacketLost: 1,
  recvVideoPacketLost: 2,
  sendAudioPacketLost: 3,
  sendVideoPacketLost: 4,
  averageAudioRtt: 24.5,
  averageVideoRtt: 25.25,
  averageAudioJitter: 3.5,
  averageVideoJitter: 8,
  averageSendAudioBitrate: 32_100,
  averageSendVideoBitrate: 850_000,
  averageRecvAudioBitrate: 31_900.5,
  averageRecvVideoBitrate: 612_000,
  qualityScore: { audio: 4.38, video: 3.9 },
}
const nothing = Object.fromEntries(Object.keys(stats).flatMap((name) => (name === 'qualityScore' ? [] : [[name, 0]])))

let server: TestServer
let keyId: number
let rooms = 0

before(async () => {
  server = await startServer({}, { clock: { now: () => start + 20 * minuteMs } })
  keyId = (await server.context.reads.keys.find(server.apiKey))?.keyId ?? 0
})
after(() => server.stop())

type Place = { roomId: string; sessionKey: string; sessionId: string }

/** A session of an hour ago that is over, with Anna and Ben inside all the time, in a room of its own. */
async function makeSession({ lastedMs = 10 * minuteMs } = {}): Promise<Place> {
  const roomId = `room-${++rooms}`
  const stay = { joinedAt: start, leftAt: start + lastedMs }
  const stays = [
    { participantId: 'anna', name: 'Anna', ...stay },
    { participantId: 'ben', name: 'Ben', ...stay },
  ]
  const sessionId = await recordSession(server, { roomId, startAt: start, endAt: start + lastedMs, stays })
  return { roomId, sessionKey: `${roomId} at ${start}`, sessionId }
}

function sample(
  { roomId, sessionKey }: Pick<Place, 'roomId' | 'sessionKey'>,
  participantId: string,
  at: number,
  report: QualityReport = { stats },
): Quality {
  const id = `${roomId} ${participantId} ${at}`
  return { type: 'quality', source: 'events', id, roomId, sessionKey, participantId, at, receivedAt: at, ...report }
}

async function outcomesOf(...facts: Quality[]): Promise<string[]> {
  return (await server.context.record(keyId, facts)).map(({ outcome }) => outcome)
}

async function read<Body>(path: string): Promise<Body> {
  const { status, text, body } = await server.call<Body>('GET', path)
  assert.equal(status, 200, text)
  return body
}

const ofSession = ({ sessionId }: Pick<Place, 'sessionId'>) => read<SessionQuality>(`/v2/sessions/${sessionId}/stats`)
const ofPerson = ({ sessionId }: Pick<Place, 'sessionId'>, id: string) =>
  read<ParticipantQuality>(`/v2/sessions/${sessionId}/participant/${encodeURIComponent(id)}/stats`)

describe('the two stats endpoints', () => {
  test('answer the documented keys, in the documented order, with the numbers as they were reported', async () => {
    const place = await makeSession()
    const report: QualityReport = {
      stats,
      resolutionUsage: { 360: 1, 720: 2 },
      deviceInfo: { deviceName: 'Chrome', deviceVersion: '140.0.0.0' },
      sdkInfo: { sdkName: 'rollcall', sdkVersion: '1.2.3' },
      location: { country: 'Österreich', city: 'Wien', region: 'Wien' },
      network: { asn: 'AS64500', org: 'Example' },
    }
    await outcomesOf(sample(place, 'anna', start + 5000, report))
    const point = { time: '2026-01-15T12:00:05.000Z', ...stats }
    const session = { sessionId: place.sessionId, meetingId: place.roomId }
    assert.equal(JSON.stringify(await ofSession(place)), JSON.stringify({ ...session, stats: [point] }))
    assert.equal(
      JSON.stringify(await ofPerson(place, 'anna')),
      JSON.stringify({
        ...session,
        participantId: 'anna',
        participantName: 'Anna',
        deviceInfo: report.deviceInfo,
        sdkInfo: report.sdkInfo,
        location: report.location,
        network: report.network,
        stats: [point],
        resolutionUsage: [{ 180: 0, 360: 1, 720: 2, 1080: 0, 1440: 0, 2160: 0, time: point.time }],
      }),
    )
  })

  test('answer an empty series where nothing was reported, and say of what nobody said that it is unknown', async () => {
    const place = await makeSession()
    const session = { sessionId: place.sessionId, meetingId: place.roomId }
    assert.deepEqual(await ofSession(place), { ...session, stats: [] })
    assert.deepEqual(await ofPerson(place, 'ben'), {
      ...session,
      participantId: 'ben',
      participantName: 'Ben',
      deviceInfo: { deviceName: 'unknown', deviceVersion: 'unknown' },
      sdkInfo: { sdkName: 'unknown', sdkVersion: 'unknown' },
      location: { country: 'unknown', city: 'unknown', region: 'unknown' },
      network: { asn: 'unknown', org: 'unknown' },
      stats: [],
      resolutionUsage: [],
    })
  })

  test('a number that nobody measured is 0, and there is a score only where the reporter sent one', async () => {
    const place = await makeSession()
    await outcomesOf(
      sample(place, 'anna', start + 1000, { stats: { averageAudioRtt: 20 } }),
      sample(place, 'anna', start + 2000, { stats: { qualityScore: { audio: 4.1 } } }),
    )
    assert.deepEqual((await ofPerson(place, 'anna')).stats, [
      { time: '2026-01-15T12:00:01.000Z', ...nothing, averageAudioRtt: 20 },
      { time: '2026-01-15T12:00:02.000Z', ...nothing, qualityScore: { audio: 4.1 } },
    ])
  })

  test('everybody together, ten seconds a point: losses add up, the rest is the mean of those who measured it', async () => {
    const place = await makeSession()
    const anna = { recvAudioPacketLost: 5, averageAudioRtt: 20, averageVideoRtt: 7 }
    const ben = { recvAudioPacketLost: 10, averageAudioRtt: 40, qualityScore: { audio: 2 } }
    await outcomesOf(
      sample(place, 'ben', start + 10_000, { stats: ben }),
      sample(place, 'ben', start + 9000, { stats: ben }),
      sample(place, 'anna', start + 1000, { stats: anna }),
    )
    await outcomesOf(sample(place, 'anna', start + 2000, { stats: { averageVideoRtt: 7 } }))
    assert.deepEqual((await ofSession(place)).stats, [
      {
        time: '2026-01-15T12:00:09.000Z',
        ...nothing,
        recvAudioPacketLost: 15,
        averageAudioRtt: 30,
        averageVideoRtt: 7,
        qualityScore: { audio: 2 },
      },
      { time: '2026-01-15T12:00:10.000Z', ...nothing, ...ben },
    ])
    assert.equal((await ofPerson(place, 'anna')).stats.length, 2)
    assert.equal((await ofPerson(place, 'ben')).stats.length, 2)
  })

  test('10,000 samples are answered as at most 500 points, in order of time, with the losses and means of all', async () => {
    const count = 10_000
    const place = await makeSession({ lastedMs: count * 5000 })
    const facts = Array.from({ length: count }, (_, i) =>
      // The second half of the time is a worse one.
      sample(place, 'anna', start + i * 5000, {
        stats: { recvAudioPacketLost: i % 7, averageAudioRtt: i < count / 2 ? 10 : 110 },
        // Of several samples in a point the mean is rounded: clients decode it as an integer.
        resolutionUsage: { 360: i % 4 === 0 ? 1 : 0, 720: i % 4 === 0 ? 0 : 1 },
      }),
    )
    for (let from = 0; from < count; from += 1000) await outcomesOf(...facts.slice(from, from + 1000))
    const lost = facts.reduce((sum, fact) => sum + (fact.stats.recvAudioPacketLost ?? 0), 0)
    const person = await ofPerson(place, 'anna')
    for (const { stats } of [person, await ofSession(place)]) {
      assert.ok(stats.length > 250 && stats.length <= 500, `${stats.length} points`)
      assert.equal(
        stats.reduce((sum, point) => sum + point.recvAudioPacketLost, 0),
        lost,
      )
      const times = stats.map(({ time }) => Date.parse(time))
      assert.deepEqual(
        times,
        [...new Set(times)].sort((a, b) => a - b),
      )
      assert.equal(times.at(-1), facts.at(-1)?.at)
      const half = start + (count / 2) * 5000
      for (const [i, { averageAudioRtt }] of stats.entries()) {
        const [from = start, to = start] = [times[i - 1], times[i]]
        if (to < half) assert.equal(averageAudioRtt, 10)
        else if (from >= half) assert.equal(averageAudioRtt, 110)
      }
    }
    assert.equal(person.resolutionUsage.length, person.stats.length)
    assert.ok(person.resolutionUsage.every((usage) => usage[720] === 1 && usage[360] === 0))
  })

  test('a series of 500 samples is answered as it is, and of one more each counts in one point', async () => {
    const place = await makeSession()
    const take = async (count: number, firstAt: number) => {
      const stats = { recvAudioPacketLost: 1 }
      await outcomesOf(...Array.from({ length: count }, (_, i) => sample(place, 'anna', firstAt + i, { stats })))
      const losses = (await ofPerson(place, 'anna')).stats.map((point) => point.recvAudioPacketLost)
      return { points: losses.length, lost: losses.reduce((sum, lost) => sum + lost, 0) }
    }
    assert.deepEqual(await take(499, start), { points: 499, lost: 499 })
    assert.deepEqual(await take(1, start + 5 * minuteMs), { points: 500, lost: 500 })
    const { points, lost } = await take(1000, start + minuteMs)
    assert.ok(points <= 500)
    assert.equal(lost, 1500)
  })

  test("another key's session is not found, word for word as one that does not exist; nor is another room's", async () => {
    const place = await makeSession()
    const neighbour = await addNeighbour(server)
    const { context } = server
    const lifetime = { now: context.clock.now(), lifetimeMs: minuteMs }
    const theirs = await signToken(neighbour, { roles: ['crawler'] }, lifetime)
    const bound = await server.sign({ roomId: 'abcd-efgh-ijkl' })
    const unknownId = '0'.repeat(24)
    for (const rest of ['stats', 'participant/anna/stats']) {
      const missing = await server.call('GET', `/v2/sessions/${unknownId}/${rest}`)
      assert.equal(missing.status, 404)
      assert.equal(missing.body.code, 'SESSION_NOT_FOUND')
      for (const token of [theirs, bound]) {
        const { status, body } = await server.call('GET', `/v2/sessions/${place.sessionId}/${rest}`, undefined, {
          token,
        })
        const worded = String(missing.body.error).replace(unknownId, place.sessionId)
        assert.deepEqual([status, body.code, body.error], [404, missing.body.code, worded])
      }
    }
  })

  test('a participant who was never inside is not found', async () => {
    const { sessionId } = await makeSession()
    const { status, body } = await server.call('GET', `/v2/sessions/${sessionId}/participant/nobody/stats`)
    assert.deepEqual([status, body.code], [404, 'PARTICIPANT_NOT_FOUND'])
  })
})

describe('a sample', () => {
  test('alters no stay, no count and no change, and leaves kept pages as they are', async () => {
    const place = await makeSession()
    const look = async () => {
      const { body } = await server.call('GET', `/v2/sessions/${place.sessionId}`)
      const changes = await server.context.reads.changes.after(keyId, 0, 100_000)
      return { body, changes: changes.length, version: server.context.known.versionOf(keyId) }
    }
    const before = await look()
    // Later than the end, when nobody is inside any more.
    assert.deepEqual(await outcomesOf(sample(place, 'anna', start + 11 * minuteMs)), ['recorded'])
    assert.deepEqual(await look(), before)
    assert.equal((await ofPerson(place, 'anna')).stats.length, 1)
  })

  test('twice is once, and the same id with other content is refused', async () => {
    const place = await makeSession()
    const once = sample(place, 'anna', start + 1000)
    assert.deepEqual(await outcomesOf(once, once, { ...once, stats: { averageAudioRtt: 1 } }), [
      'recorded',
      'duplicate',
      'refused',
    ])
    assert.deepEqual(
      (await ofSession(place)).stats.map((point) => point.recvAudioPacketLost),
      [stats.recvAudioPacketLost],
    )
  })

  test('is ignored, and told why, where it names no session, or somebody who was never in it', async () => {
    const place = await makeSession()
    const nowhere = sample({ roomId: place.roomId, sessionKey: 'another' }, 'anna', start + 1000)
    const stranger = sample(place, 'cleo', start + 1000)
    const { sessionKey: _, ...unnamed } = sample(place, 'ben', start + 2000)
    const recorded = await server.context.record(keyId, [nowhere, stranger, unnamed])
    assert.deepEqual(
      recorded.map(({ outcome }) => outcome),
      ['ignored', 'ignored', 'ignored'],
    )
    assert.match(recorded[0]?.reason ?? '', /had no session another yet/)
    assert.match(recorded[1]?.reason ?? '', /cleo was not inside session/)
    assert.match(recorded[2]?.reason ?? '', /no session of room .* was running then/)
    assert.deepEqual((await ofSession(place)).stats, [])
  })

  test('without a session key belongs to the session whose time covers it', async () => {
    const roomId = `room-${++rooms}`
    const base = { source: 'events', roomId, participantId: 'anna', receivedAt: server.context.clock.now() }
    const minutes = (n: number) => start + n * minuteMs
    const stays = [
      { from: minutes(0), to: minutes(2) },
      { from: minutes(5), to: minutes(8) },
    ]
    const sessions: string[] = []
    for (const { from, to } of stays) {
      const [joined] = await server.context.record(keyId, [
        { type: 'participant-joined', id: `${roomId} in ${from}`, at: from, ...base },
        { type: 'participant-left', id: `${roomId} out ${to}`, at: to, ...base },
      ])
      sessions.push(joined?.sessionId ?? '')
    }
    const unnamed = (at: number): Quality => {
      const { sessionKey: _, ...fact } = sample({ roomId, sessionKey: '' }, 'anna', at)
      return fact
    }
    const outcomes = await outcomesOf(unnamed(minutes(6)), unnamed(minutes(1)), unnamed(minutes(4)))
    assert.deepEqual(outcomes, ['recorded', 'recorded', 'ignored'])
    const times = await Promise.all(
      sessions.map(async (sessionId) => (await ofSession({ sessionId })).stats.map(({ time }) => time)),
    )
    assert.deepEqual(times, [['2026-01-15T12:01:00.000Z'], ['2026-01-15T12:06:00.000Z']])
  })

  test('the latest by its own time says where samples come from, in whichever order they arrive', async () => {
    const place = await makeSession()
    const from = (deviceVersion: string): QualityReport => ({
      stats,
      deviceInfo: { deviceName: 'Firefox', deviceVersion },
    })
    await outcomesOf(sample(place, 'anna', start + 3000, from('150')), sample(place, 'anna', start + 1000, from('149')))
    await outcomesOf(sample(place, 'anna', start + 2000, from('148')))
    await outcomesOf(sample(place, 'anna', start + 4000))
    const { deviceInfo, stats: series } = await ofPerson(place, 'anna')
    assert.deepEqual(deviceInfo, { deviceName: 'Firefox', deviceVersion: '150' })
    assert.deepEqual(
      series.map(({ time }) => time),
      [1, 2, 3, 4].map((second) => new Date(start + second * 1000).toISOString()),
    )
  })
})

describe('a quality event of POST /v2/events', () => {
  type Results = { results: { outcome: string; reason?: string }[] }
  const report = async (events: object[]) => {
    const { status, text, body } = await server.call<Results>('POST', '/v2/events', { events })
    assert.equal(status, 200, text)
    return body.results
  }
  const eventOf = (roomId: string, id: string, event: object) => ({
    type: 'quality',
    id: `${roomId} ${id}`,
    at: start + minuteMs,
    roomId,
    sessionKey: 'one',
    participantId: 'anna',
    ...event,
  })

  test('is in both series of its session, with where it comes from', async () => {
    const roomId = `reported-${++rooms}`
    const network = { asn: 'AS64500', org: 'Example' }
    const results = await report([
      eventOf(roomId, 'in', { type: 'participant-joined', at: start }),
      eventOf(roomId, 'sample', { stats, network, resolutionUsage: { 1080: 1 }, connectionId: 'c1' }),
    ])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['recorded', 'recorded'],
    )
    const { body } = await server.call<{ data: { id: string }[] }>('GET', `/v2/sessions?customRoomId=${roomId}`)
    const place = { sessionId: body.data[0]?.id ?? '' }
    const point = { time: '2026-01-15T12:01:00.000Z', ...stats }
    const person = await ofPerson(place, 'anna')
    assert.deepEqual([(await ofSession(place)).stats, person.stats], [[point], [point]])
    assert.deepEqual(person.network, network)
    assert.equal(person.resolutionUsage[0]?.[1080], 1)
  })

  test('is refused where a number is wrong or unknown, which its reason names, and stops no other', async () => {
    const roomId = `reported-${++rooms}`
    const results = await report([
      eventOf(roomId, 'in', { type: 'participant-joined', at: start }),
      eventOf(roomId, 'late', { stats: { averageVideoRtt: 'soon' } }),
      eventOf(roomId, 'unknown', { stats: { averageRtt: 20 } }),
      eventOf(roomId, 'none', {}),
      eventOf(roomId, 'odd', { stats, location: { planet: 'Earth' } }),
      eventOf(roomId, 'good', { stats }),
    ])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['recorded', 'refused', 'refused', 'refused', 'refused', 'recorded'],
    )
    const reasons = results.map(({ reason = '' }) => reason)
    assert.match(reasons[1] ?? '', /^stats\.averageVideoRtt=soon is not understood: it takes milliseconds/)
    assert.match(reasons[2] ?? '', /not understood, at stats\.averageRtt: it takes .*recvAudioPacketLost/)
    assert.match(reasons[3] ?? '', /^stats is missing: it takes/)
    assert.match(reasons[4] ?? '', /at location\.planet/)
  })
})

describe('the stats message of a hosted room', () => {
  const enter = async (name: string) => {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms', { customRoomId: `hosted-${++rooms}` })
    return join(server, body.roomId, name)
  }

  /** What was sent before is recorded when a later message's fact is. */
  const settle = async (client: Awaited<ReturnType<typeof enter>>) => {
    client.send({ type: 'leave' })
    assert.equal(await client.closed, '1000')
  }

  test('is in the record of its sender, with where it comes from', async () => {
    const anna = await enter('anna')
    const deviceInfo = { deviceName: 'Chrome', deviceVersion: '140.0.0.0' }
    const sdkInfo = { sdkName: '@rollcall/client', sdkVersion: '0.1.0' }
    anna.send({
      type: 'stats',
      stats,
      resolutionUsage: { 360: 1 },
      deviceInfo,
      sdkInfo,
      location: { country: 'Utopia' },
    })
    await settle(anna)
    const person = await ofPerson(anna.joined, 'anna')
    const [point] = person.stats
    assert.deepEqual(person.stats, [{ time: point?.time, ...stats }])
    assert.deepEqual([person.deviceInfo, person.sdkInfo], [deviceInfo, sdkInfo])
    assert.equal(person.location.country, 'unknown')
    assert.equal(person.resolutionUsage[0]?.[360], 1)
    assert.equal((await ofSession(anna.joined)).stats.length, 1)
  })

  test('TOO_MANY_STATS: more than one in five seconds is dropped, and its sender told', async () => {
    const anna = await enter('anna')
    anna.send({ type: 'stats', stats: { recvAudioPacketLost: 1 } })
    anna.send({ type: 'stats', stats: { recvAudioPacketLost: 100 } })
    anna.send({ type: 'ping' })
    const error = await anna.next('error')
    assert.equal(error.code, 'TOO_MANY_STATS')
    assert.match(error.message, /once in 5000 ms/)
    await settle(anna)
    assert.deepEqual(
      (await ofPerson(anna.joined, 'anna')).stats.map((point) => point.recvAudioPacketLost),
      [1],
    )
  })

  const wrong: [title: string, message: object, told: RegExp][] = [
    ['a negative number', { stats: { averageAudioRtt: -1 } }, /^stats\.averageAudioRtt=-1 .*takes milliseconds/],
    ['half a packet', { stats: { recvAudioPacketLost: 0.5 } }, /^stats\.recvAudioPacketLost=0\.5 .*a whole number/],
    [
      'no number',
      { stats: { averageSendAudioBitrate: null } },
      /^stats\.averageSendAudioBitrate=null .*bits per second/,
    ],
    ['an unknown number', { stats: { averageRtt: 5 } }, /^stats=.*averageRtt.* not understood, at stats\.averageRtt/],
    ['no numbers at all', { stats: {} }, /^stats=\{\} .*one or more of recvAudioPacketLost/],
    [
      'too good a score',
      { stats: { qualityScore: { audio: 9 } } },
      /^stats\.qualityScore\.audio=9 .*from 1 \(bad\) to 5/,
    ],
    ['an unknown height', { stats, resolutionUsage: { 240: 1 } }, /^resolutionUsage=.*at resolutionUsage\.240/],
    [
      'a control character',
      { stats, deviceInfo: { deviceName: 'a\u0000b' } },
      /^deviceInfo\.deviceName=.*control character/,
    ],
  ]
  for (const [title, message, told] of wrong) {
    test(`INVALID_STATS: ${title} is named, and its sender stays inside`, async () => {
      const anna = await enter('anna')
      anna.send({ type: 'stats', ...message })
      anna.send({ type: 'ping' })
      const error = await anna.next('error')
      assert.equal(error.code, 'INVALID_STATS')
      assert.match(error.message, told)
      // A wrong sample does not count as one.
      anna.send({ type: 'stats', stats })
      await settle(anna)
      assert.equal((await ofPerson(anna.joined, 'anna')).stats.length, 1)
    })
  }

  test('is nothing to the room: whoever is not inside is told so', async () => {
    const anna = await enter('anna')
    const guest = await server.sign({ permissions: ['ask_join'], roles: ['rtc'] })
    const waiting = await connect(server)
    waiting.send({ type: 'join', token: guest, roomId: anna.joined.roomId, participantId: 'guest' })
    await waiting.next('waiting')
    waiting.send({ type: 'stats', stats })
    waiting.send({ type: 'ping' })
    assert.equal((await waiting.next('error')).code, 'NOT_INSIDE')
    assert.deepEqual((await ofSession(anna.joined)).stats, [])
    waiting.socket.terminate()
    await settle(anna)
  })
})
