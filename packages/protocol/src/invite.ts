import { Type } from 'typebox'
import { PageInfo } from './page.ts'
import { Time } from './time.ts'

const Permissions = Type.Array(
  Type.Union([Type.Literal('allow_join'), Type.Literal('ask_join'), Type.Literal('allow_mod')]),
  { description: 'What the guest may do.' },
)

const shown = {
  id: Type.String({ description: '24 hex digits.' }),
  roomId: Type.String({ description: 'The room that it is for.' }),
  participantId: Type.Union([Type.String(), Type.Null()], {
    description: 'Who comes by it, wherever and whenever they do; null: it is for many, each a person of their own.',
  }),
  name: Type.Union([Type.String(), Type.Null()], {
    description: 'The name that they come under; null: whoever comes is asked for one.',
  }),
  permissions: Permissions,
  createdAt: Time(),
  expiresAt: Time('Until when the guest may join. Whoever is inside by then stays.'),
  revokedAt: Type.Union([Time(), Type.Null()], {
    description: 'Since when it is good no more; null: it was not revoked.',
  }),
}

export const Invite = Type.Object(
  {
    url: Type.String({ description: 'The short link: for the guest to open. It is not shown again.' }),
    token: Type.String({ description: 'Joins that room, and does nothing else; good as long as the invite is.' }),
    ...shown,
  },
  { $id: 'Invite', description: 'A link for a guest.' },
)
export type Invite = Type.Static<typeof Invite>

export const ListedInvite = Type.Object(shown, { $id: 'ListedInvite', description: 'An invite, without its link.' })
export type ListedInvite = Type.Static<typeof ListedInvite>

export const InvitePage = Type.Object(
  { pageInfo: PageInfo, data: Type.Array(ListedInvite) },
  { $id: 'InvitePage', description: 'A page of the invites to a room, newest first.' },
)
export type InvitePage = Type.Static<typeof InvitePage>

/** What the code of a link is good for. */
export const OpenedInvite = Type.Object(
  {
    id: shown.id,
    roomId: shown.roomId,
    roomName: Type.Union([Type.String(), Type.Null()], { description: 'What its owner calls the room.' }),
    token: Type.String({ description: 'Joins that room as that participant, and does nothing else.' }),
    participantId: Type.String({ description: 'Who its bearer is in the room.' }),
    isForMany: Type.Boolean({
      description: 'Each call makes another participant: keep the token to be the same one the next time.',
    }),
    name: shown.name,
    permissions: Permissions,
    expiresAt: Time('Until when the token joins.'),
  },
  { $id: 'OpenedInvite', description: 'Who comes by a link, and the token that they join with.' },
)
export type OpenedInvite = Type.Static<typeof OpenedInvite>
