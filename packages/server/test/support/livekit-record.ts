import type { Fact, Source } from '@rollcall/protocol'
import { AccessToken, type VideoGrant } from 'livekit-server-sdk'
import { addSource, deliverAsLivekit, livekitKey } from './senders/source-client.ts'
import type { TestServer } from './start-server.ts'

// A record as LiveKit's webhooks make it, to be asked for as LiveKit Cloud's clients ask for theirs.

const dayMs = 86_400_000
const minuteMs = 60_000

/** A token as clients of the Analytics API make theirs: by LiveKit's own library, without an identity. */
export async function livekitToken(
  grant: VideoGrant = { roomList: true },
  { apiKey, secret } = livekitKey,
): Promise<string> {
  const token = new AccessToken(apiKey, secret, { ttl: '10m' })
  token.addGrant(grant)
  return token.toJwt()
}

export type LivekitRecord = {
  source: Source
  projectId: string
  /** Where the project is, as clients build their paths. */
  path: string
  /** Sids of sessions that ended, newest first: `RM_0` began a minute after midnight, some days ago, the others before it. */
  ended: string[]
  /** One of them, in which Ann was twice, with a camera, a microphone and a screen. */
  detailed: string
  running: string
}

/** Ended sessions of the last days, one with all that is told of it, and one that runs. */
export async function recordAsLivekit(server: TestServer, sessions: number): Promise<LivekitRecord> {
  const source = await addSource(server, 'livekit', livekitKey)
  const key = await server.context.reads.keys.find(server.apiKey)
  const keyId = key?.keyId ?? 0
  const now = server.context.clock.now()
  const today = Math.floor(now / dayMs) * dayMs
  const ended: string[] = []
  for (let n = 0; n < sessions; n++) {
    const startAt = today - dayMs - n * 10 * minuteMs
    const sid = `RM_${n}`
    ended.push(sid)
    const place = { source: source.id, roomId: `room_${n % 5}`, sessionKey: sid, receivedAt: now }
    const who = { participantId: 'ann', connectionId: `PA_${n}`, name: 'Ann' }
    const facts: Fact[] = [
      { ...place, type: 'session-started', id: `${sid} 1`, at: startAt },
      { ...place, ...who, type: 'participant-joined', id: `${sid} 2`, at: startAt + 1000 },
      { ...place, ...who, type: 'participant-left', id: `${sid} 3`, at: startAt + 71_000, joinedAt: startAt + 1000 },
      { ...place, type: 'session-ended', id: `${sid} 4`, at: startAt + 80_000 },
    ]
    await server.context.record(keyId, facts as never, { newRooms: [place.roomId] })
  }
  const detailed = await deliverDetailed(source, now - 3 * 3_600_000)
  const running = await deliverRunning(source, now - 5 * minuteMs)
  const { projectId = '' } = source
  return { source, projectId, path: `/api/project/${projectId}/sessions`, ended, detailed, running }
}

async function deliverDetailed(source: Source, startMs: number): Promise<string> {
  const second = Math.floor(startMs / 1000)
  const room = { sid: 'RM_detailed', name: 'alpha_beta', creationTimeMs: String(second * 1000) }
  const person = (sid: string, joined: number, more: object = {}) => ({
    participant: { sid, identity: 'ann', name: 'Ann A.', joinedAtMs: String((second + joined) * 1000), ...more },
  })
  const [first, again] = [person('PA_1', 1, { region: 'eu' }), person('PA_2', 200)]
  const sip = { participant: { sid: 'PA_3', identity: 'phone', kind: 'SIP', joinedAtMs: String(second * 1000) } }
  const track = (source: string) => ({ track: { sid: `TR_${source}`, source } })
  const happened: [string, number, object][] = [
    ['room_started', 0, {}],
    ['participant_joined', 0, sip],
    ['participant_joined', 1, first],
    ['track_published', 3, { ...first, ...track('CAMERA') }],
    ['track_published', 3, { ...first, ...track('MICROPHONE') }],
    ['track_published', 5, { ...first, ...track('SCREEN_SHARE') }],
    ['participant_left', 71, first],
    ['participant_joined', 200, again],
    ['participant_left', 204, again],
    ['participant_left', 205, sip],
    ['room_finished', 225, {}],
  ]
  const egressInfo = { egressId: 'EG_1', roomId: room.sid, roomName: room.name, startedAt: `${second + 5}000000000` }
  const egress: [string, number, object][] = [
    ['egress_started', 5, { room: undefined, egressInfo }],
    ['egress_ended', 60, { room: undefined, egressInfo: { ...egressInfo, endedAt: `${second + 60}000000000` } }],
  ]
  for (const [i, [event, after, more]] of [...happened, ...egress].entries()) {
    const id = `EV_${room.sid}_${i}`
    await deliverAsLivekit(source, { event, id, createdAt: String(second + after), room, ...more })
  }
  return room.sid
}

async function deliverRunning(source: Source, startMs: number): Promise<string> {
  const second = Math.floor(startMs / 1000)
  const room = { sid: 'RM_running', name: 'gamma_delta', creationTimeMs: String(second * 1000) }
  const participant = { sid: 'PA_9', identity: 'ben', name: 'Ben', joinedAtMs: String(second * 1000) }
  for (const [event, more] of [
    ['room_started', {}],
    ['participant_joined', { participant }],
  ] as const) {
    await deliverAsLivekit(source, { event, id: `EV_${room.sid}_${event}`, createdAt: String(second), room, ...more })
  }
  return room.sid
}
