import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Invite, InvitePage, ListedInvite, nameMaxLength, participantIdMaxLength, toPageInfo } from '@rollcall/protocol'
import { Type } from 'typebox'
import type { Context } from '../../context.ts'
import { Refusal } from '../../error.ts'
import { quote } from '../../runtime/explain.ts'
import { type ApiAuth, callerOf } from '../auth/auth.ts'
import { scopes } from '../auth/scopes.ts'
import { requireRoom } from '../find.ts'
import { baseUrlOf } from '../http/base-url.ts'
import { refusals } from '../http/refusals.ts'
import { noteAbout } from '../keys/keep-audit.ts'
import { inviteMaxSeconds, inviteSecondsDefault } from '../limits.ts'
import { PageQuery, toPage } from '../paging/page-query.ts'
import { makeInvite } from './making.ts'
import { toListedInvite } from './view.ts'

const RoomPath = Type.Object({ id: Type.String({ description: 'a roomId, customRoomId or id', about: 'The room.' }) })
const InvitePath = Type.Object({
  ...RoomPath.properties,
  inviteId: Type.String({ description: 'one exact id', about: 'The invite.' }),
})

const NewInvite = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        maxLength: nameMaxLength,
        description: `a text of at most ${nameMaxLength} characters`,
        about:
          'The guest’s name: the link is theirs alone, and nobody types another. Without it and `participantId` the link is for many, and whoever comes is asked for a name.',
      }),
    ),
    participantId: Type.Optional(
      Type.String({
        maxLength: participantIdMaxLength,
        description: `a text of at most ${participantIdMaxLength} characters`,
        about:
          'Who the guest is, where you know them already: a second invite with it is the same person. Without it, one with a name gets an id of its own.',
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

const schemas = {
  create: {
    operationId: 'createInvite',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Invite a guest',
    description:
      'A link to the room’s page for somebody without an account: for one person, or for many. Rollcall’s own: VideoSDK has no such call.',
    params: RoomPath,
    body: NewInvite,
    response: { 200: Invite, ...refusals('ROOM_NOT_FOUND', 'CONFLICT') },
  },
  list: {
    operationId: 'listInvites',
    scopes: scopes('read', 'rooms'),
    tags: ['Rooms'],
    summary: 'List the invites to a room',
    description: 'Newest first, without their links; those that are over for 90 days are gone.',
    params: RoomPath,
    querystring: PageQuery,
    response: { 200: InvitePage, ...refusals('ROOM_NOT_FOUND') },
  },
  revoke: {
    operationId: 'revokeInvite',
    scopes: scopes('rooms'),
    tags: ['Rooms'],
    summary: 'Revoke an invite',
    description: 'Nobody comes in by its link any more, nor by a token of it. Whoever is inside stays.',
    params: InvitePath,
    response: { 200: ListedInvite, ...refusals('ROOM_NOT_FOUND', 'INVITE_NOT_FOUND') },
  },
}

/** `/v2/rooms/:id/invites`: links for guests, whose tokens join that room and do nothing else. */
export function inviteRoutes(
  { config, clock, reads, writes }: Pick<Context, 'config' | 'clock' | 'reads' | 'writes'>,
  { auth }: { auth: ApiAuth },
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post('/v2/rooms/:id/invites', { onRequest: auth.reports, schema: schemas.create }, async (request) => {
      const caller = callerOf(request)
      const room = await requireRoom(reads, caller, request.params.id)
      const base = baseUrlOf(request, config)
      const invite = await makeInvite({ writes, clock }, { key: caller.key, room, base }, request.body)
      const { id: inviteId, roomId, participantId } = invite
      noteAbout(request, { roomId, inviteId, ...(participantId !== null && { participantId }) })
      return invite
    })

    app.get('/v2/rooms/:id/invites', { onRequest: auth.reports, schema: schemas.list }, async (request) => {
      const { keyId, roomId } = await requireRoom(reads, callerOf(request), request.params.id)
      const page = toPage(request.query)
      const { invites, total } = await reads.invites.list({ keyId, roomId }, page)
      return { pageInfo: toPageInfo(page.page, page.perPage, total), data: invites.map(toListedInvite) }
    })

    app.delete(
      '/v2/rooms/:id/invites/:inviteId',
      { onRequest: auth.reports, schema: schemas.revoke },
      async (request) => {
        const { keyId, roomId } = await requireRoom(reads, callerOf(request), request.params.id)
        const { inviteId: id } = request.params
        const known = await reads.invites.find(keyId, id)
        const revoked = known?.roomId === roomId ? await writes.invites.revoke({ keyId, id }) : undefined
        if (revoked === undefined) throw new Refusal('INVITE_NOT_FOUND', `Invite ${quote(id)} not found`)
        noteAbout(request, {
          roomId,
          inviteId: id,
          ...(revoked.participantId && { participantId: revoked.participantId }),
        })
        return toListedInvite(revoked)
      },
    )
  }
}
