import { createHash } from 'node:crypto'
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
  const isBoundToAnother =
    token.participantId === undefined
      ? await isSomebodyElses(reads, room, participantId)
      : token.participantId !== participantId
  const { allowedParticipantIds } = room
  // An empty list restricts nobody: it is what PHP sends for none.
  const isAllowed = !allowedParticipantIds?.length || allowedParticipantIds.includes(participantId)
  if (isBoundToAnother || !isAllowed || !isParticipantId(participantId)) return { refused: 'INVALID_PARTICIPANT_ID' }

  const { permissions } = token
  const mayEnter = permissions.has('allow_join')
  if (!mayEnter && !permissions.has('ask_join')) return { refused: 'INVALID_PERMISSIONS' }
  const metadata = (join.metadata ?? null) as Json | null
  const named = await nameOf(reads, room, { token, join, participantId })
  const counted = inviteId ?? digestOfSigned(join.token)
  const isAnybodys = inviteId === undefined ? token.participantId === undefined : invite?.participantId === null
  const identity: Identity = {
    ...{ participantId, ...named, metadata, permissions, apiKey: token.key.apiKey },
    link: isAnybodys ? counted : null,
  }
  return { keyId, room, identity, mayEnter, counted }
}

/** What of a token is signed: a signature can be written in several ways. */
function digestOfSigned(token: string): string {
  return createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('base64')
}

/** A token that was made for an invite is good as long as that is. */
function isOfRoom(invite: Invite | undefined, { roomId }: Room, now: number): boolean {
  return invite?.roomId === roomId && isGood(invite, now)
}

/** Whoever says themselves who they are is none of those whom an invite names. */
async function isSomebodyElses(
  { invites }: Pick<Context['reads'], 'invites'>,
  { keyId, roomId }: Room,
  participantId: string,
): Promise<boolean> {
  return isGuestId(participantId) || (await invites.binds({ keyId, roomId, participantId }))
}

async function nameOf(
  { invites }: Pick<Context['reads'], 'invites'>,
  { keyId, roomId }: Room,
  { token, join, participantId }: { token: Verified; join: Join; participantId: string },
): Promise<Pick<Identity, 'name' | 'nameSource' | 'look'>> {
  const name = toCleanText(token.name ?? join.name ?? participantId)
  const look = lookOf(name)
  const sourceOf = async (): Promise<NameSource | undefined> => {
    if (token.name !== undefined) return 'bound'
    if (await invites.namesAlike({ keyId, roomId, participantId, look })) return 'alike'
    return join.name === undefined ? undefined : 'typed'
  }
  return { name, nameSource: await sourceOf(), look }
}

function isParticipantId(id: string): boolean {
  return id.length > 0 && id.length <= participantIdMaxLength && isCleanId(id)
}
