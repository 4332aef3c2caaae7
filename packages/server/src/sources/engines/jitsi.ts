import type { SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { requireBearer } from './bearer.ts'
import type { Engine, KnownLife, Report, Told } from './engine.ts'
import { parseJson, tellUnknown, toId, toName } from './told.ts'

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

/** Somebody's join may be told before the creation of their room, and be dated this long after it, in milliseconds. */
const leadMs = 5000

export const jitsi: Engine<SourceSettings['jitsi']> = {
  oneLife: 'always',
  // Prosody gives up after 20 s unless it is told otherwise, and does not try again then; its manual shows 10 s.
  patienceMs: 5000,
  // Longer than the delay between its tries, as set up below: whatever is on its way has come by then.
  waitMs: 4000,

  verify({ headers }, { secret }) {
    requireBearer(headers, secret)
  },

  normalise({ body }) {
    const event = parseJson(body.toString())
    if (event === undefined) return tell(tellUnknown(null, `a body of ${body.length} bytes that is not JSON`))
    switch ((event as { event_name?: unknown } | null)?.event_name) {
      case 'muc-room-created':
        if (!checkCreated.Check(event)) break
        return tell(
          { type: 'session-started', ...placeOf(event, event.created_at), at: toMs(event.created_at) },
          event.created_at,
        )
      case 'muc-occupant-joined':
        if (!checkOccupant.Check(event)) break
        return tell(tellJoin(event, event.occupant, event.occupant.joined_at), event.occupant.joined_at)
      case 'muc-occupant-left':
        if (!checkOccupant.Check(event) || event.occupant.left_at === undefined) break
        return tell(
          tellStay(event, event.occupant, event.occupant.joined_at, event.occupant.left_at),
          event.occupant.left_at,
        )
      case 'muc-room-destroyed':
        if (!checkDestroyed.Check(event)) break
        return tellLife(event, event)
    }
    return tell(tellUnknown(event, 'not one of the four events of event_sync, or without what it takes'))
  },

  /**
   * Which life of the room it was, only the room's own events say: what is told of people goes by the time, and where no life is
   * known yet, it is one that is named by guess.
   */
  async complete(told, { listLives }, mayWait) {
    const [named] = told.filter(({ sessionKey }) => sessionKey !== undefined)
    if (named?.sessionKey === undefined) return told
    const lives = await listLives(named.roomId)
    const created = told.find((one) => one.type === 'session-started')
    if (created !== undefined) {
      const { sessionKey, absorbs } = nameRoom(lives, named.sessionKey, created.at, findEnd(told))
      const isMore = absorbs.length > 0
      return told.map((one) => ({
        ...one,
        ...(one.sessionKey !== undefined && { sessionKey }),
        ...(isMore && one.type === 'session-started' && { absorbs }),
      }))
    }
    const known = nameLife(lives, named.sessionKey, named)
    // The creation of a room and the first join are sent at the same moment.
    if (known === undefined && mayWait) return undefined
    const sessionKey = known ?? named.sessionKey
    return told.map((one) => (one.sessionKey === undefined ? one : { ...one, sessionKey }))
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

/** A life that people alone tell of: it goes by the second of whoever was heard to join first. */
function isGuess({ saidAt }: KnownLife): boolean {
  return saidAt === 0
}

function findEnd(told: Told[]): number | undefined {
  return told.find(({ type }) => type === 'session-ended')?.at
}

/**
 * The life that a room's own event tells of: one of that creation, else the earliest guess of its time, else a new one. A life
 * whose creation was told is that creation's alone. Other guesses of its time are this life too: it absorbs them.
 * @param endedAt when the room was destroyed; undefined: it may run
 */
function nameRoom(
  lives: KnownLife[],
  own: string,
  createdAt: number,
  endedAt: number | undefined,
): { sessionKey: string; absorbs: string[] } {
  const same = lives.find((life) => life.saidAt === createdAt || (life.sessionKey === own && isGuess(life)))
  const nextAt = Math.min(
    ...lives
      .filter((life) => !isGuess(life))
      .map(({ startAt }) => startAt)
      .filter((at) => at > createdAt),
  )
  const lastAt = Math.min(endedAt ?? createdAt + leadMs, nextAt - 1)
  const guesses = lives.filter((life) => isGuess(life) && createdAt <= life.startAt && life.startAt <= lastAt)
  const sessionKey = same?.sessionKey ?? guesses.at(-1)?.sessionKey ?? own
  return { sessionKey, absorbs: guesses.map((life) => life.sessionKey).filter((key) => key !== sessionKey) }
}

/**
 * The life in which somebody joined; undefined where none is known.
 * @param lives newest start first
 * @param own the second of their join
 */
function nameLife(lives: KnownLife[], own: string, told: Told): string | undefined {
  const at = toMs(Number(own))
  if (lives.some(({ sessionKey }) => sessionKey === own)) return own
  const running = lives.find(({ startAt, endedAt }) => startAt <= at && (endedAt === null || at < endedAt))
  const begun = lives.findLast(({ startAt }) => startAt >= at && startAt - at <= leadMs)
  // A room has one life at a time: a guess that ran while they were inside is theirs.
  const met = lives.findLast((life) => isGuess(life) && life.startAt <= told.at && at <= life.lastAt)
  return (running ?? begun ?? met)?.sessionKey
}

/** Everybody who was ever inside, and the end. */
function tellLife(room: Room, event: { created_at: number; destroyed_at: number; all_occupants?: unknown }): Report {
  const { created_at, destroyed_at, all_occupants } = event
  // Lua writes an empty list as an empty object.
  const listed: unknown[] = Array.isArray(all_occupants) ? all_occupants : []
  const stays = listed.filter((one): one is Occupant => checkListed.Check(one))
  return {
    told: [
      { type: 'session-started', ...placeOf(room, created_at), at: toMs(created_at) },
      ...stays.map((one) =>
        one.left_at === undefined ? tellJoin(room, one, created_at) : tellStay(room, one, created_at, one.left_at),
      ),
      { type: 'session-ended', ...placeOf(room, created_at), at: toMs(destroyed_at) },
    ],
    ignored: listed.length - stays.length,
    sentAt: toMs(destroyed_at),
  }
}

function tellJoin(room: Room, occupant: Occupant, second: number): Told {
  return {
    type: 'participant-joined',
    ...placeOf(room, second),
    ...describeOccupant(occupant),
    at: toMs(occupant.joined_at),
  }
}

function tellStay(room: Room, occupant: Occupant, second: number, leftAt: number): Told {
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
  const name = room_name ?? room_jid.split('@', 1)[0] ?? room_jid
  const isBreakout = is_breakout === true && breakout_room_id !== undefined
  return { roomId: toId(isBreakout ? `${name}/${breakout_room_id}` : name), sessionKey: String(second) }
}

/** Only a JWT tells who somebody is; else each of their connections is a person. */
function describeOccupant({ occupant_jid, id, name }: Occupant) {
  return {
    participantId: toId(toText(id) ?? occupant_jid),
    connectionId: toId(occupant_jid),
    ...toName(toText(name)),
  }
}

/** A user's context in a JWT may hold anything. */
function toText(value: unknown): string | undefined {
  const isText = (typeof value === 'string' && value !== '') || typeof value === 'number'
  return isText ? String(value) : undefined
}

function tell(told: Told, sentAtSeconds?: number): Report {
  return { told: [told], ignored: 0, ...(sentAtSeconds !== undefined && { sentAt: toMs(sentAtSeconds) }) }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000)
}
