import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after as afterAll, before as beforeAll, describe, test } from 'node:test'
import { joinRoom, type LiveRoom, type Measurable, signToken } from '@rollcall/client'
import { type ParticipantQuality, QualityReport, videoHeights } from '@rollcall/protocol'
import { Compile } from 'typebox/compile'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { describeDevice } from '../src/room/device.ts'
import { toQuality } from '../src/room/quality.ts'
import { scoreAudio, scoreVideo } from '../src/room/quality-score.ts'
import { nextEvent } from './next-event.ts'
import { after, before, change, toReport } from './quality-reports.ts'

const interval = { before: toReport(before), after: toReport(after) }
const reportCheck = Compile(QualityReport)

describe('what a sample says of an interval', () => {
  test('each number, in the unit that the room takes, and as the room takes it', () => {
    const report = toQuality([interval])
    assert.deepEqual(report, {
      stats: {
        recvAudioPacketLost: 5,
        recvVideoPacketLost: 10,
        sendAudioPacketLost: 1,
        sendVideoPacketLost: 0,
        averageAudioRtt: 42,
        averageVideoRtt: 43,
        averageAudioJitter: 4,
        averageVideoJitter: 11,
        averageSendAudioBitrate: 32_000,
        averageSendVideoBitrate: 900_000,
        averageRecvAudioBitrate: 32_000,
        averageRecvVideoBitrate: 1_000_000,
        qualityScore: { audio: 4.3, video: 2.93 },
      },
      resolutionUsage: { 180: 0, 360: 0, 720: 1, 1080: 0, 1440: 0, 2160: 0 },
    })
    assert.ok(reportCheck.Check(report), JSON.stringify(reportCheck.Errors(report)))
  })

  test('several connections together: losses and bitrates add up, round trips and jitter are averaged', () => {
    const slower = change(after, { RIA3: { roundTripTime: 0.142 }, IT01A1: { jitter: 0.01, packetsLost: 18 } })
    const stats = toQuality([interval, { ...interval, after: slower }])?.stats
    assert.equal(stats?.recvAudioPacketLost, 11)
    assert.equal(stats?.averageRecvVideoBitrate, 2_000_000)
    assert.equal(stats?.averageAudioRtt, 92)
    assert.equal(stats?.averageAudioJitter, 7)
  })

  test('whoever only receives has the round trip of the path that was chosen', () => {
    const [RIA3, RIV4, OT01A3, OT01V4] = [null, null, null, null]
    const stats = toQuality([{ ...interval, after: change(after, { RIA3, RIV4, OT01A3, OT01V4 }) }])?.stats ?? {}
    assert.deepEqual([stats.averageAudioRtt, stats.averageVideoRtt], [34, 34])
    assert.ok(!('averageSendAudioBitrate' in stats) && !('sendAudioPacketLost' in stats))
  })

  test('of a kind that there is none of, nothing is said', () => {
    const [IT01V2, OT01V4, RIV4] = [null, null, null]
    const report = toQuality([{ ...interval, after: change(after, { IT01V2, OT01V4, RIV4 }) }])
    const names = Object.keys(report?.stats ?? {})
    assert.deepEqual(
      names.filter((name) => /video/i.test(name)),
      [],
    )
    assert.deepEqual(report?.stats.qualityScore, { audio: 4.3 })
    assert.equal(report?.resolutionUsage, undefined)
  })

  test('a stream that nothing came of has neither a score nor a jitter', () => {
    const { timestamp } = after[0] ?? {}
    const muted = { ...interval.before.get('IT01V2'), timestamp }
    const report = toQuality([{ ...interval, after: change(after, { IT01V2: muted }) }])
    assert.equal(report?.stats.averageRecvVideoBitrate, 0)
    assert.equal(report?.stats.averageVideoJitter, undefined)
    assert.deepEqual(report?.stats.qualityScore, { audio: 4.3 })
    assert.equal(report?.resolutionUsage, undefined)
  })

  test('a stream that began meanwhile counts from zero', () => {
    const stats = toQuality([{ ...interval, before: change(before, { IT01A1: null }) }])?.stats
    assert.equal(stats?.recvAudioPacketLost, 17)
    assert.equal(stats?.averageRecvAudioBitrate, (440_000 * 8) / 10)
  })

  test('packets that came late after all make no negative loss', () => {
    const stats = toQuality([{ ...interval, after: change(after, { IT01A1: { packetsLost: 10 } }) }])?.stats
    assert.equal(stats?.recvAudioPacketLost, 0)
  })

  test('where there are no streams, or no time went by, there is no sample', () => {
    assert.equal(toQuality([]), undefined)
    assert.equal(toQuality([{ before: interval.before, after: interval.before }]), undefined)
    const idle = after.filter(({ type }) => !type.endsWith('-rtp'))
    assert.equal(toQuality([{ ...interval, after: toReport(idle) }]), undefined)
  })

  test('each height is counted under the nearest that is told apart', () => {
    const heights = [144, 240, 480, 540, 600, 900, 1200, 1600, 4320]
    const expected = [180, 180, 360, 360, 720, 720, 1080, 1440, 2160]
    const told = heights.map((frameHeight) => {
      const usage = toQuality([{ ...interval, after: change(after, { IT01V2: { frameHeight } }) }])?.resolutionUsage
      assert.deepEqual(Object.keys(usage ?? {}).map(Number), [...videoHeights])
      return Number(Object.entries(usage ?? {}).find(([, count]) => count === 1)?.[0])
    })
    assert.deepEqual(told, expected)
  })
})

describe('the scores', () => {
  const good = { lossPercent: 0, rttMs: 0, jitterMs: 0 }
  const hd = { bitrate: 2_000_000, framesPerSecond: 30, lossPercent: 0 }
  const round = (score: number) => Math.round(score * 100) / 100

  test('of audio are those of the E-model', () => {
    // R is 92.72 at best: a packet has to be spoken. 10 % lost cost 27.07 of it; 270 ms on the way 16.2.
    assert.equal(round(scoreAudio(good)), 4.4)
    assert.equal(round(scoreAudio({ ...good, lossPercent: 10 })), 3.39)
    assert.equal(round(scoreAudio({ ...good, rttMs: 500 })), 3.89)
    assert.equal(round(scoreAudio({ ...good, jitterMs: 100 })), 4.14)
    assert.equal(scoreAudio({ lossPercent: 100, rttMs: 5000, jitterMs: 500 }), 1)
  })

  test('of video are those of G.1070', () => {
    assert.equal(round(scoreVideo(hd)), 4.19)
    assert.equal(round(scoreVideo({ ...hd, bitrate: 300_000 })), 2.42)
    assert.equal(round(scoreVideo({ ...hd, bitrate: 300_000, framesPerSecond: 10 })), 3.17)
    assert.equal(round(scoreVideo({ ...hd, lossPercent: 3 })), 1.17)
    assert.equal(scoreVideo({ bitrate: 0, framesPerSecond: 0, lossPercent: 0 }), 1)
  })

  test('stay within what a room takes, whatever the network does', () => {
    for (const lossPercent of [0, 1, 50, 100]) {
      for (const n of [0, 1, 1e3, 1e6, 1e9]) {
        for (const score of [
          scoreAudio({ lossPercent, rttMs: n, jitterMs: n }),
          scoreVideo({ lossPercent, bitrate: n, framesPerSecond: n }),
        ]) {
          assert.ok(score >= 1 && score <= 5, `${score} at ${lossPercent} % and ${n}`)
        }
      }
    }
  })
})

describe('where a sample comes from', () => {
  const agents = [
    [
      'Chrome',
      '140.0.0.0',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    ],
    [
      'Edge',
      '140.0.0.0',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
    ],
    ['Firefox', '143.0', 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'],
    [
      'Safari',
      '18.6',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
    ],
    [
      'Chrome',
      '140.0.7339.101',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1',
    ],
    ['Node.js', '24', 'Node.js/24'],
  ] as const
  for (const [deviceName, deviceVersion, agent] of agents) {
    test(`${deviceName} ${deviceVersion} is told from its user agent`, () => {
      assert.deepEqual(describeDevice(agent).deviceInfo, { deviceName, deviceVersion })
    })
  }

  test('a browser that is not known is left out, and the client names its own version', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'))
    assert.deepEqual(describeDevice('curl/8'), { sdkInfo: { sdkName: '@rollcall/client', sdkVersion: version } })
  })
})

describe('a room that watches a connection', { timeout: 300_000 }, () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.stop())

  /** Says what the fixtures say, and from then on that time goes by. */
  function newConnection(): Measurable & { connectionState: RTCPeerConnectionState; asked: number } {
    return {
      connectionState: 'connected',
      asked: 0,
      async getStats() {
        this.asked += 1
        const later = (this.asked - 2) * 10_000
        return this.asked === 1
          ? interval.before
          : toReport(after.map((entry) => ({ ...entry, timestamp: entry.timestamp + later })))
      },
    }
  }

  async function enter(name: string): Promise<LiveRoom> {
    const { body } = await server.call<{ roomId: string }>('POST', '/v2/rooms')
    const token = await signToken(server, { roles: ['rtc'] })
    const limits = { qualityIntervalMs: 50 }
    return joinRoom({ url: server.url, token, roomId: body.roomId, participantId: name, limits }).joined
  }

  const qualityOf = async ({ sessionId, participantId }: { sessionId: string; participantId: string }) =>
    (await server.call<ParticipantQuality>('GET', `/v2/sessions/${sessionId}/participant/${participantId}/stats`)).body

  const whereOf = ({ sessionId = '', participantId = '' }: LiveRoom) => ({ sessionId, participantId })

  test('tells it how the media went, and with the first sample who measured', async () => {
    const room = await enter('ann')
    const where = whereOf(room)
    room.watchQuality(newConnection())
    // The second sample is one too many for the room: by then the first is on its way to the record.
    assert.equal((await nextEvent(room, 'error')).code, 'TOO_MANY_STATS')
    await room.leave()
    const { stats, sdkInfo, deviceInfo, resolutionUsage } = await qualityOf(where)
    assert.deepEqual(
      stats.map(({ averageRecvVideoBitrate, qualityScore }) => [averageRecvVideoBitrate, qualityScore?.audio]),
      [[1_000_000, 4.3]],
    )
    assert.equal(resolutionUsage[0]?.[720], 1)
    assert.equal(sdkInfo.sdkName, '@rollcall/client')
    assert.equal(deviceInfo.deviceName, 'Node.js')
  })

  test('stops with the room, with the connection, and when it is told to', async () => {
    const [left, closed, stopped, failed] = [newConnection(), newConnection(), newConnection(), newConnection()]
    const room = await enter('ben')
    room.watchQuality(left)
    room.watchQuality(closed)
    room.watchQuality(failed)
    const stop = room.watchQuality(stopped)
    await nextEvent(room, 'error')
    stop()
    closed.connectionState = 'closed'
    failed.getStats = async () => {
      failed.asked += 1
      throw new Error('gone')
    }
    const failedAt = failed.asked + 1
    const [closedAt, stoppedAt] = [closed.asked, stopped.asked]
    await nextEvent(room, 'error')
    await nextEvent(room, 'error')
    assert.deepEqual([closed.asked, stopped.asked, failed.asked], [closedAt, stoppedAt, failedAt])
    await room.leave()
    const leftAt = left.asked
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(left.asked, leftAt)
    // To a room that is over, a connection means nothing.
    room.watchQuality(stopped)()
    assert.equal(stopped.asked, stoppedAt)
  })

  test('takes a peer connection, and says so', async () => {
    const room = await enter('cleo')
    assert.throws(
      () => room.watchQuality({} as Measurable),
      /^TypeError: connection is object: it takes an RTCPeerConnection$/,
    )
    await room.leave()
  })
})
