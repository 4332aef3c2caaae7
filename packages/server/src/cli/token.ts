import { type Permission, type Role, roomIdPattern } from '@rollcall/protocol'
import { signToken } from '../api/auth/token.ts'
import { Refusal } from '../error.ts'
import type { Store } from '../record/open-store.ts'
import { systemClock } from '../runtime/clock.ts'
import type { Key } from '../store/keys/key.ts'
import { onStore, requireDuration, requireEnabledKey } from './command.ts'

const permissionNames: Permission[] = ['allow_join', 'ask_join', 'allow_mod']
const roleNames: Role[] = ['crawler', 'rtc']

export const token = onStore(
  'token',
  'Sign a token, and print it',
  {
    key: { type: 'string', description: 'The API key; without it, the first that is enabled' },
    room: { type: 'string', description: 'Bind the token to this room: its roomId or customRoomId' },
    participant: { type: 'string', description: 'Bind the token to this participantId' },
    permissions: { type: 'string', description: `Of ${permissionNames.join(',')}`, default: 'allow_join,allow_mod' },
    roles: {
      type: 'string',
      description: 'crawler (the API), rtc (joining), or both; without it, both, or rtc for a participant',
    },
    expires: { type: 'string', description: 'How long it is good: 30m, 12h, 7d', default: '2h' },
  },
  async ({ key: apiKey, room, participant, permissions, roles, expires }, { reads }) => {
    const key = await requireEnabledKey(reads, apiKey)
    const lifetimeMs = requireDuration('expires', expires)
    if (lifetimeMs === 0) {
      throw new Refusal(
        'BAD_REQUEST',
        `--expires=${expires} makes a token that is never good: it takes a time from 1s on`,
      )
    }
    const roomId = room === undefined ? undefined : await requireRoomId(reads, key, room)
    const claims = {
      permissions: requireNames('permissions', permissions, permissionNames),
      roles: requireNames('roles', roles ?? (participant === undefined ? 'crawler,rtc' : 'rtc'), roleNames),
      ...(roomId !== undefined && { roomId }),
      ...(participant !== undefined && { participantId: participant }),
    }
    return `${await signToken(key, claims, { now: systemClock.now(), lifetimeMs })}\n`
  },
)

function requireNames<Name extends string>(option: string, text: string, known: Name[]): Name[] {
  return text
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '')
    .map((part) => {
      const name = known.find((one) => one === part)
      if (name !== undefined) return name
      throw new Refusal('BAD_REQUEST', `--${option}=${text} is not understood: it takes some of ${known.join(',')}`)
    })
}

/** A token names its room by roomId; a room that is not made yet can be named in that form alone. */
async function requireRoomId(reads: Store['reads'], { keyId }: Key, anyId: string): Promise<string> {
  const room = await reads.rooms.find(keyId, anyId)
  if (room !== undefined) return room.roomId
  if (roomIdPattern.test(anyId)) return anyId
  throw new Refusal('ROOM_NOT_FOUND', `--room=${anyId} is no room of this key: it takes a roomId or a customRoomId`)
}
