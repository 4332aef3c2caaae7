import { hash } from 'node:crypto'
import {
  type CloseName,
  isCleanId,
  isGuestId,
  type JoinMessage,
  type Json,
  type NameSource,
  participantIdMaxLength,
  toCleanText,
} from '@rollcall/protocol'
import type { Static } from 'typebox'
import { mayDo } from '../api/auth/scopes.ts'
import { TokenRefusal, type TokenVerifier, type Verified } from '../api/auth/token.ts'
import type { Context } from '../context.ts'
import { lookOf } from '../runtime/look.ts'
import { randomLetters } from '../store/database/ids.ts'
import { type Invite, isGood } from '../store/keys/invites.ts'
import type { Room } from '../store/rooms.ts'
import type { Identity } from './connection.ts'

export type Join = Static<typeof JoinMessage>

/** Who joins which room, or the close that says why not. `mayEnter`: false: has to be admitted. */
export type Admission =
  | {
      keyId: number
      room: Room
      identity: Identity
      mayEnter: boolean
      /** What its joins are counted by: of an invite, of which anybody may have more tokens made, all together. */
      counted: string
    }
  | { refused: CloseName }

/** Checks a join: the token (only now: it may expire while its bearer is inside), the room, and whether it takes this participant. */
export async function checkJoin(
  { reads, clock }: Pick<Context, 'reads' | 'clock'>,
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
  const { inviteId } = token
  const invite = inviteId === undefined ? undefined : await reads.invites.find(keyId, inviteId)
  if (inviteId !== undefined && !isOfRoom(invite, room, clock.now())) return { refused: 'INVALID_TOKEN' }

  const participantId = join.participantId ?? token.participantId ?? randomLetters(8)
  const { allowedParticipantIds } = room
  // An empty list restricts nobody: it is what PHP sends for none.
  const isAllowed = !allowedParticipantIds?.length || allowedParticipantIds.includes(participantId)
  if (!isAllowed || !isParticipantId(participantId)) return { refused: 'INVALID_PARTICIPANT_ID' }
  const name = toCleanText(token.name ?? join.name ?? participantId)
  const look = lookOf(name)
  const isBound = token.participantId !== undefined && token.name !== undefined
  const taken = isBound ? undefined : await reads.invites.taken({ keyId, roomId: room.roomId, participantId, look })
  // Whoever says themselves who they are is none of those whom an invite names.
  const isAnothers =
    token.participantId === undefined
      ? isGuestId(participantId) || taken?.id === true
      : token.participantId !== participantId
  if (isAnothers) return { refused: 'INVALID_PARTICIPANT_ID' }

  const { permissions } = token
  const mayEnter = permissions.has('allow_join')
  if (!mayEnter && !permissions.has('ask_join')) return { refused: 'INVALID_PERMISSIONS' }
  const metadata = (join.metadata ?? null) as Json | null
  const nameSource = nameSourceOf(token, join, taken?.name === true)
  const counted = inviteId ?? digestOfSigned(join.token)
  const isAnybodys = inviteId === undefined ? token.participantId === undefined : invite?.participantId === null
  const identity: Identity = {
    ...{ participantId, name, nameSource, look, metadata, permissions, apiKey: token.key.apiKey },
    link: isAnybodys ? counted : null,
  }
  return { keyId, room, identity, mayEnter, counted }
}

/** What of a token is signed: a signature can be written in several ways. */
function digestOfSigned(token: string): string {
  return hash('sha256', token.slice(0, token.lastIndexOf('.')), 'base64')
}

/** A token that was made for an invite is good as long as that is. */
function isOfRoom(invite: Invite | undefined, { roomId }: Room, now: number): boolean {
  return invite?.roomId === roomId && isGood(invite, now)
}

/** Who answers for a name: nobody does where it was left out. */
function nameSourceOf(token: Verified, join: Join, isAlike: boolean): NameSource | undefined {
  if (token.name !== undefined) return 'bound'
  if (isAlike) return 'alike'
  return join.name === undefined ? undefined : 'typed'
}

function isParticipantId(id: string): boolean {
  return id.length > 0 && id.length <= participantIdMaxLength && isCleanId(id)
}
