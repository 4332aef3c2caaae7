import type { ParticipantKind, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { requireBearer } from './bearer.ts'
import type { Engine, KnownSession, Report, ReportedFact } from './engine.ts'
import { parseJson, reportUnknown, reportUnreadable, toId, toName } from './reported.ts'

// The events of `event_sync`, a module for Prosody (github.com/jitsi-contrib/prosody-plugins). They come in no order, each
// in a request of its own; times are whole seconds, and a leave says again when the join was.

const Seconds = Type.Number({ exclusiveMinimum: 0 })
const Text = Type.String({ minLength: 1 })
const ofRoom = {
  room_jid: Text,
  room_name: Type.Optional(Text),
  is_breakout: Type.Optional(Type.Boolean()),
  breakout_room_id: Type.Optional(Text),
}
const Room = Type.Object(ofRoom)
type Room = Type.Static<typeof Room>
const Occupant = Type.Object({ occupant_jid: Text, joined_at: Seconds, left_at: Type.Optional(Seconds) })
type Occupant = Type.Static<typeof Occupant> & { name?: unknown; id?: unknown }
const checkCreated = Compile(Type.Object({ ...ofRoom, created_at: Seconds }))
const checkOccupant = Compile(Type.Object({ ...ofRoom, occupant: Occupant }))
const checkDestroyed = Compile(Type.Object({ ...ofRoom, created_at: Seconds, destroyed_at: Seconds }))
const checkListed = Compile(Occupant)

/** What is kept of an event that is not understood. */
const keptFields = [
  'event_name',
  'room_jid',
  'breakout_room_id',
  'created_at',
  'destroyed_at',
  'occupant.occupant_jid',
  'occupant.id',
  'occupant.joined_at',
  'occupant.left_at',
]

/** A first join may be dated up to this long before the creation of its room, in milliseconds. */
const leadMs = 5000
/** A join may arrive this long after a later one, in milliseconds: Prosody tries again for so long, with some to spare. */
const retryMs = 600_000

export const jitsi: Engine<SourceSettings['jitsi']> = {
  oneSessionPerRoom: 'always',
  // Prosody gives up after 20 s by default, 10 s in its manual's example, and then does not try again.
  maxWaitMs: 5000,
  // Longer than `api_retry_delay` below: an event under way has come by then.
  reorderWindowMs: 4000,

  verify({ headers }, { secret }) {
    requireBearer(headers, secret)
  },

  normalise({ body }) {
    const event = parseJson(body.toString())
    if (event === undefined) return toReport(reportUnreadable(body, 'that are no JSON'))
    switch ((event as { event_name?: unknown } | null)?.event_name) {
      case 'muc-room-created':
        if (!checkCreated.Check(event)) break
        return toReport(
          { type: 'session-started', ...placeOf(event, event.created_at), at: toMs(event.created_at) },
          event.created_at,
        )
      case 'muc-occupant-joined':
        if (!checkOccupant.Check(event)) break
        return toReport(toParticipantJoined(event, event.occupant, event.occupant.joined_at), event.occupant.joined_at)
      case 'muc-occupant-left':
        if (!checkOccupant.Check(event) || event.occupant.left_at === undefined) break
        return toReport(
          toParticipantLeft(event, event.occupant, event.occupant.joined_at, event.occupant.left_at),
          event.occupant.left_at,
        )
      case 'muc-room-destroyed':
        if (!checkDestroyed.Check(event)) break
        return readRoomDestroyed(event, event)
    }
    return toReport(
      reportUnknown(event, keptFields, 'not one of the four events of event_sync, or without what it takes'),
    )
  },

  /** Only the room's own events name its session: events of people are assigned to one by their time. */
  async complete(facts, { listSessions }, mayWait) {
    const [named] = facts.filter(({ sessionKey }) => sessionKey !== undefined)
    if (named?.sessionKey === undefined) return facts
    const isOfRoom = facts.some(({ type }) => type === 'session-started' || type === 'session-ended')
    const sessions = await listSessions(named.roomId)
    const known = isOfRoom
      ? findLife(sessions, named.sessionKey, spanOf(facts))
      : findLifeAround(sessions, spanOf(facts))
    // The creation of a room and the first join are sent at the same moment.
    if (known === undefined && !isOfRoom && mayWait) return undefined
    // Of a life that is known by people alone the key is no creation's.
    const sessionKey = known ?? (isOfRoom ? named.sessionKey : `${named.sessionKey}~`)
    return facts.map((one) => (one.sessionKey === undefined ? one : { ...one, sessionKey }))
  },

  describeSetup: (url, _, secret = 'the secret it was given') =>
    `-- /etc/prosody/conf.d/<your domain>.cfg.lua
Component "esync.<your domain>" "event_sync_component"
    muc_component = "conference.<your domain>"
    breakout_component = "breakout.<your domain>"
    api_prefix = "${url}"
    api_headers = { ["Authorization"] = "Bearer ${secret}"; }
    api_retry_count = 100
    api_retry_delay = 3`,
}

type Span = { from: number; to: number | undefined }

/** The time that a delivery tells of: from the creation of a room to its end, or from a join to the leave. */
function spanOf(facts: ReportedFact[]): Span {
  const room = facts.find(({ type }) => type === 'session-started')
  const [first] = facts
  if (room !== undefined) return { from: room.at, to: facts.find(({ type }) => type === 'session-ended')?.at }
  if (first?.type === 'participant-left') return { from: first.joinedAt ?? first.at, to: first.at }
  return { from: first?.at ?? 0, to: first?.at }
}

/**
 * The life of a room that was created at `from`: the one that is known by that, or else one that is known by people alone, whose
 * creation it may be. A life that has a creation of its own is another.
 * @param sessions newest start first
 * @param own the second of its creation, which is its key where nothing was known of it before
 */
function findLife(
  sessions: KnownSession[],
  own: string,
  { from, to = Number.POSITIVE_INFINITY }: Span,
): string | undefined {
  const known = sessions.find(({ sessionKey, saidAt }) => sessionKey === own || saidAt === from)
  const nextAt = Math.min(to, ...sessions.filter(({ saidAt }) => saidAt > from).map(({ saidAt }) => saidAt))
  const guessed = sessions.findLast(({ saidAt, startAt }) => saidAt === 0 && startAt >= from && startAt <= nextAt)
  return (known ?? guessed)?.sessionKey
}

/** The life of a room that somebody was inside in: the one that ran when they came, or else began while they were there. */
function findLifeAround(sessions: KnownSession[], { from, to = from }: Span): string | undefined {
  const running = sessions.find(({ startAt, endedAt }) => startAt <= from && (endedAt === null || from < endedAt))
  const begun = sessions.findLast(({ startAt }) => startAt >= from)
  const isBegun = begun !== undefined && begun.startAt <= Math.max(to, from + (begun.saidAt === 0 ? retryMs : leadMs))
  return (running ?? (isBegun ? begun : undefined))?.sessionKey
}

/** A destroyed room comes with everybody who was ever inside. */
function readRoomDestroyed(
  room: Room,
  event: { created_at: number; destroyed_at: number; all_occupants?: unknown },
): Report {
  const { created_at, destroyed_at, all_occupants } = event
  // Lua writes an empty list as an empty object.
  const listed: unknown[] = Array.isArray(all_occupants) ? all_occupants : []
  const stays = listed.filter((one): one is Occupant => checkListed.Check(one))
  return {
    facts: [
      { type: 'session-started', ...placeOf(room, created_at), at: toMs(created_at) },
      ...stays.map((one) =>
        one.left_at === undefined
          ? toParticipantJoined(room, one, created_at)
          : toParticipantLeft(room, one, created_at, one.left_at),
      ),
      { type: 'session-ended', ...placeOf(room, created_at), at: toMs(destroyed_at) },
    ],
    ignored: listed.length - stays.length,
    sentAt: toMs(destroyed_at),
  }
}

function toParticipantJoined(room: Room, occupant: Occupant, second: number): ReportedFact {
  return {
    type: 'participant-joined',
    ...placeOf(room, second),
    ...describeOccupant(occupant),
    at: toMs(occupant.joined_at),
  }
}

function toParticipantLeft(room: Room, occupant: Occupant, second: number, leftAt: number): ReportedFact {
  return {
    type: 'participant-left',
    ...placeOf(room, second),
    ...describeOccupant(occupant),
    at: toMs(leftAt),
    joinedAt: toMs(occupant.joined_at),
  }
}

/** Events of a breakout name its main room, and the breakout beside it: it is a room of its own. */
function placeOf({ room_jid, room_name, is_breakout, breakout_room_id }: Room, second: number) {
  const name = decode(room_name ?? room_jid.split('@', 1)[0] ?? room_jid)
  const isBreakout = is_breakout === true && breakout_room_id !== undefined
  return { roomId: toId(isBreakout ? `${name}/${breakout_room_id}` : name), sessionKey: String(second) }
}

/** Jitsi names rooms in JIDs, which it encodes as an address. */
function decode(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch (error) {
    // A name with a `%` that encodes nothing.
    if (error instanceof URIError) return name
    throw error
  }
}

/** Only a JWT identifies a person; without one each connection counts as a person. */
function describeOccupant({ occupant_jid, id, name }: Occupant) {
  return {
    participantId: toId(toText(id) ?? occupant_jid),
    connectionId: toId(occupant_jid),
    ...toName(toText(name)),
    kind: toKind(occupant_jid),
  }
}

/**
 * What an occupant is, by the address that they are signed in with. Components have a domain of their own: `recorder.<domain>`
 * (in older set-ups `hidden.<domain>`) for what Jibri records, `auth.<domain>` for the others. Anybody else is a person.
 */
function toKind(jid: string): ParticipantKind {
  const [, user = '', domain = ''] = /^(?:([^@/]*)@)?([^/.]*)/.exec(jid) ?? []
  switch (domain) {
    case 'recorder':
    case 'hidden':
      return user.startsWith('transcriber') ? 'agent' : 'recorder'
    case 'auth':
      if (user.startsWith('jibri')) return 'recorder'
      return user.startsWith('jigasi') ? 'sip' : 'agent'
    case 'transcriber':
      return 'agent'
    case 'jigasi':
      return 'sip'
    default:
      return 'person'
  }
}

/** The user's context in a JWT may hold anything. */
function toText(value: unknown): string | undefined {
  const isText = (typeof value === 'string' && value !== '') || typeof value === 'number'
  return isText ? String(value) : undefined
}

function toReport(fact: ReportedFact, sentAtSeconds?: number): Report {
  return { facts: [fact], ignored: 0, ...(sentAtSeconds !== undefined && { sentAt: toMs(sentAtSeconds) }) }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}
