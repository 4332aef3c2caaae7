import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { OpenedInvite, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { randomLetters } from '../../store/database/ids.ts'
import { isGood } from '../../store/keys/invites.ts'
import { isOver } from '../../store/keys/key.ts'
import type { ApiAuth } from '../auth/auth.ts'
import { signToken } from '../auth/token.ts'
import { refusals } from '../http/refusals.ts'
import { linkCodeMaxLength } from '../limits.ts'
import { digestOf } from './making.ts'
import { toClaims } from './view.ts'

const InviteToOpen = Type.Object({
  code: Type.String({
    minLength: 1,
    maxLength: linkCodeMaxLength,
    description: `a text of 1 to ${linkCodeMaxLength} characters`,
    about: 'What follows the `#` in the link.',
  }),
})

/** `POST /v2/invites/open`: the code of a link, as often as it is opened, for a token that joins its room. */
export function inviteOpeningRoutes(
  { clock, reads }: Pick<Context, 'clock' | 'reads'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const open = {
      operationId: 'openInvite',
      tags: ['Rooms'],
      summary: 'Open an invite',
      description:
        'Exchanges the code of an invite’s link for a token that joins its room: as the person whom it is for, or, where it is for many, as one of their own. It takes no token. A code that is unknown, revoked or too old is answered alike.',
      body: InviteToOpen,
      response: { 200: OpenedInvite, ...refusals('INVITE_NOT_FOUND') },
    }
    app.post('/v2/invites/open', { onRequest: auth.open, schema: open }, async (request) => {
      const opened = await openInvite(request.body.code.trim().toLowerCase())
      if (opened !== undefined) return opened
      throw new Refusal('INVITE_NOT_FOUND', 'This link is not good, or no longer: ask whoever sent it for another')
    })
  }

  async function openInvite(code: string): Promise<OpenedInvite | undefined> {
    const invite = await reads.invites.findByDigest(digestOf(code))
    if (invite === undefined || !isGood(invite, clock.now())) return undefined
    const [key, room] = await Promise.all([
      reads.keys.find(invite.apiKey),
      reads.rooms.find(invite.keyId, invite.roomId),
    ])
    if (key === undefined || isOver(key, clock.now()) || room === undefined) return undefined
    const { id, roomId, name, permissions, expiresAt } = invite
    const participantId = invite.participantId ?? newGuestId()
    const now = Math.floor(clock.now() / 1000) * 1000
    const token = await signToken(key, toClaims({ ...invite, participantId }), { now, lifetimeMs: expiresAt - now })
    const isForMany = invite.participantId === null
    const roomName = room.customRoomId
    return {
      ...{ id, roomId, roomName, token, participantId, isForMany, name, permissions },
      expiresAt: toIso(expiresAt),
    }
  }
}

/** Of the form that `isGuestId` knows. */
function newGuestId(): string {
  return `guest.${randomLetters(16)}`
}
