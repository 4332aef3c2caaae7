import { type ListedInvite, type TokenClaims, toIso, toIsoOrNull } from '@rollcall/protocol'
import type { Invite } from '../../store/keys/invites.ts'

/** An invite, as the API shows it. */
export function toListedInvite(invite: Invite): ListedInvite {
  const { id, roomId, participantId, name, permissions, createdAt, expiresAt, revokedAt } = invite
  return {
    ...{ id, roomId, participantId, name, permissions },
    createdAt: toIso(createdAt),
    expiresAt: toIso(expiresAt),
    revokedAt: toIsoOrNull(revokedAt),
  }
}

/** What a token for an invite says. */
export function toClaims({ id, roomId, participantId, name, permissions }: Invite): Omit<TokenClaims, 'apikey'> {
  return {
    roomId,
    permissions,
    roles: ['rtc'],
    invite: id,
    ...(participantId !== null && { participantId }),
    ...(name !== null && { name }),
  }
}
