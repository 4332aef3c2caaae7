import { createHmac, hash } from 'node:crypto'
import type { Json, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../../error.ts'
import { checkOf } from '../../../runtime/check.ts'
import type { Delivery, DeliveryHead, Engine, Report, ReportedFact, Sighting } from '../engine.ts'
import { describeName, isSame, parseJson, reportUnknown, reportUnreadable, toId, toName } from '../reported.ts'
import { livekitApi } from './api.ts'
import { createDelays, type Delays } from './delays.ts'
import { toMediaToggled, toRecordingToggled } from './media.ts'
import { readTime, toKind, toMs } from './participant.ts'

// LiveKit's webhooks: JSON as protobuf writes it. What is zero is left out, a 64-bit number is a text, an enum is a name.
// They are read as they are, not through LiveKit's own types, to which a kind they do not know yet is an ordinary person.

const Int64 = Type.Union([Type.String({ pattern: '^\\d{1,19}$' }), Type.Integer()])
const Participant = Type.Object({
  sid: Type.String({ minLength: 1 }),
  identity: Type.String({ minLength: 1 }),
  name: Type.Optional(Type.String()),
  kind: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  joinedAt: Type.Optional(Int64),
  joinedAtMs: Type.Optional(Int64),
  region: Type.Optional(Type.String()),
  disconnectReason: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  permission: Type.Optional(
    Type.Object({
      hidden: Type.Optional(Type.Boolean()),
      recorder: Type.Optional(Type.Boolean()),
      agent: Type.Optional(Type.Boolean()),
    }),
  ),
})
const Room = Type.Object({
  sid: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  creationTime: Type.Optional(Int64),
  creationTimeMs: Type.Optional(Int64),
})
const ofAny = { id: Type.Optional(Type.String({ minLength: 1 })), createdAt: Int64, room: Room }
const checkRoomEvent = checkOf(Type.Object({ event: Type.String(), ...ofAny }))
const checkParticipantEvent = checkOf(Type.Object({ event: Type.String(), ...ofAny, participant: Participant }))
const checkSightedEvent = checkOf(
  Type.Object({
    ...ofAny,
    participant: Type.Object({ sid: Type.String({ minLength: 1 }), identity: Type.String({ minLength: 1 }) }),
  }),
)
type RoomEvent = Type.Static<ReturnType<typeof checkRoomEvent.Type>>
type ParticipantEvent = Type.Static<ReturnType<typeof checkParticipantEvent.Type>>

/** Events of whoever is inside, which tell of no coming or going. */
const eventsOfInside = /^track_\w+$/
/**
 * Events that show that the room is there, and of nobody that they are inside: whoever never got in joined nothing, their
 * connection was given up.
 */
const eventsOfRoom = /^participant_connection_aborted$/
/** Events that may come when the room is long over. */
const otherEvents = /^(egress|ingress|agent_job)_\w+$/
/** A room that starts so long after its creation started before, in milliseconds: both times are cut to seconds at times. */
const startsAgainMs = 2000

/** What is kept of an event that is not understood. */
const keptFields = ['event', 'id', 'createdAt', 'room.sid', 'room.name', 'participant.sid', 'participant.identity']

export function createLivekit(): Engine<SourceSettings['livekit']> {
  const delays = createDelays()
  /** The last JWT's header that names the right algorithm: nearly all have the same. */
  let fittingHeader: string | undefined

  return {
    oneSessionPerRoom: 'usually',
    oneConnectionPerPerson: true,
    leavesPrecedeEnd: true,
    // LiveKit waits for as long as it takes, while what it has to say of the room waits behind; after 30 s that is dropped.
    maxWaitMs: 5000,
    api: livekitApi,

    verifyHead(head, { apiKey, secret }) {
      const { headers } = head
      const [header = '', payload = '', signature = '', ...more] = (headers.authorization ?? '').split('.')
      if (headers.authorization === undefined) refuse('there is no authorization header')
      const isHs256 = header === fittingHeader || readPart(header)?.alg === 'HS256'
      if (more.length > 0 || !isHs256) refuse('the authorization header is no JWT of HS256')
      fittingHeader = header
      const claims = claimsOf(head)
      if (claims.iss !== apiKey) {
        const named = typeof claims.iss === 'string' ? `the API key ${toId(claims.iss)}` : 'no API key'
        refuse(`the JWT names ${named}, which is another than this source has`)
      }
      const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')
      if (!isSame(signature, expected)) refuse('the JWT is not signed with the secret of this source')
      // When it was made, and until when it is good, is not asked: LiveKit drops what is refused, and a clock that is wrong
      // would lose everything. How wrong it is shows in the source's health. Replays are caught by the event's id.
    },

    verifyBody(delivery) {
      if (!isSame(String(claimsOf(delivery).sha256), hash('sha256', delivery.body, 'base64')))
        refuse('the JWT was made for another body')
    },

    normalise(delivery, sourceId) {
      return { ...dateByArrival(readEvent(delivery), delays, delivery, sourceId), sentAt: readSentAt(delivery) }
    },

    describeSetup: (url, { apiKey }) =>
      `# livekit.yaml; through a redirect, such as from http to https, LiveKit loses every event and does not say so
webhook:
  api_key: ${apiKey}
  urls:
    - ${url}`,
  }
}

/** The times that LiveKit cuts to seconds, by the arrival as exactly as it tells. */
function dateByArrival(report: Report, delays: Delays, { receivedAt }: Delivery, sourceId: string): Report {
  let isDatedByArrival = false
  const facts = report.facts.map((fact) => {
    if (fact.type !== 'participant-left' && fact.type !== 'session-ended') {
      if (fact.type !== 'unknown') delays.note(sourceId, fact.at, receivedAt)
      return fact
    }
    delays.note(sourceId, fact.at, receivedAt)
    // Whoever joins anew is inside, by LiveKit, before the leave of their older connection is through: these two would overlap.
    if (fact.reason === 'DUPLICATE_IDENTITY') return fact
    isDatedByArrival = true
    return { ...fact, at: delays.date(sourceId, fact.at, receivedAt) }
  })
  return isDatedByArrival ? { ...report, facts, isDatedByArrival } : report
}

function readEvent({ body }: Delivery): Report {
  const event = parseJson(body.toString())
  if (event === undefined) return toReport(reportUnreadable(body, 'that are no JSON'))
  const { event: name, id } = (event ?? {}) as { event?: unknown; id?: unknown }
  const factId = typeof id === 'string' && id !== '' ? toId(id) : undefined
  if (name === 'track_published' || name === 'track_unpublished') {
    const toggled = toMediaToggled(event)
    if (toggled !== undefined) return toReport(toggled)
  }
  if (name === 'egress_started' || name === 'egress_ended') {
    const toggled = toRecordingToggled(event)
    if (toggled !== undefined) return toReport(toggled)
  }
  if (typeof name === 'string' && (eventsOfInside.test(name) || eventsOfRoom.test(name))) {
    return { facts: [], sightings: readSightings(event, eventsOfInside.test(name)), ignored: 1 }
  }
  if (typeof name === 'string' && otherEvents.test(name)) return { facts: [], ignored: 1 }
  switch (name) {
    case 'room_started':
      if (!checkRoomEvent.Check(event)) break
      return { facts: toSessionStarted(event), ignored: 0 }
    case 'room_finished':
      if (!checkRoomEvent.Check(event)) break
      return toReport(toSessionEnded(event))
    case 'participant_joined':
    case 'participant_left':
      if (!checkParticipantEvent.Check(event)) break
      return toReport(name === 'participant_joined' ? toParticipantJoined(event) : toParticipantLeft(event))
    default:
      return toReport(reportUnknown(event, keptFields, `an event ${describeName(name)} is not known`, factId))
  }
  return toReport(reportUnknown(event, keptFields, `an event ${name} without what it takes`, factId))
}

function toReport(fact: ReportedFact): Report {
  return { facts: [fact], ignored: 0 }
}

/** @param isOfInside the participant of the event, where it names one, is inside */
function readSightings(event: Json, isOfInside: boolean): Sighting[] {
  if (isOfInside && checkSightedEvent.Check(event)) {
    const { id: _, ...place } = aboutRoom(event)
    const { sid, identity } = event.participant
    const participant = { participantId: toId(identity), connectionId: toId(sid) }
    return [{ ...place, at: toMs(event.createdAt), participant }]
  }
  if (!checkRoomEvent.Check(event)) return []
  const { id: _, ...place } = aboutRoom(event)
  return [{ ...place, at: toMs(event.createdAt) }]
}

function toSessionStarted(event: RoomEvent): ReportedFact[] {
  const { creationTimeMs, creationTime } = event.room
  const place = aboutRoom(event)
  const createdAt = readTime(creationTimeMs, creationTime, event.createdAt)
  const startedAt = toMs(event.createdAt)
  const facts: ReportedFact[] = [{ type: 'session-started', ...place, at: createdAt }]
  if (startedAt - createdAt < startsAgainMs) return facts
  // With Redis the room outlives a LiveKit that is killed, and starts again with nobody in it.
  const { id, sessionKey: _, ...room } = place
  facts.push({ type: 'source-started', ...(id !== undefined && { id: toId(`${id} again`) }), ...room, at: startedAt })
  return facts
}

function toSessionEnded(event: RoomEvent): ReportedFact {
  return { type: 'session-ended', ...aboutRoom(event), at: toMs(event.createdAt) }
}

function toParticipantJoined(event: ParticipantEvent): ReportedFact {
  const { joinedAtMs, joinedAt } = event.participant
  return {
    type: 'participant-joined',
    ...aboutParticipant(event),
    at: readTime(joinedAtMs, joinedAt, event.createdAt),
  }
}

function toParticipantLeft(event: ParticipantEvent): ReportedFact {
  const { joinedAtMs, joinedAt, disconnectReason } = event.participant
  const since = readTime(joinedAtMs, joinedAt)
  // Whoever failed to join was never inside, though LiveKit gives a time.
  const wasInside = since > 0 && disconnectReason !== 'JOIN_FAILURE'
  return {
    type: 'participant-left',
    ...aboutParticipant(event),
    at: toMs(event.createdAt),
    ...(wasInside && { joinedAt: since }),
    ...(disconnectReason !== undefined && { reason: String(disconnectReason) }),
  }
}

function aboutRoom({ id, room }: Pick<RoomEvent, 'id' | 'room'>) {
  return { ...(id !== undefined && { id: toId(id) }), roomId: toId(room.name), sessionKey: toId(room.sid) }
}

function aboutParticipant(event: ParticipantEvent) {
  const { sid, identity, name, region } = event.participant
  return {
    ...aboutRoom(event),
    participantId: toId(identity),
    connectionId: toId(sid),
    ...toName(name),
    kind: toKind(event.participant),
    ...(region !== undefined && region !== '' && { region: toId(region) }),
  }
}

/** When the JWT was made, which is when LiveKit began to send. */
function readSentAt(delivery: Delivery): number | undefined {
  const notBefore = claimsOf(delivery).nbf
  return typeof notBefore === 'number' ? notBefore * 1000 : undefined
}

/** What the JWT of a delivery says, read once; nothing where it is none. */
function claimsOf(head: DeliveryHead): Part {
  head.claims ??= readPart(head.headers.authorization?.split('.')[1] ?? '') ?? {}
  return head.claims
}

type Part = { [name: string]: unknown }

/** Header or payload of a JWT; undefined where it is none. */
function readPart(part: string): Part | undefined {
  const read = parseJson(Buffer.from(part, 'base64url').toString())
  return typeof read === 'object' && read !== null && !Array.isArray(read) ? read : undefined
}

function refuse(why: string): never {
  throw new Refusal('SIGNATURE_INVALID', `This is not signed by LiveKit: ${why}`)
}
