import type { ParticipantKind, SessionStarted, SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { isPossibleTime } from '../../ledger/times.ts'
import { checkOf } from '../../runtime/check.ts'
import { lateMaxMs } from '../clocks/clock.ts'
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
const checkCreated = checkOf(Type.Object({ ...ofRoom, created_at: Seconds }))
const checkOccupant = checkOf(Type.Object({ ...ofRoom, occupant: Occupant }))
const checkDestroyed = checkOf(Type.Object({ ...ofRoom, created_at: Seconds, destroyed_at: Seconds }))
const checkListed = checkOf(Occupant)

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

/**
 * A first join may be dated up to this long before the creation of its room, in milliseconds; by a clock that is corrected, up to
 * as long again as the first delivery that told of it may have been late.
 */
const leadMs = 5000

export const jitsi: Engine<SourceSettings['jitsi']> = {
  oneSessionPerRoom: 'always',
  // Prosody gives up after 20 s by default, 10 s in its manual's example, and then does not try again.
  maxWaitMs: 5000,
  // Longer than `api_retry_delay` below: an event under way has come by then.
  reorderWindowMs: 4000,

  verifyHead({ headers }, { secret }) {
    requireBearer(headers, secret)
  },

  normalise({ body }) {
    const event = parseJson(body.toString())
    if (event === undefined) return toReport(reportUnreadable(body, 'that are no JSON'))
    switch ((event as { event_name?: unknown } | null)?.event_name) {
      case 'muc-room-created':
        if (!checkCreated.Check(event)) break
        return toReport(toSessionStarted(event, event.created_at), event.created_at)
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

  /**
   * Only the room's own events name its session: events of people are assigned to one by their time, and where no session is
   * known yet, it is one that is named by guess.
   */
  async complete(facts, { listSessions }, { receivedAt, mayWait }) {
    const [named] = facts.filter(({ sessionKey }) => sessionKey !== undefined)
    if (named?.sessionKey === undefined) return facts
    const sessions = await listSessions(named.roomId)
    const created = facts.find((one) => one.type === 'session-started')
    if (created !== undefined) {
      const { sessionKey, ...moved } = nameRoomSession(sessions, named.sessionKey, created, findEnd(facts))
      return facts.map((one) => ({
        ...one,
        ...(one.sessionKey !== undefined && { sessionKey }),
        ...(one.type === 'session-started' && moved),
      }))
    }
    const known = findSessionKey(sessions, named.sessionKey, named, receivedAt)
    // The creation of a room and the first join are sent at the same moment.
    if (known === undefined && mayWait) return undefined
    const sessionKey = known ?? guessKeyOf(named.sessionKey)
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

/** What a session is called that people alone report: the second of the first join that was reported, which is no creation's. */
function guessKeyOf(second: string): string {
  return `${second}~`
}

/** Whether people alone report a session. */
function isGuess({ saidAt }: KnownSession): boolean {
  return saidAt === 0
}

function findEnd(facts: ReportedFact[]): number | undefined {
  return facts.find(({ type }) => type === 'session-ended')?.at
}

/**
 * The session that a room's own event reports: one of that creation, else the earliest guess of its time, else a new one. A
 * session whose creation was reported is that creation's alone. Other guesses of its time are this session too: it absorbs them.
 * Whoever joined at its time was taken to be in another life of the room where that was all that was known: it takes them.
 * @param endedAt when the room was destroyed; undefined: it may run
 */
function nameRoomSession(
  sessions: KnownSession[],
  own: string,
  { at: createdAt, clockCorrectedMs }: Pick<ReportedFact, 'at' | 'clockCorrectedMs'>,
  endedAt: number | undefined,
): Pick<SessionStarted, 'absorbs' | 'takes'> & { sessionKey: string } {
  // Two events of one creation may be corrected by a little more and a little less.
  const withinMs = clockCorrectedMs === undefined ? 0 : leadMs
  const same = sessions.find((one) => one.sessionKey === own || Math.abs(one.saidAt - createdAt) <= withinMs)
  const nextAt = Math.min(
    ...sessions
      .filter((one) => !isGuess(one))
      .map(({ startAt }) => startAt)
      .filter((at) => at > createdAt),
  )
  const lastAt = Math.min(endedAt ?? createdAt + leadMs, nextAt - 1)
  const guesses = sessions.filter((one) => isGuess(one) && createdAt <= one.startAt && one.startAt <= lastAt)
  const sessionKey = same?.sessionKey ?? guesses.at(-1)?.sessionKey ?? own
  const absorbs = guesses.map((one) => one.sessionKey).filter((key) => key !== sessionKey)
  const takes = sessions
    .filter((one) => one.sessionKey !== sessionKey && !guesses.includes(one))
    .map((one) => ({
      sessionKey: one.sessionKey,
      since: Math.min(createdAt, Math.max(createdAt - leadMs, (one.endedAt ?? createdAt) + 1)),
      until: endedAt !== undefined || isGuess(one) ? lastAt + 1 : nextAt,
      one,
    }))
    .filter(({ one, since, until }) => one.startAt < until && one.lastAt >= since)
    .map(({ one: _, until, ...taken }) => (until === Number.POSITIVE_INFINITY ? taken : { ...taken, until }))
  return { sessionKey, ...(absorbs.length > 0 && { absorbs }), ...(takes.length > 0 && { takes }) }
}

/**
 * The key of the session in which somebody joined; undefined where none is known.
 * @param sessions newest start first
 * @param own the second of their join
 */
function findSessionKey(
  sessions: KnownSession[],
  own: string,
  reported: ReportedFact,
  receivedAt: number,
): string | undefined {
  const joinedAt = toMs(Number(own)) + (reported.clockCorrectedMs ?? 0)
  // A join that cannot have been then is one of when it came, or of when they left.
  const at = [joinedAt, reported.at].find((time) => isPossibleTime(time, receivedAt, true)) ?? receivedAt
  if (sessions.some(({ sessionKey }) => sessionKey === guessKeyOf(own))) return guessKeyOf(own)
  const running = sessions.find(({ startAt, endedAt }) => startAt <= at && (endedAt === null || at < endedAt))
  const leadMaxMs = reported.clockCorrectedMs === undefined ? leadMs : leadMs + lateMaxMs
  const begun = sessions.findLast(({ startAt }) => startAt >= at && startAt - at <= leadMaxMs)
  // A room has one session at a time: a guess that ran while they were inside is theirs.
  const met = sessions.findLast((one) => isGuess(one) && one.startAt <= reported.at && at <= one.lastAt)
  return (running ?? begun ?? met)?.sessionKey
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
      toSessionStarted(room, created_at),
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

/** A breakout is a part of its main room, of whichever session ran there: its events do not say. */
function toSessionStarted(room: Room, createdAt: number): ReportedFact {
  const { roomId } = placeOf({ ...room, is_breakout: false }, createdAt)
  const place = placeOf(room, createdAt)
  const parent = place.roomId === roomId ? {} : { parent: { roomId } }
  return { type: 'session-started', ...place, at: toMs(createdAt), ...parent }
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
