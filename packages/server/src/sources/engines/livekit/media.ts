import type { MediaKind } from '@rollcall/protocol'
import { Type } from 'typebox'
import { checkOf } from '../../../runtime/check.ts'
import type { ReportedFact } from '../engine.ts'
import { toId } from '../reported.ts'
import { toMs } from './participant.ts'

// LiveKit's events of tracks and of egress. Of a track its sid and its source are read, of an egress its id and its times: a
// track's name is what somebody wrote, and the address of a stream may hold a secret.

const Int64 = Type.Union([Type.String({ pattern: '^\\d{1,19}$' }), Type.Integer()])
const id = Type.Optional(Type.String({ minLength: 1 }))
const sidAndName = Type.Object({ sid: Type.String({ minLength: 1 }), name: Type.String({ minLength: 1 }) })
const checkTrackEvent = checkOf(
  Type.Object({
    event: Type.String(),
    id,
    createdAt: Int64,
    room: sidAndName,
    participant: Type.Object({ sid: Type.String({ minLength: 1 }), identity: Type.String({ minLength: 1 }) }),
    track: Type.Object({
      sid: Type.String({ minLength: 1 }),
      source: Type.Union([Type.String(), Type.Integer()]),
    }),
  }),
)
const checkEgressEvent = checkOf(
  Type.Object({
    event: Type.String(),
    id,
    createdAt: Int64,
    egressInfo: Type.Object({
      egressId: Type.String({ minLength: 1 }),
      roomId: Type.String({ minLength: 1 }),
      roomName: Type.String({ minLength: 1 }),
      startedAt: Type.Optional(Int64),
      endedAt: Type.Optional(Int64),
    }),
  }),
)

/** What a track may be of, by its name and by its number in `TrackSource`. */
export const mediaOf = new Map<string | number, MediaKind>([
  ...([
    ['CAMERA', 'camera'],
    [1, 'camera'],
  ] as const),
  ...([
    ['MICROPHONE', 'microphone'],
    [2, 'microphone'],
  ] as const),
  ...([
    ['SCREEN_SHARE', 'screen'],
    [3, 'screen'],
  ] as const),
  ...([
    ['SCREEN_SHARE_AUDIO', 'screen-audio'],
    [4, 'screen-audio'],
  ] as const),
])

/** Somebody published a track, or ceased to; undefined where the event does not tell what the track is of. */
export function toMediaToggled(event: unknown): ReportedFact | undefined {
  if (!checkTrackEvent.Check(event)) return undefined
  const media = mediaOf.get(event.track.source)
  if (media === undefined) return undefined
  const { id, createdAt, room, participant, track } = event
  return {
    type: event.event === 'track_published' ? 'media-started' : 'media-stopped',
    ...(id !== undefined && { id: toId(id) }),
    roomId: toId(room.name),
    sessionKey: toId(room.sid),
    at: toMs(createdAt),
    participantId: toId(participant.identity),
    connectionId: toId(participant.sid),
    media,
    mediaId: toId(track.sid),
  }
}

/** An egress began or ended; undefined where the event tells of neither, or of no room. */
export function toRecordingToggled(event: unknown): ReportedFact | undefined {
  if (!checkEgressEvent.Check(event)) return undefined
  const { id, createdAt, egressInfo } = event
  const isEnd = event.event === 'egress_ended'
  // One that failed before it began recorded nothing.
  if (isEnd ? !isTold(egressInfo.startedAt) : event.event !== 'egress_started') return undefined
  const at = isEnd ? egressInfo.endedAt : egressInfo.startedAt
  return {
    type: isEnd ? 'recording-stopped' : 'recording-started',
    ...(id !== undefined && { id: toId(id) }),
    roomId: toId(egressInfo.roomName),
    sessionKey: toId(egressInfo.roomId),
    at: isTold(at) ? fromNanoseconds(at) : toMs(createdAt),
    recordingId: toId(egressInfo.egressId),
  }
}

function isTold(at: string | number | undefined): at is string | number {
  return Number(at ?? 0) > 0
}

/** An egress's times, unlike all others, are in nanoseconds. */
function fromNanoseconds(at: string | number): number {
  return Math.floor(Number(at) / 1e6)
}
