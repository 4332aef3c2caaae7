import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Invite, nameMaxLength, toIso } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { type ApiAuth, callerOf } from './auth/auth.ts'
import { scopes } from './auth/scopes.ts'
import { signToken } from './auth/token.ts'
import { requireRoom } from './find.ts'
import { baseUrlOf } from './http/base-url.ts'
import { refusals } from './http/refusals.ts'
import { inviteMaxSeconds, inviteSecondsDefault } from './limits.ts'

const RoomPath = Type.Object({ id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }) })

const NewInvite = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        maxLength: nameMaxLength,
        description: `a text of at most ${nameMaxLength} characters`,
        about: 'The guest’s name.',
      }),
    ),
    permissions: Type.Optional(
      Type.Array(Type.Union([Type.Literal('allow_join'), Type.Literal('ask_join'), Type.Literal('allow_mod')]), {
        minItems: 1,
        maxItems: 3,
        description: 'a list of some of allow_join, ask_join, allow_mod',
        about: 'What the guest may do; without it, join.',
      }),
    ),
    expiresInSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: inviteMaxSeconds,
        default: inviteSecondsDefault,
        description: `a whole number of seconds from 1 to ${inviteMaxSeconds}`,
        about: 'How long the link is good.',
      }),
    ),
  },
  { additionalProperties: false },
)

/** `POST /v2/rooms/:id/invites`: a link for a guest, whose token joins that room and does nothing else. */
export function inviteRoutes(
  { config, clock, reads }: Pick<Context, 'config' | 'clock' | 'reads'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    const invite = {
      operationId: 'createInvite',
      scopes: scopes('rooms'),
      tags: ['Rooms'],
      summary: 'Invite a guest',
      description:
        'A link to the room’s page for somebody without an account. Rollcall’s own: VideoSDK has no such call.',
      params: RoomPath,
      body: NewInvite,
      response: { 200: Invite, ...refusals('ROOM_NOT_FOUND', 'CONFLICT') },
    }
    app.post('/v2/rooms/:id/invites', { onRequest: auth.crawler, schema: invite }, async (request) => {
      const caller = callerOf(request)
      const { roomId, disabled } = await requireRoom(reads, caller, request.params.id)
      if (disabled) throw new Refusal('CONFLICT', `Room ${roomId} is disabled: nobody can join it`)
      const { name, permissions = ['allow_join'], expiresInSeconds = inviteSecondsDefault } = request.body
      // In whole seconds, as the token's own claims.
      const now = Math.floor(clock.now() / 1000) * 1000
      const lifetimeMs = expiresInSeconds * 1000
      const token = await signToken(caller.key, { roomId, permissions, roles: ['rtc'] }, { now, lifetimeMs })
      // Behind the `#`, so that no server and no proxy on the way writes the token into its log.
      const fragment = new URLSearchParams({ token, ...(name !== undefined && { name }) })
      return {
        url: `${baseUrlOf(request, config)}/room/${roomId}#${fragment}`,
        token,
        expiresAt: toIso(now + lifetimeMs),
      }
    })
  }
}
