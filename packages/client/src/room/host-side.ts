import { requireId } from './join.ts'
import type { LiveRoom } from './live-room.ts'
import type { RoomSender } from './sender.ts'

/** What somebody inside may do about others, where their token allows it. */
type HostSide = Pick<
  LiveRoom,
  'mute' | 'muteAll' | 'remove' | 'letBack' | 'lock' | 'end' | 'admit' | 'admitAll' | 'deny'
>

export function createHostSide({ say }: Pick<RoomSender, 'say'>): HostSide {
  return {
    mute: (participantId, kind) => say({ type: 'mute', participantId: requireId(participantId), ...toKind(kind) }),
    muteAll: (kind) => say({ type: 'mute-all', ...toKind(kind) }),
    remove: (participantId, { keepOut = false } = {}) =>
      say({ type: 'remove', participantId: requireId(participantId), ...(keepOut && { keepOut }) }),
    letBack: (participantId) => say({ type: 'let-back', participantId: requireId(participantId) }),
    lock: (locked) => say({ type: 'lock', locked: locked === true }),
    end: () => say({ type: 'end' }),
    admit: (participantId) => say({ type: 'admit', participantId: requireId(participantId) }),
    admitAll: () => say({ type: 'admit-all' }),
    deny: (participantId) => say({ type: 'deny', participantId: requireId(participantId) }),
  }
}

function toKind(kind: 'audio' | 'video' | undefined): { kind?: 'audio' | 'video' } {
  if (kind === undefined) return {}
  if (kind === 'audio' || kind === 'video') return { kind }
  throw new TypeError(`kind=${kind} is not understood: it takes audio, video or nothing`)
}
