import type { QualityReport, QualitySample, QualityScore, VideoHeight } from '@rollcall/protocol'
import { scoreAudio, scoreVideo } from './quality-score.ts'

/** What `getStats()` of one peer connection gave at the beginning and at the end of a while. */
export type Interval = { before: RTCStatsReport; after: RTCStatsReport }

type Stats = { [name: string]: unknown; type: string; timestamp: number }
type Kind = 'audio' | 'video'

/** One stream of media, over an interval. */
type Stream = {
  stats: Stats
  seconds: number
  /** How much a counter grew. */
  grown(counter: string): number
}

const heights: readonly VideoHeight[] = [180, 360, 720, 1080, 1440, 2160]

/**
 * What the media of some peer connections were like over an interval, as a room takes it: lost packets, milliseconds, and
 * bits per second of all streams together. What was not measured is left out. The scores are of what was received, by
 * `scoreAudio` and `scoreVideo`.
 *
 * @returns undefined where there were no streams
 */
export function toQuality(intervals: Interval[]): QualityReport | undefined {
  const [audio, video] = [measure(intervals, 'audio'), measure(intervals, 'video')]
  const stats: QualitySample = pickKnown({
    recvAudioPacketLost: audio.recvLost,
    recvVideoPacketLost: video.recvLost,
    sendAudioPacketLost: audio.sendLost,
    sendVideoPacketLost: video.sendLost,
    averageAudioRtt: audio.rttMs,
    averageVideoRtt: video.rttMs,
    averageAudioJitter: audio.jitterMs,
    averageVideoJitter: video.jitterMs,
    averageSendAudioBitrate: audio.sendBitrate,
    averageSendVideoBitrate: video.sendBitrate,
    averageRecvAudioBitrate: audio.recvBitrate,
    averageRecvVideoBitrate: video.recvBitrate,
  })
  if (Object.keys(stats).length === 0) return undefined
  const qualityScore: QualityScore = pickKnown({ audio: judgeAudio(audio), video: judgeVideo(video) })
  return {
    stats: { ...stats, ...(Object.keys(qualityScore).length > 0 && { qualityScore }) },
    ...(video.playing.length > 0 && { resolutionUsage: countHeights(video.playing) }),
  }
}

type Measured = ReturnType<typeof measure>

function measure(intervals: Interval[], kind: Kind) {
  const received = streamsOf(intervals, 'inbound-rtp', kind)
  const sent = streamsOf(intervals, 'outbound-rtp', kind)
  // What the other side tells of the streams that are sent to it.
  const told = streamsOf(intervals, 'remote-inbound-rtp', kind)
  const playing = received.filter((stream) => stream.grown('packetsReceived') > 0)
  const isThere = received.length + sent.length > 0
  return {
    playing,
    recvLost: sumOf(received, (stream) => stream.grown('packetsLost')),
    sendLost: sumOf(told, (stream) => stream.grown('packetsLost')),
    rttMs:
      meanMsOf(told, 'roundTripTime') ?? (isThere ? meanMsOf(pathsOf(intervals), 'currentRoundTripTime') : undefined),
    jitterMs: meanMsOf(playing, 'jitter'),
    recvBitrate: sumOf(received, (stream) => bitrateOf(stream, 'bytesReceived')),
    sendBitrate: sumOf(sent, (stream) => bitrateOf(stream, 'bytesSent')),
  }
}

function judgeAudio({ playing, rttMs = 0, jitterMs = 0 }: Measured): number | undefined {
  if (playing.length === 0) return undefined
  return toScore(scoreAudio({ lossPercent: lossPercentOf(playing), rttMs, jitterMs }))
}

function judgeVideo({ playing }: Measured): number | undefined {
  const scores = playing.map((stream) =>
    scoreVideo({
      bitrate: bitrateOf(stream, 'bytesReceived'),
      framesPerSecond: stream.grown('framesDecoded') / stream.seconds,
      lossPercent: lossPercentOf([stream]),
    }),
  )
  const mean = meanOf(scores)
  return mean === undefined ? undefined : toScore(mean)
}

function countHeights(playing: Stream[]): { [height in VideoHeight]: number } {
  const counts = { 180: 0, 360: 0, 720: 0, 1080: 0, 1440: 0, 2160: 0 }
  for (const { stats } of playing) {
    const { frameHeight } = stats
    if (typeof frameHeight !== 'number') continue
    const distance = (height: VideoHeight) => Math.abs(height - frameHeight)
    counts[heights.reduce((nearest, height) => (distance(height) < distance(nearest) ? height : nearest))] += 1
  }
  return counts
}

function streamsOf(intervals: Interval[], type: string, kind: Kind): Stream[] {
  return intervals.flatMap(({ before, after }) => {
    const seconds = (timeOf(after) - timeOf(before)) / 1000
    if (!(seconds > 0)) return []
    return statsOf(after, type)
      .filter((stats) => stats.kind === kind)
      .map((stats) => ({
        stats,
        seconds,
        // A stream that began meanwhile counts from zero. Late packets can make fewer of them lost than before.
        grown: (counter) =>
          Math.max(0, numberIn(stats, counter) - numberIn(before.get(String(stats.id)) as Stats | undefined, counter)),
      }))
  })
}

/** The candidate pairs that media go over. */
function pathsOf(intervals: Interval[]): { stats: Stats }[] {
  return intervals.flatMap(({ after }) =>
    statsOf(after, 'candidate-pair')
      .filter(({ nominated, state }) => nominated === true && state === 'succeeded')
      .map((stats) => ({ stats })),
  )
}

function statsOf(report: RTCStatsReport, type: string): Stats[] {
  return [...report.values()].filter((stats: Stats) => stats.type === type)
}

/** When a report was made: what the other side told may be older. */
function timeOf(report: RTCStatsReport): number {
  let at = 0
  for (const { timestamp } of report.values() as Iterable<Stats>) at = Math.max(at, timestamp)
  return at
}

/** Bits per second, in whole bits. */
function bitrateOf(stream: Stream, counter: 'bytesReceived' | 'bytesSent'): number {
  return Math.round((8 * stream.grown(counter)) / stream.seconds)
}

function lossPercentOf(streams: Stream[]): number {
  const lost = sumOf(streams, (stream) => stream.grown('packetsLost')) ?? 0
  const received = sumOf(streams, (stream) => stream.grown('packetsReceived')) ?? 0
  return lost === 0 ? 0 : (100 * lost) / (lost + received)
}

function numberIn(stats: Stats | undefined, name: string): number {
  const value = stats?.[name]
  return typeof value === 'number' ? value : 0
}

function sumOf(streams: Stream[], read: (stream: Stream) => number): number | undefined {
  return streams.length === 0 ? undefined : streams.reduce((sum, stream) => sum + read(stream), 0)
}

/** Of what the browser tells in seconds, in milliseconds, to the microsecond. */
function meanMsOf(all: { stats: Stats }[], name: string): number | undefined {
  const mean = meanOf(all.map(({ stats }) => stats[name]).filter((value) => typeof value === 'number'))
  return mean === undefined ? undefined : Math.round(mean * 1e6) / 1000
}

function meanOf(values: number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

function toScore(value: number): number {
  return Math.round(value * 100) / 100
}

function pickKnown<T extends object>(values: T): { [name in keyof T]?: NonNullable<T[name]> } {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as { [name in keyof T]?: NonNullable<T[name]> }
}
