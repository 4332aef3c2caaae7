import { verify } from 'node:crypto'
import type { Json, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../error.ts'
import { checkOf } from '../../runtime/check.ts'
import type { Delivery, DeliveryHead, Engine, Report, ReportedFact, Sighting } from './engine.ts'
import type { PublicKeys } from './public-keys.ts'
import { describeName, parseJson, reportUnknown, reportUnreadable, toId, toName } from './reported.ts'

// VideoSDK's webhooks, and those of another Rollcall, which are the same and say when it happened.

/** VideoSDK's own public key. */
export const videosdkKeyUrl = 'https://api.videosdk.live/v2/public/rsa-public-key'

const Text = Type.String({ minLength: 1 })
const ofAny = { meetingId: Text, sessionId: Text, at: Type.Optional(Type.String()) }
const checkOfSession = checkOf(Type.Object({ data: Type.Object(ofAny) }))
const checkStarted = checkOf(Type.Object({ data: Type.Object({ ...ofAny, start: Text }) }))
const checkEnded = checkOf(Type.Object({ data: Type.Object({ ...ofAny, start: Type.Optional(Text), end: Text }) }))
const OfParticipant = Type.Object({
  data: Type.Object({
    ...ofAny,
    participantId: Text,
    participantName: Type.Optional(Type.String()),
    reason: Type.Optional(Type.String()),
  }),
})
const checkOfParticipant = checkOf(OfParticipant)

/** Events that tell of no coming or going. */
const otherEvents = /^(agent-session|recording|participant-recording|livestream|hls|transcription)-/

/** Those that show that the session runs: their ends may come when it is over. */
const startingEvents = /-started$/

/** What is kept of a webhook that is not understood. */
const keptFields = [
  'webhookType',
  'data.meetingId',
  'data.sessionId',
  'data.participantId',
  'data.at',
  'data.start',
  'data.end',
]

export function createVideosdk(publicKeys: PublicKeys): Engine<SourceSettings['videosdk']> {
  return {
    oneSessionPerRoom: 'usually',
    maxWaitMs: 3000,

    verifyHead(head) {
      readSignature(head)
    },

    headProvesNothing: () => true,

    async verifyBody(delivery, { publicKeyUrl = videosdkKeyUrl }) {
      const { body } = delivery
      const bytes = readSignature(delivery)
      const fits = await publicKeys.fits(publicKeyUrl, (key) => verify('RSA-SHA256', body, key, bytes))
      if (!fits) refuse(`the key at ${publicKeyUrl} does not fit its signature`)
    },

    normalise(delivery) {
      const report = readWebhook(delivery)
      const saidAt = [...report.facts, ...(report.sightings ?? [])].map(({ at }) => at).filter(isSaid)
      return saidAt.length === 0 ? report : { ...report, sentAt: Math.max(...saidAt) }

      /** Neither unknown nor that of the arrival. */
      function isSaid(at: number): boolean {
        return at !== 0 && at !== delivery.receivedAt
      }
    },

    describeSetup: (url) =>
      `# for each room, when it is made; or for all of them, in VideoSDK's dashboard
POST https://api.videosdk.live/v2/rooms
{"webhook":{"endPoint":"${url}","events":["session-started","session-ended","participant-joined","participant-left"]}}`,
  }
}

function readSignature({ headers }: DeliveryHead): Buffer {
  const signature = headers['videosdk-signature']
  if (typeof signature !== 'string') refuse('there is no videosdk-signature header')
  return Buffer.from(signature, 'base64')
}

function readWebhook({ body, receivedAt }: Delivery): Report {
  const event = parseJson(body.toString())
  if (event === undefined) return toReport(reportUnreadable(body, 'that are no JSON'))
  const name = (event as { webhookType?: unknown } | null)?.webhookType
  if (typeof name === 'string' && otherEvents.test(name)) {
    return { facts: [], sightings: startingEvents.test(name) ? readSightings(event, receivedAt) : [], ignored: 1 }
  }
  switch (name) {
    case 'session-started':
      if (!checkStarted.Check(event) || Number.isNaN(Date.parse(event.data.start))) break
      return toReport({ type: 'session-started', ...placeOf(event), at: Date.parse(event.data.start) })
    case 'session-ended': {
      if (!checkEnded.Check(event) || Number.isNaN(Date.parse(event.data.end))) break
      const { start = '', end } = event.data
      const ended: ReportedFact = { type: 'session-ended', ...placeOf(event), at: Date.parse(end) }
      if (Number.isNaN(Date.parse(start))) return toReport(ended)
      return toReport({ type: 'session-started', ...placeOf(event), at: Date.parse(start) }, ended)
    }
    case 'participant-joined':
      if (!checkOfParticipant.Check(event)) break
      return toReport({ type: 'participant-joined', ...describeParticipant(event, receivedAt) })
    case 'participant-left': {
      if (!checkOfParticipant.Check(event)) break
      const { reason, at } = event.data
      return toReport({
        type: 'participant-left',
        ...describeParticipant(event, receivedAt),
        ...(Number.isNaN(Date.parse(at ?? '')) && { isUndated: true }),
        ...(reason !== undefined && { reason }),
      })
    }
    default:
      return toReport(reportUnknown(event, keptFields, `a webhook ${describeName(name)} is not known`))
  }
  return toReport(reportUnknown(event, keptFields, `a webhook ${name} without what it takes`))
}

function readSightings(event: Json, receivedAt: number): Sighting[] {
  if (checkOfParticipant.Check(event)) {
    const { roomId, sessionKey, participantId, at } = describeParticipant(event, receivedAt)
    return [{ roomId, sessionKey, at, participant: { participantId } }]
  }
  if (!checkOfSession.Check(event)) return []
  const at = Date.parse(event.data.at ?? '')
  return [{ ...placeOf(event), at: Number.isNaN(at) ? receivedAt : at }]
}

function placeOf({ data: { meetingId, sessionId } }: { data: { meetingId: string; sessionId: string } }) {
  return { roomId: toId(meetingId), sessionKey: toId(sessionId) }
}

/**
 * VideoSDK's webhooks have neither a time nor an id. The time is then that of arrival, and a repeated webhook is harmless: a
 * join of somebody who is inside changes nothing.
 */
function describeParticipant(event: Type.Static<typeof OfParticipant>, receivedAt: number) {
  const { participantId, participantName, at: saidAt = '' } = event.data
  const at = Date.parse(saidAt)
  return {
    ...placeOf(event),
    participantId: toId(participantId),
    ...toName(participantName),
    at: Number.isNaN(at) ? receivedAt : at,
  }
}

function toReport(...facts: ReportedFact[]): Report {
  return { facts, ignored: 0 }
}

function refuse(why: string): never {
  throw new Refusal('SIGNATURE_INVALID', `This is not signed by VideoSDK: ${why}`)
}
