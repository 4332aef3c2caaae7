import { hash } from 'node:crypto'
import { type Json, Metadata, type SourceSettings } from '@rollcall/protocol'
import { Type } from 'typebox'
import { Refusal } from '../../../error.ts'
import { checkOf } from '../../../runtime/check.ts'
import type { Engine, Report, ReportedFact } from '../engine.ts'
import { isSame, reportUnknown, reportUnreadable, toId, toName } from '../reported.ts'
import { janusApi } from './api.ts'
import { parseExactJson } from './json.ts'
import { createMemories, type Memory } from './memory.ts'
import { audiobridge, type Plugin, toRoomName, videoroom } from './plugins.ts'
import { defaultUser, describeSetup, janusSubprotocol } from './setup.ts'

// Janus's event handlers: sampleevh posts events, wsevh sends them over a WebSocket that it opens; one at a time or as a
// list. They come in the order in which they happened, have no ids, and name no session: a room is a place.

const Id = Type.Union([Type.String({ minLength: 1 }), Type.Integer()])
const checkEvent = checkOf(
  Type.Object({
    type: Type.Integer(),
    /** Microseconds. */
    timestamp: Type.Integer({ exclusiveMinimum: 0 }),
    emitter: Type.Optional(Type.String()),
    session_id: Type.Optional(Id),
    handle_id: Type.Optional(Id),
    event: Type.Object({}),
  }),
)
type Event = Type.Static<ReturnType<typeof checkEvent.Type>> & { [name: string]: Json }
const checkOfRoom = checkOf(Type.Object({ room: Id }))
const checkOfPerson = checkOf(Type.Object({ room: Id, id: Id }))

/** What is kept of an event that is not understood. */
const keptFields = ['type', 'timestamp', 'emitter', 'session_id', 'handle_id']

const checkMetadata = checkOf(Metadata)

const eventTypes = { session: 1, handle: 2, jsep: 8, webrtc: 16, media: 32, plugin: 64, core: 256 }

export function createJanus(): Engine<SourceSettings['janus']> {
  const memories = createMemories()

  return {
    oneSessionPerRoom: 'never',
    // sampleevh gives up after ten seconds, and sends nothing meanwhile.
    maxWaitMs: 5000,
    takesAnyAnswer: true,
    subprotocol: janusSubprotocol,
    api: janusApi,

    verifyHead({ headers, urls }, { user = defaultUser, password }) {
      if (password === undefined) return
      const { authorization = '' } = headers
      const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
      if (isSame(authorization, expected)) return
      // Over a WebSocket Janus can send no header of its own.
      const given = headers.upgrade === undefined ? undefined : URL.parse(urls[0] ?? '')?.searchParams.get('password')
      if (given != null && isSame(given, password)) return
      throw new Refusal(
        'SIGNATURE_INVALID',
        'This takes basic authentication with the user and password of this source, or over a WebSocket `?password=…`',
      )
    },

    normalise(delivery, sourceId) {
      const body = parseExactJson(delivery.body.toString())
      if (body === undefined) {
        return { facts: [reportUnreadable(delivery.body, 'that are no JSON')], ignored: 0 }
      }
      const report: Report = { facts: [], ignored: 0 }
      for (const event of Array.isArray(body) ? body : [body]) readEvent(event, sourceId, report)
      return report
    },

    describeSetup,
  }

  function readEvent(event: Json, sourceId: string, report: Report): void {
    if (!checkEvent.Check(event)) {
      report.facts.push(reportUnknown(event, keptFields, 'no event of Janus: one has a type, a timestamp and an event'))
      return
    }
    const { emitter = '', timestamp } = event
    const memory = memories.of(sourceId, emitter)
    const facts = readKnown(event as Event, memory)
    if (!isOfLoading(event as Event)) memory.noteSeen(timestamp)
    report.sentAt = Math.floor(timestamp / 1000)
    if (facts.length === 0) {
      report.ignored += 1
      const who = findSighted(event as Event, memory) ?? findRenamed(event as Event, memory)
      const at = toMs(timestamp)
      if (who !== undefined) {
        const { roomId, ...participant } = who
        const reporter = emitter === '' ? {} : { reporter: toId(emitter) }
        report.sightings = [...(report.sightings ?? []), { roomId, at, ...reporter, participant }]
      }
    }
    const digest = hash('sha256', JSON.stringify(event), 'base64url').slice(0, 22)
    for (const [n, one] of facts.entries()) {
      const id = n === 0 ? `${timestamp} ${digest}` : `${timestamp} ${digest} ${n}`
      report.facts.push({ ...one, id, ...(emitter !== '' && { reporter: toId(emitter) }) })
    }
  }
}

/**
 * An event of a plugin that is about no handle. Some plugins report that they are loaded before Janus reports its own start:
 * such an event is no sign of the process that was killed. (Debian's Janus: `janus.plugin.echojs` with `{"event":"loaded"}`.)
 */
function isOfLoading({ type, handle_id }: Event): boolean {
  return type === eventTypes.plugin && handle_id === undefined
}

/** The facts of one event, with what earlier events left in the memory. */
function readKnown({ type, timestamp, session_id, handle_id, event }: Event, memory: Memory): ReportedFact[] {
  const { name, status, plugin, data } = event as { [name: string]: Json }
  switch (type) {
    case eventTypes.session:
      if (session_id === undefined || (name !== 'timeout' && name !== 'destroyed')) return []
      return memory.endSession(String(session_id), timestamp).map((who) => toParticipantLeft(who, timestamp, name))
    case eventTypes.handle:
      if (session_id === undefined || handle_id === undefined || name !== 'detached') return []
      return memory
        .endHandle(String(session_id), String(handle_id), timestamp)
        .map((who) => toParticipantLeft(who, timestamp, name))
    case eventTypes.core:
      if (status === 'started') return [toSourceStarted(timestamp, memory.restart(timestamp))]
      // A shutdown takes down everybody who is inside.
      if (status === 'shutdown') return [toSourceStarted(timestamp, timestamp)]
      return []
    case eventTypes.plugin: {
      const about = [videoroom, audiobridge].find((one) => one.name === plugin)
      if (about === undefined) return []
      const handle =
        session_id !== undefined && handle_id !== undefined
          ? { sessionId: String(session_id), handleId: String(handle_id) }
          : undefined
      return readRoom(about, data ?? null, timestamp, handle, memory)
    }
    default:
      return []
  }
}

/** Whom an event shows to be inside, that tells of no coming or going. */
function findSighted({ type, session_id, handle_id, event }: Event, memory: Memory): Sighted | undefined {
  const { data } = event as { data?: Json }
  if (session_id === undefined || handle_id === undefined || !isSignOfLife(type, event as { [name: string]: Json }))
    return undefined
  const who = memory.findInside(String(session_id), String(handle_id))
  return who && { ...who, ...describe(data ?? null) }
}

/** Whoever stops publishing, which names no handle: from Janus 1.3 on it says what they are called now. */
function findRenamed({ type, event }: Event, memory: Memory): Sighted | undefined {
  const { plugin, data = null } = event as { plugin?: Json; data?: Json }
  if (type !== eventTypes.plugin || plugin !== videoroom.name || !checkOfPerson.Check(data)) return undefined
  const who = whoOf(videoroom, data)
  const named = describe(data)
  const isRename = (data as { event?: Json }).event === 'unpublished' && Object.keys(named).length > 0
  return isRename && memory.isInside(who) ? { ...who, ...named } : undefined
}

/** Whether Janus still had the connection of the handle. */
function isSignOfLife(type: number, { connection, receiving, data }: { [name: string]: Json }): boolean {
  switch (type) {
    case eventTypes.jsep:
      return true
    case eventTypes.webrtc:
    case eventTypes.media:
      return connection !== 'hangup' && receiving !== false
    case eventTypes.plugin:
      return eventsOfInside.has((data as { event?: Json } | null | undefined)?.event)
    default:
      return false
  }
}

/** Events of a room about somebody who is inside: `unpublished` also comes as they leave. */
const eventsOfInside = new Set<unknown>(['published', 'configured', 'talking', 'stopped-talking'])

type Handle = { sessionId: string; handleId: string }

function readRoom(
  plugin: Plugin,
  data: Json,
  timestamp: number,
  handle: Handle | undefined,
  memory: Memory,
): ReportedFact[] {
  const name = (data as { event?: Json } | null)?.event
  switch (name) {
    case 'joined': {
      if (!checkOfPerson.Check(data)) break
      const who = whoOf(plugin, data)
      if (handle !== undefined) memory.join(who, handle, timestamp)
      return [{ type: 'participant-joined', ...who, ...describe(data), at: toMs(timestamp) }]
    }
    case 'left':
    case 'leaving':
    case 'kicked': {
      if (!checkOfPerson.Check(data)) break
      const who = whoOf(plugin, data)
      // Whoever is kicked from an AudioBridge leaves again when their connection is closed.
      if (name === 'left' && memory.isAfterKick(who, timestamp)) return []
      if (name === 'kicked' && plugin === audiobridge) memory.kick(who, timestamp)
      else memory.leave(who, timestamp)
      return [{ ...toParticipantLeft(who, timestamp, name === 'kicked' ? name : 'left'), ...describe(data) }]
    }
    case 'destroyed': {
      if (!checkOfRoom.Check(data)) break
      const roomId = toRoomName(plugin, data.room)
      memory.endRoom(roomId, timestamp)
      return [{ type: 'session-ended', roomId, at: toMs(timestamp), reason: 'room-destroyed' }]
    }
    // Publishing, subscribing and talking change no attendance.
    default:
      return []
  }
  return [reportUnknown(data, ['event', 'room', 'id'], `an event ${name} of a room without what it takes`)]
}

/** How somebody is called, and what the application gave along where that is not more than a record holds: from Janus 1.3 on a leave says so too. */
function describe(data: Json): { name?: string; metadata?: Json } {
  const { display, metadata } = (data ?? {}) as { display?: Json; metadata?: Json }
  const isKept = metadata != null && checkMetadata.Check(metadata)
  return { ...toName(typeof display === 'string' ? display : undefined), ...(isKept && { metadata }) }
}

type Who = { roomId: string; participantId: string }
type Sighted = Who & { name?: string; metadata?: Json }

function whoOf(plugin: Plugin, { room, id }: { room: string | number; id: string | number }): Who {
  return { roomId: toRoomName(plugin, room), participantId: toId(String(id)) }
}

function toParticipantLeft(who: Who, timestamp: number, reason: string): ReportedFact {
  return { type: 'participant-left', ...who, at: toMs(timestamp), reason }
}

/** @param lastSeenAt time of the last event before, in microseconds; undefined where there was none */
function toSourceStarted(timestamp: number, lastSeenAt: number | undefined): ReportedFact {
  return {
    type: 'source-started',
    roomId: '',
    at: toMs(timestamp),
    ...(lastSeenAt !== undefined && { lastSeenAt: toMs(lastSeenAt) }),
  }
}

function toMs(microseconds: number): number {
  return Math.floor(microseconds / 1000)
}
