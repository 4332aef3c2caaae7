import { randomUUID } from 'node:crypto'
import type { KeyScope } from '@rollcall/protocol'
import type { Updateable } from 'kysely'
import { newSecret } from '../database/secrets.ts'
import type { Tables } from '../database/tables.ts'
import { noun, type Over, query } from '../noun.ts'
import type { Key } from './key.ts'

const columns = [
  's.key_id as keyId',
  's.api_key as apiKey',
  'k.api_key as firstApiKey',
  'k.name as firstName',
  'k.email as firstEmail',
  'k.user_id as userId',
  's.name',
  's.scopes_json as scopesJson',
  's.secret',
  's.previous_secret as previousSecret',
  's.previous_until as previousUntil',
  's.expires_at as expiresAt',
  's.disabled_at as disabledAt',
  'k.disabled_at as ownerDisabledAt',
  's.created_at as createdAt',
] as const

type Row = Omit<Key, 'email' | 'scopes'> & {
  scopesJson: string
  ownerDisabledAt: number | null
  firstApiKey: string
  firstName: string | null
  firstEmail: string | null
}
type OfKey = { keyId: number; apiKey: string }

const byApiKey = query<{ apiKey: string }, Row>((k, p) =>
  k
    .selectFrom('scoped_keys as s')
    .innerJoin('keys as k', 'k.key_id', 's.key_id')
    .select(columns)
    .where('s.api_key', '=', p.apiKey),
)
const ofOwner = query<{ keyId: number }, Row>((k, p) =>
  k
    .selectFrom('scoped_keys as s')
    .innerJoin('keys as k', 'k.key_id', 's.key_id')
    .select(columns)
    .where('s.key_id', '=', p.keyId)
    .orderBy('s.created_at')
    .orderBy('s.api_key'),
)

const deleteKey = query<OfKey>((k, p) =>
  k.deleteFrom('scoped_keys').where('key_id', '=', p.keyId).where('api_key', '=', p.apiKey),
)
const deleteUse = query<OfKey>((k, p) =>
  k.deleteFrom('key_uses').where('key_id', '=', p.keyId).where('api_key', '=', p.apiKey),
)

/** One of an owner's further keys. Where the owner's first is disabled, they all are. */
export async function findScopedKey({ db, box }: Over, apiKey: string): Promise<Key | undefined> {
  const [row] = await db.all(byApiKey(db), { apiKey })
  return row && opened(row, box)
}

/** The further keys of owners, each with a part of what the first may do. */
export const scopedKeys = noun({
  reads: {
    /** In the order in which they were made. */
    async list({ db, box }: Over, keyId: number): Promise<Key[]> {
      return (await db.all(ofOwner(db), { keyId })).map((row) => opened(row, box))
    },
  },
  writes: {
    async add(over: Over, input: NewScopedKey): Promise<Key> {
      const { db, box, now } = over
      const apiKey = randomUUID()
      const row = {
        key_id: input.keyId,
        api_key: apiKey,
        name: input.name,
        scopes_json: JSON.stringify(input.scopes),
        secret: box.seal(newSecret()),
        expires_at: input.expiresAt,
        created_at: now(),
      }
      await db.insertRows('scoped_keys', [row])
      return (await findScopedKey(over, apiKey)) as Key
    },
    /** What is not named stays. Undefined where the owner has no such key. */
    async update(over: Over, { keyId, apiKey, ...changes }: OfKey & ScopedKeyChanges): Promise<Key | undefined> {
      const { name, expiresAt, disabled } = changes
      const known = await findScopedKey(over, apiKey)
      if (known?.keyId !== keyId) return undefined
      const disabledAt = disabled ? (known.disabledAt ?? over.now()) : null
      return change(over, apiKey, {
        name: name ?? known.name ?? '',
        expires_at: expiresAt === undefined ? (known.expiresAt ?? null) : expiresAt,
        ...(disabled !== undefined && { disabled_at: disabledAt }),
      })
    },
    /** The old secret stays good until `previousUntil`. Undefined where the owner has no such key. */
    async rotate(over: Over, { keyId, apiKey, previousUntil }: OfKey & { previousUntil: number }) {
      const known = await findScopedKey(over, apiKey)
      if (known?.keyId !== keyId) return undefined
      return change(over, apiKey, {
        secret: over.box.seal(newSecret()),
        previous_secret: over.box.seal(known.secret),
        previous_until: previousUntil,
      })
    },
    /** What was recorded stays: it is the owner's. False where the owner has no such key. */
    async remove({ db }: Over, { keyId, apiKey }: OfKey): Promise<boolean> {
      if ((await db.run(deleteKey(db), { keyId, apiKey })) === 0) return false
      await db.run(deleteUse(db), { keyId, apiKey })
      return true
    },
  },
  unseen: ['add', 'update', 'rotate', 'remove'],
})

/** `expiresAt`: epoch milliseconds. */
export type NewScopedKey = { keyId: number; name: string; scopes: KeyScope[]; expiresAt: number | null }
type ScopedKeyChanges = {
  name?: string | undefined
  expiresAt?: number | null | undefined
  disabled?: boolean | undefined
}

async function change(over: Over, apiKey: string, set: Updateable<Tables['scoped_keys']>): Promise<Key | undefined> {
  await over.db.kysely.updateTable('scoped_keys').set(set).where('api_key', '=', apiKey).execute()
  return findScopedKey(over, apiKey)
}

function opened(
  { scopesJson, ownerDisabledAt, firstApiKey, firstName, firstEmail, ...row }: Row,
  box: Over['box'],
): Key {
  return {
    ...row,
    first: { apiKey: firstApiKey, name: firstName, email: firstEmail },
    email: null,
    scopes: JSON.parse(scopesJson) as KeyScope[],
    secret: box.open(row.secret),
    previousSecret: row.previousSecret === null ? null : box.open(row.previousSecret),
    disabledAt: row.disabledAt ?? ownerDisabledAt,
  }
}
