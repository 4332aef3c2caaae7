import { createHash } from 'node:crypto'
import type { Json, Parent, ParticipantKind, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../error.ts'
import { checkOf } from '../../runtime/check.ts'
import { requireBearer } from './bearer.ts'
import type { DeliveryHead, Engine, KnownSessions, ReportedFact, Sighting } from './engine.ts'
import { describeName, isSame, parseJson, reportUnknown, reportUnreadable, toId, toName } from './reported.ts'

// The callbacks of bbb-webhooks: a form whose `event` is a JSON array. They have no id, but each says when it was made, and
// says so again at each attempt.

const Text = Type.String({ minLength: 1 })
const Meeting = Type.Object({
  'internal-meeting-id': Text,
  'external-meeting-id': Type.Optional(Type.Union([Type.String(), Type.Null()])),
  'create-time': Type.Optional(Type.Integer({ minimum: 1 })),
})
const User = Type.Object({ 'internal-user-id': Text })
type User = Type.Static<typeof User> & { 'external-user-id'?: unknown; name?: unknown; bot?: unknown }
const Moment = Type.Object({ ts: Type.Integer({ minimum: 1 }) })
const checkOfMeeting = checkOf(
  Type.Object({ data: Type.Object({ attributes: Type.Object({ meeting: Meeting }), event: Moment }) }),
)
const checkOfUser = checkOf(
  Type.Object({ data: Type.Object({ attributes: Type.Object({ meeting: Meeting, user: User }), event: Moment }) }),
)
type OfMeeting = Type.Static<ReturnType<typeof checkOfMeeting.Type>>
type OfUser = Type.Static<ReturnType<typeof checkOfUser.Type>>

/** Events that tell of no coming or going; what is said and written in a meeting is among them. */
const otherEvents =
  /^(user-(audio|cam|presenter|emoji|raise-hand)|meeting-(recording|screenshare|presentation)|chat|pad|poll|rap|transcript)-/
/** Those that also come as somebody leaves, or when the meeting is over: recordings are published much later. */
const closingEvents =
  /^(rap|pad|transcript)-|-(voice-disabled|listen-only-disabled|broadcast-end|unassigned)$|^meeting-\w+-(stopped|ended)$/

/** What is kept of an event that is not understood. */
const keptFields = [
  'data.id',
  'data.attributes.meeting.internal-meeting-id',
  'data.attributes.meeting.external-meeting-id',
  'data.attributes.user.internal-user-id',
  'data.attributes.user.external-user-id',
  'data.event.ts',
]

/** The algorithm of a checksum, by its length in hex digits. */
const algorithms: { [length: number]: string } = { 40: 'sha1', 64: 'sha256', 96: 'sha384', 128: 'sha512' }

export const bigbluebutton: Engine<SourceSettings['bigbluebutton']> = {
  oneSessionPerRoom: 'usually',
  // Its requests time out after 5 s.
  maxWaitMs: 3000,

  verifyHead(head, { secret }) {
    if (head.headers.authorization !== undefined) return requireBearer(head.headers, secret)
    if (readChecksum(head) === undefined)
      refuse('there is neither a checksum at the end of its address nor an authorization header')
  },

  headProvesNothing: ({ headers }) => headers.authorization === undefined,

  verifyBody(delivery, { secret, callbackUrl }) {
    const signed = delivery.headers.authorization === undefined ? readChecksum(delivery) : undefined
    if (signed === undefined) return
    const { checksum, algorithm } = signed
    const { body, urls } = delivery
    const called = urls.map((url) => url.slice(0, -'?checksum='.length - checksum.length))
    // It signs the address that was registered, which a proxy in between may have changed.
    const isSigned = [...(callbackUrl === undefined ? [] : [callbackUrl]), ...called].some((url) =>
      isSame(checksum.toLowerCase(), createHash(algorithm).update(url).update(body).update(secret).digest('hex')),
    )
    if (!isSigned) {
      refuse(`the checksum is not of its secret and the address ${called[0]}: register that one, or set callbackUrl`)
    }
  },

  normalise({ body }) {
    const { events, sentAt } = readBody(body)
    if (!Array.isArray(events)) {
      return { facts: [reportUnreadable(body, 'without a list of events')], ignored: 0 }
    }
    const read = events.map(readEvent)
    const facts = read.filter((one) => one !== undefined)
    const sightings = events.flatMap(readSightings)
    const ignored = read.length - facts.length
    return { facts, sightings, ignored, sentAt: sentAt ?? latestOf([...facts, ...sightings]) }
  },

  async complete(facts, known) {
    const placed = await placeMeetings(facts, known)
    return assignLeaves(await nameInBreakouts(placed, known), known)
  },

  describeSetup: (url) =>
    `# on the BigBlueButton server; again whenever it could not reach this one for five minutes, which is harmless at any time
BBB=$(bbb-conf --secret | awk '/URL:/ {print $2}')
SECRET=$(bbb-conf --secret | awk '/Secret:/ {print $2}')
QUERY='callbackURL=${encodeURIComponent(url)}'
curl "\${BBB}api/hooks/create?$QUERY&checksum=$(printf %s "hooks/create$QUERY$SECRET" | sha256sum | cut -d ' ' -f 1)"`,
}

/** At the end of the address. */
function readChecksum({ urls }: DeliveryHead): { checksum: string; algorithm: string } | undefined {
  const [, checksum = ''] = /[?&]checksum=([0-9a-f]+)$/i.exec(urls[0] ?? '') ?? []
  const algorithm = algorithms[checksum.length]
  return algorithm === undefined ? undefined : { checksum, algorithm }
}

/** A breakout room as its creation tells of it, by the fact of that. */
const breakouts = new WeakMap<ReportedFact, { parentKey: string; name: string }>()
/** The external id that BigBlueButton makes for a breakout room: a digest and a time. */
const breakoutId = /^[0-9a-f]{40}-\d{13}$/
/** And the external id of somebody in it: their internal one in the main room, and a number. */
const breakoutUserId = /^(.+)-\d+$/

/** Puts a breakout room below its main room, and an event that lacks the external id where its meeting is. */
async function placeMeetings(facts: ReportedFact[], { findRoomName }: KnownSessions): Promise<ReportedFact[]> {
  const placed = new Map<string, string>()
  const find = async (sessionKey: string) => placed.get(sessionKey) ?? (await findRoomName(sessionKey))
  const all: ReportedFact[] = []
  for (const one of facts) {
    const { roomId, sessionKey = '' } = one
    const breakout = breakouts.get(one)
    let parent: Parent | undefined
    if (breakout !== undefined) {
      const main = (await find(breakout.parentKey)) ?? breakout.parentKey
      placed.set(sessionKey, toId(`${main}/${breakout.name}`))
      parent = { roomId: main, sessionKey: breakout.parentKey }
    } else if (sessionKey !== '' && roomId !== '' && !breakoutId.test(roomId)) placed.set(sessionKey, roomId)
    const isOdd = sessionKey !== '' && (roomId === '' || breakoutId.test(roomId))
    const name = isOdd ? ((await find(sessionKey)) ?? (roomId === '' ? sessionKey : roomId)) : roomId
    all.push({ ...one, roomId: name, ...(parent !== undefined && { parent }) } as ReportedFact)
  }
  return all
}

/** Gives whoever is in a breakout room the id that they have in the main room. */
async function nameInBreakouts(facts: ReportedFact[], known: KnownSessions): Promise<ReportedFact[]> {
  const all: ReportedFact[] = []
  for (const one of facts) {
    const isOfPerson = one.type === 'participant-joined' || one.type === 'participant-left'
    const [, internalId] = isOfPerson && one.roomId.includes('/') ? (breakoutUserId.exec(one.participantId) ?? []) : []
    const who = internalId === undefined ? undefined : await findInMainRoom(one.roomId, internalId, known)
    all.push(who === undefined ? one : ({ ...one, participantId: who } as ReportedFact))
  }
  return all
}

/** Names of rooms may have slashes themselves: each that may be the main room is asked. */
async function findInMainRoom(roomId: string, internalId: string, known: KnownSessions): Promise<string | undefined> {
  for (let end = roomId.lastIndexOf('/'); end > 0; end = roomId.lastIndexOf('/', end - 1)) {
    const main = roomId.slice(0, end)
    for (const { sessionKey } of await known.listSessions(main)) {
      const who = await known.findParticipant(main, sessionKey, internalId)
      if (who !== undefined) return who
    }
  }
  return undefined
}

/**
 * Assigns a leave to whoever joined under the same internal id: the external id, which identifies a person, is sometimes
 * missing from a leave, or another person's.
 */
async function assignLeaves(facts: ReportedFact[], { findParticipant }: KnownSessions): Promise<ReportedFact[]> {
  const joined = new Map<string, string>()
  const completed: ReportedFact[] = []
  for (const one of facts) {
    if (one.type === 'participant-joined') joined.set(one.connectionId ?? '', one.participantId)
    if (one.type !== 'participant-left') completed.push(one)
    else {
      const { roomId, sessionKey = '', connectionId = '' } = one
      const who = joined.get(connectionId) ?? (await findParticipant(roomId, sessionKey, connectionId))
      completed.push({ ...one, participantId: who ?? one.participantId })
    }
  }
  return completed
}

/** A bare list does not say when it was sent: that was after what it tells of. */
function latestOf(told: { at: number }[]): number | undefined {
  const latestAt = Math.max(0, ...told.map(({ at }) => at))
  return latestAt === 0 ? undefined : latestAt
}

/** A form, or with some settings the bare list. */
function readBody(body: Buffer): { events: Json | undefined; sentAt?: number } {
  const text = body.toString()
  if (text.trimStart().startsWith('[')) return { events: parseJson(text) }
  const form = new URLSearchParams(text)
  const sentAt = Number(form.get('timestamp') ?? 0)
  return { events: parseJson(form.get('event') ?? ''), ...(sentAt > 0 && { sentAt }) }
}

/** Undefined for what says nothing of attendance. */
function readEvent(event: Json): ReportedFact | undefined {
  const { data, envelope } = (event ?? {}) as { data?: { id?: unknown }; envelope?: unknown }
  // With `getRaw` it also sends its internal messages.
  if (data === undefined && envelope !== undefined) return undefined
  const name = data?.id
  if (typeof name === 'string' && otherEvents.test(name)) return undefined
  switch (name) {
    case 'meeting-created':
      if (!checkOfMeeting.Check(event)) break
      return readCreated(event)
    case 'meeting-ended':
      if (!checkOfMeeting.Check(event)) break
      return { type: 'session-ended', ...placeOf(event), at: event.data.event.ts }
    case 'user-joined':
      if (!checkOfUser.Check(event)) break
      return { type: 'participant-joined', ...describeUser(event), at: event.data.event.ts }
    case 'user-left':
      if (!checkOfUser.Check(event)) break
      return { type: 'participant-left', ...describeUser(event), at: event.data.event.ts }
    default:
      return reportUnknown(event, keptFields, `an event ${describeName(name)} is not known`)
  }
  return reportUnknown(event, keptFields, `an event ${name} without what it takes`)
}

/** What an event shows that tells of no coming or going. */
function readSightings(event: Json): Sighting[] {
  const name = (event as { data?: { id?: unknown } } | null)?.data?.id
  if (typeof name !== 'string' || !otherEvents.test(name) || closingEvents.test(name)) return []
  if (name.startsWith('user-') && checkOfUser.Check(event)) {
    const { roomId, sessionKey, ...participant } = describeUser(event)
    return [{ roomId, sessionKey, at: event.data.event.ts, participant }]
  }
  return checkOfMeeting.Check(event) ? [{ ...placeOf(event), at: event.data.event.ts }] : []
}

function readCreated(event: OfMeeting): ReportedFact {
  const meeting: OfMeeting['data']['attributes']['meeting'] & { [name: string]: unknown } =
    event.data.attributes.meeting
  const { 'create-time': createdAt, 'is-breakout': isBreakout, 'parent-id': parentKey, name } = meeting
  const created: ReportedFact = { type: 'session-started', ...placeOf(event), at: createdAt ?? event.data.event.ts }
  if (isBreakout === true && typeof parentKey === 'string' && typeof name === 'string') {
    breakouts.set(created, { parentKey: toId(parentKey), name })
  }
  return created
}

/** The room is empty where the event does not name it. */
function placeOf({ data: { attributes } }: OfMeeting) {
  const { meeting } = attributes
  const externalId = meeting['external-meeting-id'] ?? ''
  return { roomId: externalId === '' ? '' : toId(externalId), sessionKey: toId(meeting['internal-meeting-id']) }
}

function describeUser(event: OfUser) {
  const user: User = event.data.attributes.user
  const { 'internal-user-id': internalId, 'external-user-id': externalId, name, bot } = user
  // The external id is the application's own id of a person; the internal one is new at each join.
  const isKnown = typeof externalId === 'string' && externalId !== ''
  return {
    ...placeOf(event),
    participantId: toId(isKnown ? externalId : internalId),
    connectionId: toId(internalId),
    ...toName(typeof name === 'string' ? name : undefined),
    kind: toKind(internalId, bot),
  }
}

/** Whoever dials in has an internal id that begins with `v_`. */
function toKind(internalId: string, bot: unknown): ParticipantKind {
  if (bot === true) return 'bot'
  return internalId.startsWith('v_') ? 'sip' : 'person'
}

function refuse(why: string): never {
  throw new Refusal('SIGNATURE_INVALID', `This is not signed by BigBlueButton: ${why}`)
}
