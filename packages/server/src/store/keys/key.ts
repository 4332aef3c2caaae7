import type { KeyScope } from '@rollcall/protocol'

/** An API key, its secrets in clear (they are encrypted in the database) and its owner. */
export type Key = {
  /** The owner, to whom all belongs that is recorded. */
  keyId: number
  apiKey: string
  /** 24 hex digits. */
  userId: string
  name: string | null
  email: string | null
  secret: string
  /** After a rotation the old secret is accepted until `previousUntil`. */
  previousSecret: string | null
  previousUntil: number | null
  disabledAt: number | null
  createdAt: number
  /** Of the owner's further keys: what they may do. The first may do everything, and has none. */
  scopes?: KeyScope[]
  /** From when on its tokens are refused: one of the further keys may have an end. */
  expiresAt?: number | null
  /** Of the owner's further keys: the first, as answers name it. */
  first?: Pick<Key, 'apiKey' | 'name' | 'email'>
}

/** Whether its tokens are refused at this time, in epoch milliseconds. */
export function isOver({ disabledAt, expiresAt = null }: Key, now: number): boolean {
  return disabledAt !== null || (expiresAt !== null && now >= expiresAt)
}

/** The key as answers name it, whichever of the owner's asks: pages are kept for them all. */
export function ownerOf(key: Key): Key {
  return { ...key, ...key.first }
}

/** A token of the key was good then, in epoch milliseconds. */
export type KeyUse = Pick<Key, 'keyId' | 'apiKey'> & { at: number }
