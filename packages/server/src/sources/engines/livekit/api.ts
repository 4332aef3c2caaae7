import type { Snapshot, SourceSettings } from '@rollcall/protocol'
import { SignJWT } from 'jose'
import { Type } from 'typebox'
import { checkOf } from '../../../runtime/check.ts'
import {
  type Ask,
  type Asked,
  type ListedMedium,
  type MediaServer,
  type MediaServerCommand,
  MediaServerRefusal,
} from '../media-server.ts'
import { parseJson, toId, toName } from '../reported.ts'
import { mediaOf } from './media.ts'
import { readTime, toKind } from './participant.ts'

// LiveKit's RoomService: Twirp, which is JSON by POST. A server may write its fields as protobuf names them, or in camel case.

const Int64 = Type.Union([Type.String({ pattern: '^\\d{1,19}$' }), Type.Integer()])
const Room = Type.Object({ sid: Type.String({ minLength: 1 }), name: Type.String({ minLength: 1 }) })
type Room = Type.Static<typeof Room>
const Participant = Type.Object({
  sid: Type.String({ minLength: 1 }),
  identity: Type.String({ minLength: 1 }),
  name: Type.Optional(Type.String()),
  state: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  kind: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  joinedAt: Type.Optional(Int64),
  joined_at: Type.Optional(Int64),
  joinedAtMs: Type.Optional(Int64),
  joined_at_ms: Type.Optional(Int64),
  tracks: Type.Optional(Type.Array(Type.Unknown())),
  permission: Type.Optional(
    Type.Union([
      Type.Object({
        hidden: Type.Optional(Type.Boolean()),
        recorder: Type.Optional(Type.Boolean()),
        agent: Type.Optional(Type.Boolean()),
      }),
      Type.Null(),
    ]),
  ),
})
type Participant = Type.Static<typeof Participant>
const checkTrack = checkOf(
  Type.Object({ sid: Type.String({ minLength: 1 }), source: Type.Union([Type.String(), Type.Integer()]) }),
)
const checkRooms = checkOf(Type.Object({ rooms: Type.Optional(Type.Array(Room)) }))
const checkParticipants = checkOf(Type.Object({ participants: Type.Optional(Type.Array(Participant)) }))

type Settings = SourceSettings['livekit']
type Grant = { roomList?: true; roomCreate?: true; roomAdmin?: true; room?: string }

/** A token is good for this long, in seconds: also where LiveKit's clock is some minutes from ours. */
const tokenSeconds = 600

export const livekitApi: MediaServer<Settings> = {
  isReachable: ({ url }) => url !== undefined,

  async fetchRooms(ask, settings) {
    const before = await listRooms(ask, settings)
    const rooms = []
    for (const { name, sid } of before.rooms) {
      const { answer, at } = await call(
        ask,
        settings,
        'ListParticipants',
        { room: name },
        { roomAdmin: true, room: name },
      )
      if (answer !== undefined && !checkParticipants.Check(answer)) throw unreadable('ListParticipants')
      const inside = (answer?.participants ?? []).filter(isInside)
      rooms.push({ name, sid, at, participants: inside.map(toPresent), media: inside.flatMap(toMedia) })
    }
    // Participants are listed by the name of a room: where its session changed meanwhile, whose they are is not known.
    const after = await listRooms(ask, settings)
    const sidsAfter = new Map(after.rooms.map(({ name, sid }) => [name, sid]))
    return {
      at: before.at,
      rooms: rooms
        .filter(({ name, sid }) => (sidsAfter.get(name) ?? sid) === sid)
        .map(({ name, sid, ...room }) => ({ roomName: toId(name), sessionKey: toId(sid), ...room })),
    }
  },

  async end(ask, settings, command) {
    const room = await findRoom(ask, settings, command)
    if (room !== undefined) await call(ask, settings, 'DeleteRoom', { room: room.name }, { roomCreate: true })
  },

  async remove(ask, settings, command) {
    const room = await findRoom(ask, settings, command)
    if (room === undefined) return
    const grant: Grant = { roomAdmin: true, room: room.name }
    // Its identity may be another than ours, where that cannot be stored as it is.
    const { answer } = await call(ask, settings, 'ListParticipants', { room: room.name }, grant)
    if (answer !== undefined && !checkParticipants.Check(answer)) throw unreadable('ListParticipants')
    const meant = (answer?.participants ?? []).filter(({ identity }) => toId(identity) === command.participantId)
    for (const { identity, sid } of meant) {
      const isNewer = command.isRetry && !command.inside.some(({ connectionId }) => connectionId === toId(sid))
      if (!isNewer) await call(ask, settings, 'RemoveParticipant', { room: room.name, identity }, grant)
    }
  },
}

async function listRooms(ask: Ask, settings: Settings, names: string[] = []): Promise<{ rooms: Room[]; at: number }> {
  const { answer, at } = await call(ask, settings, 'ListRooms', { names }, { roomList: true })
  if (!checkRooms.Check(answer)) throw unreadable('ListRooms')
  return { rooms: answer.rooms ?? [], at }
}

/** The room in which the session runs; undefined where the session is over. */
async function findRoom(ask: Ask, settings: Settings, command: MediaServerCommand): Promise<Room | undefined> {
  const isMeant = ({ sid }: Room) => toId(sid) === command.sessionKey
  const { rooms } = await listRooms(ask, settings, command.roomNames)
  // Its name there may be another than ours: before the session is taken to be over, all rooms are searched.
  return rooms.find(isMeant) ?? (await listRooms(ask, settings)).rooms.find(isMeant)
}

/** LiveKit also lists who is about to join, or has just left. */
function isInside({ state = 'JOINING' }: Participant): boolean {
  return state === 'ACTIVE' || state === 2
}

function toPresent(one: Participant): Snapshot['participants'][number] {
  const joinedAt = readTime(one.joinedAtMs ?? one.joined_at_ms, one.joinedAt ?? one.joined_at)
  return {
    participantId: toId(one.identity),
    connectionId: toId(one.sid),
    ...toName(one.name),
    kind: toKind({ kind: one.kind, permission: one.permission ?? undefined }),
    ...(joinedAt > 0 && { joinedAt }),
  }
}

/** Their tracks, but for those that do not tell what they are of; one that is muted is published all the same. */
function toMedia({ identity, sid, tracks = [] }: Participant): ListedMedium[] {
  return tracks.flatMap((track) => {
    const media = checkTrack.Check(track) ? mediaOf.get(track.source) : undefined
    if (!checkTrack.Check(track) || media === undefined) return []
    return [{ participantId: toId(identity), connectionId: toId(sid), media, mediaId: toId(track.sid) }]
  })
}

/** `answer` is undefined where the room or participant does not exist. */
async function call(
  ask: Ask,
  { url = '', apiKey, secret }: Settings,
  method: string,
  body: object,
  video: Grant,
): Promise<{ answer: object | undefined; at: number }> {
  const token = await new SignJWT({ video })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer(apiKey)
    .setExpirationTime(`${tokenSeconds}s`)
    .sign(Buffer.from(secret))
  const asked = await ask(`${url.replace(/\/+$/, '')}/twirp/livekit.RoomService/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = parseJson(asked.body)
  if (typeof answer !== 'object' || answer === null) throw unreadable(method, asked)
  if (asked.status === 200) return { answer, at: asked.at }
  const { code, msg } = answer as { code?: unknown; msg?: unknown }
  if (code === 'not_found') return { answer: undefined, at: asked.at }
  const said = `${method} is answered ${asked.status}: ${String(msg ?? code ?? 'without a reason')}`
  if (asked.status === 429 || asked.status >= 500) throw new Error(said)
  throw new MediaServerRefusal(said)
}

function unreadable(method: string, asked?: Asked): Error {
  if (asked !== undefined && asked.status !== 200) {
    return new Error(`${method} is answered ${asked.status}, and not by LiveKit's RoomService`)
  }
  return new Error(`the answer to ${method} is none of LiveKit's RoomService`)
}
