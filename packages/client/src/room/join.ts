// By their own path: the rest of the protocol brings its schemas and their validator, which a browser has no use for.
import { nameMaxLength, participantIdMaxLength } from '@rollcall/protocol/ids'
import { requireText } from '../text.ts'
import type { JoinOptions } from './live-room.ts'

/** Who asks to come in where, as the join says it: the room's own id and the participant's, once the server said them. */
export type Join = Pick<JoinOptions, 'roomId' | 'participantId' | 'name' | 'metadata'>

export function toJoin({ token, roomId, participantId, name, metadata }: JoinOptions): Join {
  if (typeof token !== 'function') requireText('token', token)
  return {
    roomId: requireText('roomId', roomId),
    ...(participantId !== undefined && { participantId: requireId(participantId) }),
    ...(name !== undefined && { name: requireText('name', name, nameMaxLength) }),
    ...(metadata !== undefined && { metadata: requireJson('metadata', metadata) }),
  }
}

export function requireId(participantId: string): string {
  return requireText('participantId', participantId, participantIdMaxLength)
}

export function requireJson(name: string, value: unknown): unknown {
  if (JSON.stringify(value) !== undefined) return value
  throw new TypeError(`${name} is ${typeof value}: it takes what JSON can say`)
}
