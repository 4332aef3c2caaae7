import { type Permission, toIso } from '@rollcall/protocol'
import { defineCommand } from 'citty'
import { makeInvite } from '../api/invites/making.ts'
import { inviteMaxSeconds } from '../api/limits.ts'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import { type Invite, isGood } from '../store/keys/invites.ts'
import type { Key } from '../store/keys/key.ts'
import type { Room } from '../store/rooms.ts'
import { onStore, requireDuration, requireEnabledKey, serverUrl, toTable } from './command.ts'

const room = { type: 'positional', description: 'Its roomId or customRoomId', required: true } as const
const key = {
  type: 'string',
  description: 'The API key that it belongs to; without it, the first that is enabled',
} as const
/** Most that are listed: the newest. */
const listedMax = 1000

const addInvite = onStore(
  'add',
  'Make a link into a room, and print it: it is shown this once',
  {
    room,
    key,
    name: { type: 'string', description: 'Whose it is: they come under this name; without it, it is for many' },
    'participant-id': { type: 'string', description: 'Who they are, where you know them already' },
    for: { type: 'string', description: 'How long it is good, such as 12h or 30d', default: '24h' },
    host: { type: 'boolean', description: 'They may mute and remove, lock the room and end the meeting' },
    asks: { type: 'boolean', description: 'Somebody inside has to let them in' },
  },
  async (
    { room: anyId, key: apiKey, name, 'participant-id': participantId, for: lifetime, host, asks },
    store,
    config,
  ) => {
    const owner = await requireEnabledKey(store.reads, apiKey)
    const room = await requireRoom(store, owner, anyId)
    const expiresInSeconds = Math.floor(requireDuration('for', lifetime) / 1000)
    if (expiresInSeconds < 1 || expiresInSeconds > inviteMaxSeconds) {
      throw new Refusal('BAD_REQUEST', `--for=${lifetime} is not understood: it takes a second to a year`)
    }
    const permissions: Permission[] = [asks ? 'ask_join' : 'allow_join', ...(host ? (['allow_mod'] as const) : [])]
    const parts = { writes: store.writes, clock: systemClock }
    const base = await serverUrl(store, config)
    const { url, id } = await makeInvite(
      parts,
      { key: owner, room, base },
      {
        ...{ permissions, expiresInSeconds },
        ...(name !== undefined && { name }),
        ...(participantId !== undefined && { participantId }),
      },
    )
    await noteCommand(store, room, 'invites add', id)
    return `${url}\n`
  },
)

const listInvites = onStore('list', 'List the links into a room, newest first', { room, key }, async (given, store) => {
  const owner = await requireEnabledKey(store.reads, given.key)
  const { keyId, roomId } = await requireRoom(store, owner, given.room)
  const { invites } = await store.reads.invites.list({ keyId, roomId }, { page: 1, perPage: listedMax })
  return toTable([['ID', 'WHOSE', 'MAY', 'UNTIL', 'STATE'], ...invites.map(toRow)])
})

const revokeInvite = onStore(
  'revoke',
  'Take a link into a room back: nobody comes in by it any more',
  { room, id: { type: 'positional', description: 'As `invites list` has it', required: true }, key },
  async (given, store) => {
    const owner = await requireEnabledKey(store.reads, given.key)
    const room = await requireRoom(store, owner, given.room)
    const known = await store.reads.invites.find(room.keyId, given.id)
    if (known?.roomId !== room.roomId) {
      throw new Refusal('INVITE_NOT_FOUND', `there is no invite ${given.id}: see rollcall invites list ${given.room}`)
    }
    await store.writes.invites.revoke({ keyId: room.keyId, id: given.id })
    await noteCommand(store, room, 'invites revoke', given.id)
    return `${given.id} is revoked\n`
  },
)

export const invites = defineCommand({
  meta: { name: 'invites', description: 'Links into hosted rooms' },
  subCommands: { add: addInvite, list: listInvites, revoke: revokeInvite },
})

async function requireRoom({ reads }: Pick<Store, 'reads'>, { keyId }: Key, anyId: string): Promise<Room> {
  const found = await reads.rooms.find(keyId, anyId)
  if (found !== undefined) return found
  throw new Refusal('ROOM_NOT_FOUND', `there is no room ${anyId}`)
}

function toRow({ id, name, participantId, permissions, expiresAt, revokedAt }: Invite): string[] {
  const state = isGood({ revokedAt, expiresAt }, systemClock.now()) ? 'good' : revokedAt === null ? 'over' : 'revoked'
  return [id, name ?? participantId ?? 'many', permissions.join(' '), toIso(expiresAt), state]
}

/** In the owner's audit log: whoever has the machine did it. */
async function noteCommand(
  { writes }: Store,
  { keyId, roomId }: Room,
  action: string,
  inviteId: string,
): Promise<void> {
  await writes.audit.add({
    ...{ keyId, action, apiKey: null, asParticipant: null, about: { roomId, inviteId }, participantId: null },
  })
}
