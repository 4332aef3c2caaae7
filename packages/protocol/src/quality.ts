import { type TSchema, Type } from 'typebox'
import { isCleanId } from './ids.ts'
import { Time } from './time.ts'

// How the media went. The hosted API names no units: the numbers that it documents can only be packets, milliseconds and bits per second.

/** Most points of a series in an answer: a longer one is thinned. */
export const qualityPointsMax = 500
/** Most packets that one sample may say were lost. */
const packetsMax = 1_000_000_000
/** Longest time in a sample, in milliseconds: an hour. */
const durationMaxMs = 3_600_000
/** Highest bitrate in a sample, in bits per second. */
const bitrateMax = 1_000_000_000_000
/** Most video streams in a sample. */
const streamsMax = 100_000
/** Longest text that tells where a sample comes from, in characters. */
const originMaxLength = 256

const losses = {
  recvAudioPacketLost: 'Lost packets of the received audio.',
  recvVideoPacketLost: 'Lost packets of the received video.',
  sendAudioPacketLost: 'Lost packets of the sent audio, as the other side tells.',
  sendVideoPacketLost: 'Lost packets of the sent video, as the other side tells.',
}
const durations = {
  averageAudioRtt: 'Round trip of the audio, in milliseconds.',
  averageVideoRtt: 'Round trip of the video, in milliseconds.',
  averageAudioJitter: 'Jitter of the received audio, in milliseconds.',
  averageVideoJitter: 'Jitter of the received video, in milliseconds.',
}
const bitrates = {
  averageSendAudioBitrate: 'Audio sent, in bits per second.',
  averageSendVideoBitrate: 'Video sent, in bits per second.',
  averageRecvAudioBitrate: 'Audio received, in bits per second.',
  averageRecvVideoBitrate: 'Video received, in bits per second.',
}
const scores = { audio: 'How good the audio was.', video: 'How good the video was.' }

export type LossName = keyof typeof losses
export type AverageName = keyof typeof durations | keyof typeof bitrates
/** Counts, which add up. */
export const lossNames = Object.keys(losses) as LossName[]
/** What is averaged over the time since the sample before. */
export const averageNames = Object.keys({ ...durations, ...bitrates }) as AverageName[]

/** The heights of video, in pixels, that are told apart: a stream is counted under the nearest. */
export const videoHeights = [180, 360, 720, 1080, 1440, 2160] as const
export type VideoHeight = (typeof videoHeights)[number]
const streams = Object.fromEntries(
  videoHeights.map((height) => [height, `Video streams received that are about ${height} pixels high.`]),
) as { [height in VideoHeight]: string }

// ---- what is reported: each description says what a field takes, as errors do; what it is for is told by `about`

const closed = { additionalProperties: false }

/** What somebody's media were like since their sample before. What was not measured is left out. */
export const QualitySample = Type.Object(
  {
    ...mapValues(losses, (about) => {
      const limits = { minimum: 0, maximum: packetsMax }
      return Type.Optional(Type.Integer({ ...limits, description: `a whole number from 0 to ${packetsMax}`, about }))
    }),
    ...mapValues(durations, (about) => {
      const limits = { minimum: 0, maximum: durationMaxMs }
      const description = `milliseconds, a number from 0 to ${durationMaxMs}`
      return Type.Optional(Type.Number({ ...limits, description, about }))
    }),
    ...mapValues(bitrates, (about) => {
      const limits = { minimum: 0, maximum: bitrateMax }
      const description = `bits per second, a number from 0 to ${bitrateMax}`
      return Type.Optional(Type.Number({ ...limits, description, about }))
    }),
    qualityScore: Type.Optional(
      Type.Object(
        mapValues(scores, (about) => {
          const description = 'a mean opinion score, a number from 1 (bad) to 5 (excellent)'
          return Type.Optional(Type.Number({ minimum: 1, maximum: 5, description, about }))
        }),
        {
          ...closed,
          description: 'an object with audio and video',
          about: 'How good it was for them, as you judge it.',
        },
      ),
    ),
  },
  {
    ...closed,
    minProperties: 1,
    description: `an object with one or more of ${[...lossNames, ...averageNames].join(', ')} and qualityScore`,
    about: 'What their media were like since the sample before. What was not measured is left out.',
  },
)
export type QualitySample = Type.Static<typeof QualitySample>
export type QualityScore = NonNullable<QualitySample['qualityScore']>

/** How many video streams of each height somebody received. */
export const ResolutionUsage = Type.Object(
  mapValues(streams, (about) => {
    const description = `a whole number from 0 to ${streamsMax}`
    return Type.Optional(Type.Integer({ minimum: 0, maximum: streamsMax, description, about }))
  }),
  {
    ...closed,
    description: `an object with one or more of the heights ${videoHeights.join(', ')}`,
    about: 'How many video streams of each height they received.',
  },
)
export type ResolutionUsage = Type.Static<typeof ResolutionUsage>

/** What is said of quality, whichever way it comes: a sample, and where it comes from, as far as that is known. */
export const QualityReport = Type.Object({
  stats: QualitySample,
  resolutionUsage: Type.Optional(ResolutionUsage),
  deviceInfo: Type.Optional(Texts('The browser or device that they use.', 'deviceName', 'deviceVersion')),
  sdkInfo: Type.Optional(Texts('The program that measured.', 'sdkName', 'sdkVersion')),
  location: Type.Optional(Texts('Where they are.', 'country', 'city', 'region')),
  network: Type.Optional(Texts('The network that they come from.', 'asn', 'org')),
})
export type QualityReport = Type.Static<typeof QualityReport>
export type QualityOrigin = Omit<QualityReport, 'stats' | 'resolutionUsage'>

// ---- what is answered, in the documented order of keys

const Latest = Time('When the latest sample in it was taken.')

export const QualityPoint = Type.Object(
  {
    time: Latest,
    ...mapValues(losses, (description) => Type.Integer({ format: 'int64', description })),
    ...mapValues({ ...durations, ...bitrates }, (description) => Type.Number({ description })),
    qualityScore: Type.Optional(
      Type.Object(
        mapValues(scores, (description) => Type.Optional(Type.Number({ description }))),
        { description: 'From 1 (bad) to 5 (excellent), where the reporter judged it.' },
      ),
    ),
  },
  {
    $id: 'QualityPoint',
    description: 'A sample, or several: their losses summed up, the means of the rest. What nobody measured is 0.',
  },
)
export type QualityPoint = Type.Static<typeof QualityPoint>

const shownOf = {
  sessionId: Type.String({ description: 'The session.' }),
  meetingId: Type.String({ description: 'The room’s own id.' }),
}
const Series = Type.Array(QualityPoint, { description: `In order of time, at most ${qualityPointsMax} points.` })

export const SessionQuality = Type.Object(
  { ...shownOf, stats: Series },
  { $id: 'SessionQuality', description: 'How the media of everybody in a session went.' },
)
export type SessionQuality = Type.Static<typeof SessionQuality>

export const ParticipantQuality = Type.Object(
  {
    ...shownOf,
    participantId: Type.String({ description: 'The participant.' }),
    participantName: Type.String({ description: 'The latest name that they were known by.' }),
    deviceInfo: Shown('The browser or device that they used.', 'deviceName', 'deviceVersion'),
    sdkInfo: Shown('The program that measured.', 'sdkName', 'sdkVersion'),
    location: Shown('Where they were.', 'country', 'city', 'region'),
    network: Shown('The network that they came from.', 'asn', 'org'),
    stats: Series,
    resolutionUsage: Type.Array(
      Type.Object({ ...mapValues(streams, (description) => Type.Integer({ description })), time: Latest }),
      { description: 'In order of time. Where a point holds several samples, the mean, rounded.' },
    ),
  },
  { $id: 'ParticipantQuality', description: 'How one participant’s media went, and where it was measured.' },
)
export type ParticipantQuality = Type.Static<typeof ParticipantQuality>

function Texts<Name extends string>(about: string, ...names: Name[]) {
  const description = `a text of at most ${originMaxLength} characters, none of them a control character`
  const Text = Type.Optional(Type.Refine(Type.String({ maxLength: originMaxLength, description }), isCleanId))
  return Type.Object(each(names, Text), { ...closed, description: `an object with ${names.join(' and ')}`, about })
}

function Shown<Name extends string>(description: string, ...names: Name[]) {
  return Type.Object(each(names, Type.String({ description: '`unknown` where nobody said.' })), { description })
}

function each<Name extends string, Schema extends TSchema>(names: Name[], schema: Schema) {
  return Object.fromEntries(names.map((name) => [name, schema])) as { [name in Name]: Schema }
}

function mapValues<Name extends PropertyKey, Schema extends TSchema>(
  texts: { [name in Name]: string },
  make: (text: string) => Schema,
) {
  const made = Object.entries<string>(texts).map(([name, text]) => [name, make(text)])
  return Object.fromEntries(made) as { [name in Name]: Schema }
}
