import { randomUUID } from 'node:crypto'
import { Refusal } from '../../error.ts'
import { newObjectId } from '../database/ids.ts'
import { newSecret } from '../database/secrets.ts'
import { noun, type Over, query } from '../noun.ts'
import type { Key, KeyUse } from './key.ts'
import { findScopedKey, scopedKeys } from './scoped-keys.ts'
import { dropUnseenUsers } from './users.ts'

/** What the key is called that is made at the first start. */
const firstKeyName = 'Owner'

type NewKey = { name: string | null; email: string | null; apiKey?: string; secret?: string; userId?: string }

const columns = [
  'key_id as keyId',
  'api_key as apiKey',
  'user_id as userId',
  'name',
  'email',
  'secret',
  'previous_secret as previousSecret',
  'previous_until as previousUntil',
  'disabled_at as disabledAt',
  'created_at as createdAt',
] as const

const byApiKey = query<{ apiKey: string }, Key>((k, p) =>
  k.selectFrom('keys').select(columns).where('api_key', '=', p.apiKey),
)
const ofOwner = query<{ keyId: number }, Key>((k, p) =>
  k.selectFrom('keys').select(columns).where('key_id', '=', p.keyId),
)
const usesOf = query<{ keyId: number }, { apiKey: string; at: number }>((k, p) =>
  k.selectFrom('key_uses').select(['api_key as apiKey', 'used_at as at']).where('key_id', '=', p.keyId),
)
const inOrder = query<object, Key>((k) => k.selectFrom('keys').select(columns).orderBy('key_id'))
type Insert = { apiKey: string; userId: string; name: string | null; email: string | null; secret: string; at: number }
const insert = query<Insert, Key>((k, p) =>
  k
    .insertInto('keys')
    .values({
      api_key: p.apiKey,
      user_id: p.userId,
      name: p.name,
      email: p.email,
      secret: p.secret,
      created_at: p.at,
    })
    .onConflict((on) => on.doNothing())
    .returning(columns),
)
const setSecrets = query<{ apiKey: string; secret: string; previous: string; previousUntil: number }>((k, p) =>
  k
    .updateTable('keys')
    .set({ secret: p.secret, previous_secret: p.previous, previous_until: p.previousUntil })
    .where('api_key', '=', p.apiKey),
)
const setDisabled = query<{ apiKey: string; at: number }>((k, p) =>
  k.updateTable('keys').set({ disabled_at: p.at }).where('api_key', '=', p.apiKey).where('disabled_at', 'is', null),
)

const setName = query<{ apiKey: string; name: string }>((k, p) =>
  k.updateTable('keys').set({ name: p.name }).where('api_key', '=', p.apiKey),
)

/** An owner's first key. */
async function findFirst({ db, box }: Over, apiKey: string): Promise<Key | undefined> {
  const [row] = await db.all(byApiKey(db), { apiKey })
  return row && opened(row, box)
}

/** The key with this API key, also when it is disabled or expired: the caller judges. */
async function find(over: Over, apiKey: string): Promise<Key | undefined> {
  return (await findFirst(over, apiKey)) ?? findScopedKey(over, apiKey)
}

async function list({ db, box }: Over): Promise<Key[]> {
  return (await db.all(inOrder(db), {})).map((row) => opened(row, box))
}

async function add({ db, box, now }: Over, input: NewKey): Promise<Key> {
  const { name, email, apiKey = randomUUID(), secret = newSecret() } = input
  const at = now()
  const row = { apiKey, userId: input.userId ?? newObjectId(at), name, email, secret: box.seal(secret), at }
  const [added] = await db.all(insert(db), row)
  if (added === undefined) throw new Refusal('CONFLICT', `API key ${apiKey} exists already`)
  return opened(added, box)
}

export const keys = noun({
  reads: {
    find,
    /** The first key of each owner. */
    list,
    /** Of an owner. */
    async getFirst({ db, box }: Over, keyId: number): Promise<Key | undefined> {
      const [row] = await db.all(ofOwner(db), { keyId })
      return row && opened(row, box)
    },
    /** All of an owner, the first first. */
    async listOf(over: Over, keyId: number): Promise<Key[]> {
      const first = await keys.reads.getFirst(over, keyId)
      return first === undefined ? [] : [first, ...(await scopedKeys.reads.list(over, keyId))]
    },
    /** When each key of an owner was last used, by API key. */
    async uses({ db }: Over, keyId: number): Promise<Map<string, number>> {
      return new Map((await db.all(usesOf(db), { keyId })).map(({ apiKey, at }) => [apiKey, at]))
    },
  },
  writes: {
    add,
    /**
     * The same of a key that there is to be in any case, whichever process is first. Where no API key is named: unless there
     * is any.
     */
    async addFirst(over: Over, input: { apiKey?: string; secret?: string }): Promise<Key> {
      await over.db.differences.lockRooms(0, ['the first key'])
      const kept = input.apiKey === undefined ? (await list(over))[0] : await find(over, input.apiKey)
      return kept ?? add(over, { name: firstKeyName, email: null, ...input })
    },
    /** The old secret stays good until `previousUntil`. Undefined where no such key is. */
    async rotate(over: Over, { apiKey, previousUntil }: { apiKey: string; previousUntil: number }) {
      const { db, box } = over
      const key = await findFirst(over, apiKey)
      if (key === undefined) return undefined
      const secrets = { secret: box.seal(newSecret()), previous: box.seal(key.secret) }
      await db.run(setSecrets(db), { apiKey, previousUntil, ...secrets })
      return findFirst(over, apiKey)
    },
    /** Undefined where no such key is. */
    async rename(over: Over, { apiKey, name }: { apiKey: string; name: string }): Promise<Key | undefined> {
      await over.db.run(setName(over.db), { apiKey, name })
      return findFirst(over, apiKey)
    },
    /** Undefined where no such key is. */
    async disable(over: Over, { apiKey }: { apiKey: string }): Promise<Key | undefined> {
      await over.db.run(setDisabled(over.db), { apiKey, at: over.now() })
      return findFirst(over, apiKey)
    },
    /** Removes a key with all that belongs to it. False where no such key is. */
    async remove(over: Over, { apiKey }: { apiKey: string }): Promise<boolean> {
      const key = await findFirst(over, apiKey)
      if (key === undefined) return false
      const k = over.db.kysely
      // Whatever tables there are: all that is somebody's says whose.
      const tables = (await k.introspection.getTables()).filter(({ columns }) =>
        columns.some(({ name }) => name === 'key_id'),
      )
      for (const { name } of tables) {
        await k
          .deleteFrom(name as 'keys')
          .where('key_id', '=', key.keyId)
          .execute()
      }
      await dropUnseenUsers(over)
      return true
    },
    /** Tokens of these keys were good then. */
    async noteUses({ db }: Over, { uses }: { uses: KeyUse[] }): Promise<void> {
      const rows = uses.map(({ keyId, apiKey, at }) => ({ key_id: keyId, api_key: apiKey, used_at: at }))
      await db.insertRows('key_uses', rows, ['key_id', 'api_key'])
    },
  },
  unseen: ['noteUses'],
})

function opened(row: Key, box: Over['box']): Key {
  return {
    ...row,
    secret: box.open(row.secret),
    previousSecret: row.previousSecret === null ? null : box.open(row.previousSecret),
  }
}
