import {
  type CloseName,
  isCleanId,
  type JoinMessage,
  type Json,
  participantIdMaxLength,
  toCleanText,
} from '@rollcall/protocol'
import type { Static } from 'typebox'
import { mayDo } from '../api/auth/scopes.ts'
import { TokenRefusal, type TokenVerifier, type Verified } from '../api/auth/token.ts'
import type { Context } from '../context.ts'
import { randomLetters } from '../store/database/ids.ts'
import type { Room } from '../store/rooms.ts'
import type { Identity } from './connection.ts'

export type Join = Static<typeof JoinMessage>

/** Who joins which room, or the close that says why not. `mayEnter`: false: has to be admitted. */
export type Admission = { keyId: number; room: Room; identity: Identity; mayEnter: boolean } | { refused: CloseName }

/** Checks a join: the token (only now: it may expire while its bearer is inside), the room, and whether it takes this participant. */
export async function checkJoin(
  { reads }: Pick<Context, 'reads'>,
  verifyToken: TokenVerifier,
  join: Join,
): Promise<Admission> {
  let token: Verified
  try {
    token = await verifyToken(join.token)
  } catch (error) {
    if (!(error instanceof TokenRefusal)) throw error
    return { refused: error.reason === 'key' ? 'INVALID_API_KEY' : 'INVALID_TOKEN' }
  }
  if (!token.roles.has('rtc') || !mayDo(token.key, ['rooms'])) return { refused: 'INVALID_TOKEN' }
  const { keyId } = token.key
  const room = await reads.rooms.find(keyId, join.roomId)
  if (token.roomId !== undefined && token.roomId !== room?.roomId) return { refused: 'UNAUTHORIZED_ROOM_ID' }
  if (room === undefined || room.disabled) return { refused: 'INVALID_MEETING_ID' }

  const participantId = join.participantId ?? token.participantId ?? randomLetters(8)
  const isBoundToAnother = token.participantId !== undefined && token.participantId !== participantId
  const { allowedParticipantIds } = room
  // An empty list restricts nobody: it is what PHP sends for none.
  const isAllowed = !allowedParticipantIds?.length || allowedParticipantIds.includes(participantId)
  if (isBoundToAnother || !isAllowed || !isParticipantId(participantId)) return { refused: 'INVALID_PARTICIPANT_ID' }

  const { permissions } = token
  const mayEnter = permissions.has('allow_join')
  if (!mayEnter && !permissions.has('ask_join')) return { refused: 'INVALID_PERMISSIONS' }
  const name = toCleanText(join.name ?? participantId)
  const metadata = (join.metadata ?? null) as Json | null
  return { keyId, room, identity: { participantId, name, metadata, permissions }, mayEnter }
}

function isParticipantId(id: string): boolean {
  return id.length > 0 && id.length <= participantIdMaxLength && isCleanId(id)
}
