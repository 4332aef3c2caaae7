import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ClaimGrants, TokenVerifier } from 'livekit-server-sdk'
import { createServer } from '../http.ts'
import { livekitKey } from './source-client.ts'

export type LivekitPerson = {
  sid: string
  identity: string
  name?: string
  joinedAtMs: number
  state?: string
  /** By their sids, what they are of. */
  tracks?: Map<string, string>
}
export type LivekitRoom = { sid: string; name: string; people: LivekitPerson[] }

/**
 * LiveKit's RoomService, as far as it is used: Twirp's paths and errors, each token checked by LiveKit's own library for
 * what the call needs, and answers as Go's Twirp writes them, every field by its name in the schema.
 */
export type LivekitRooms = {
  url: string
  /** What there is, to be changed as one likes. */
  rooms: Map<string, LivekitRoom>
  /** Its clock; undefined: answers have no date. */
  now: () => number | undefined
  /** The calls that came, by method, with what they were about. */
  calls: string[]
  /** Answers so instead, until it is cleared: a status, or never. */
  fault: number | 'silent' | undefined
  close(): void
}

export async function serveLivekitRooms(): Promise<LivekitRooms> {
  const verifier = new TokenVerifier(livekitKey.apiKey, livekitKey.secret)
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const service: LivekitRooms = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rooms: new Map(),
    now: Date.now,
    calls: [],
    fault: undefined,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return service

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const method = /^\/twirp\/livekit\.RoomService\/(\w+)$/.exec(request.url ?? '')?.[1]
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Asked
    service.calls.push(`${method} ${body.room ?? body.names?.[0] ?? ''}`.trim())
    if (service.fault === 'silent') return
    const [status, said] =
      service.fault === undefined
        ? await say(method, body, request.headers.authorization ?? '')
        : [service.fault, { code: 'unavailable', msg: 'out of order' }]
    const at = service.now()
    response.sendDate = false
    if (at !== undefined) response.setHeader('date', new Date(at).toUTCString())
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said))
  }

  async function say(method: string | undefined, asked: Asked, authorization: string): Promise<[number, object]> {
    const { room: name = '', identity, names = [] } = asked
    const claims = await verifier.verify(authorization.replace(/^Bearer /, '')).catch(() => undefined)
    if (claims === undefined) return [401, { code: 'unauthenticated', msg: 'invalid token' }]
    if (!mayCall(claims, method, name)) return [403, { code: 'permission_denied', msg: 'permissions denied' }]
    const room = service.rooms.get(name)
    const person = room?.people.find((one) => one.identity === identity)
    switch (method) {
      case 'ListRooms': {
        const listed = [...service.rooms.values()].filter((one) => names.length === 0 || names.includes(one.name))
        return [200, { rooms: listed.map(toRoom) }]
      }
      case 'ListParticipants':
        return [200, { participants: room?.people.map(toParticipant) ?? [] }]
      case 'GetParticipant':
        return person === undefined ? notFound('participant') : [200, toParticipant(person)]
      case 'RemoveParticipant':
        if (room === undefined || person === undefined) return notFound('participant')
        room.people = room.people.filter((one) => one !== person)
        return [200, {}]
      case 'DeleteRoom':
        return service.rooms.delete(name) ? [200, {}] : notFound('requested room')
      default:
        return [404, { code: 'bad_route', msg: `no handler for path ${method}` }]
    }
  }
}

type Asked = { room?: string; identity?: string; names?: string[] }

function mayCall({ video = {} }: ClaimGrants, method: string | undefined, room: string): boolean {
  if (method === 'ListRooms') return video.roomList === true
  if (method === 'DeleteRoom') return video.roomCreate === true
  return video.roomAdmin === true && video.room === room
}

function notFound(what: string): [number, object] {
  return [404, { code: 'not_found', msg: `${what} does not exist` }]
}

function toRoom({ sid, name, people }: LivekitRoom) {
  return {
    sid,
    name,
    empty_timeout: 300,
    creation_time: '1771351800',
    turn_password: '',
    enabled_codecs: [],
    metadata: '',
    // Known to be wrong at times.
    num_participants: people.length + 3,
  }
}

function toParticipant({ sid, identity, name = '', joinedAtMs, state = 'ACTIVE', tracks = new Map() }: LivekitPerson) {
  return {
    sid,
    identity,
    state,
    tracks: [...tracks].map(([sid, source]) => ({ sid, type: 'VIDEO', source, name: 'mine', muted: true, width: 640 })),
    metadata: '',
    joined_at: String(Math.floor(joinedAtMs / 1000)),
    joined_at_ms: String(joinedAtMs),
    name,
    version: 3,
    permission: { can_subscribe: true, can_publish: true, can_publish_data: true, hidden: false, recorder: false },
    region: '',
    is_publisher: true,
    kind: 'STANDARD',
    attributes: {},
    disconnect_reason: 'UNKNOWN_REASON',
  }
}
