import { type Account, toIsoOrNull, type UserRole } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { isOver, type Key, ownerOf } from '../../store/keys/key.ts'
import type { Caller } from '../auth/caller.ts'

type Parts = Pick<Context, 'clock'> & { reads: Pick<Context['reads'], 'users' | 'keys' | 'rooms'> }

/** Who asks, and what they may see. */
export async function toAccount({ reads, clock }: Parts, caller: Caller): Promise<Account> {
  const { key, user, roomIds, expiresAt } = caller
  const seen = user === undefined ? [ownerOf(key)] : await listSeenKeys({ reads, clock }, user.userId)
  const credentials = user && (await reads.users.findById(user.userId))
  const rooms = roomIds && (await Promise.all(roomIds.map((roomId) => reads.rooms.find(key.keyId, roomId))))
  return {
    user: user === undefined ? null : { userId: user.userId, name: user.name },
    role: roleOf(caller),
    rooms: roomIds?.map((roomId, i) => ({ roomId, customRoomId: rooms?.[i]?.customRoomId ?? null })) ?? null,
    key: toSeen(ownerOf(key)),
    keys: seen.map(toSeen),
    hasPassword: (credentials?.passwordHash ?? null) !== null,
    expiresAt: toIsoOrNull(expiresAt ?? null),
  }
}

/** The first keys of the owners whose record a user sees, without those that are disabled. */
export async function listSeenKeys({ reads, clock }: Parts, userId: string): Promise<Key[]> {
  const keys = await Promise.all((await reads.users.keysOf(userId)).map((keyId) => reads.keys.getFirst(keyId)))
  return keys.filter((key) => key !== undefined && !isOver(key, clock.now())) as Key[]
}

function roleOf({ user, key: { scopes }, roomIds }: Caller): UserRole | null {
  if (user !== undefined) return user.role
  if (scopes !== undefined && !scopes.includes('all') && !scopes.includes('read')) return null
  if (roomIds !== undefined) return 'host'
  return scopes === undefined || scopes.includes('all') ? 'administrator' : 'viewer'
}

function toSeen({ apiKey, name }: Pick<Key, 'apiKey' | 'name'>) {
  return { apiKey, name }
}
