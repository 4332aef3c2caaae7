import type { User } from '../../store/keys/users.ts'
import type { Verified } from './token.ts'

/** Who calls: what their token says, or who is signed in in the browser. */
export type Caller = Omit<Verified, 'roomId'> & {
  /** The caller sees these rooms alone. */
  roomIds?: readonly string[]
  /** Absent: whoever has the token. */
  user?: User
  /** Of a browser: the sign-in, and what the browser keeps of it. */
  signIn?: { id: string; secret: string }
}

/** What a token says is bound to one room; what sees rooms may see several. */
export function toCaller({ roomId, ...verified }: Verified): Caller {
  return { ...verified, ...(roomId !== undefined && { roomIds: [roomId] }) }
}

/** Who is bound to rooms sees these alone. */
export function maySee({ roomIds }: Caller, roomId: string): boolean {
  return roomIds === undefined || roomIds.includes(roomId)
}

/** For what is refused to them. */
export function whoIsBound({ user, roomIds = [] }: Caller): string {
  return user === undefined ? `This token is bound to room ${roomIds.join(', ')}` : 'A host sees their own rooms'
}
