import { randomBytes, randomUUID } from 'node:crypto'
import type { Insertable } from 'kysely'
import { Refusal } from '../error.ts'
import { compile, type Database } from './database/database.ts'
import { newObjectId } from './database/ids.ts'
import type { SecretBox } from './database/secrets.ts'
import type { Tables } from './database/tables.ts'
import type { Key } from './rows.ts'
import type { Writes } from './store.ts'

export type KeyStore = Pick<Writes, 'addKey' | 'addFirstKey' | 'rotateKey' | 'disableKey' | 'removeKey'> & {
  find(apiKey: string): Promise<Key | undefined>
  list(): Promise<Key[]>
}

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

export function createKeyStore(db: Database, box: SecretBox, now: () => number): KeyStore {
  const k = db.kysely
  const find = compile<{ apiKey: string }, Key>((p) =>
    k.selectFrom('keys').select(columns).where('api_key', '=', p.apiKey),
  )
  const opened = (row: Key): Key => ({
    ...row,
    secret: box.open(row.secret),
    previousSecret: row.previousSecret === null ? null : box.open(row.previousSecret),
  })
  const findKey = async (apiKey: string) => {
    const row = (await db.all(find, { apiKey }))[0]
    return row && opened(row)
  }

  const list = async () => (await k.selectFrom('keys').select(columns).orderBy('key_id').execute()).map(opened)

  const store: KeyStore = {
    find: findKey,
    list,
    async addFirstKey(input) {
      await db.differences.lockRooms(0, ['the first key'])
      const kept = input.apiKey === undefined ? (await list())[0] : await findKey(input.apiKey)
      return kept ?? store.addKey({ name: null, email: null, ...input })
    },
    async addKey({ name, email, apiKey = randomUUID(), secret = newSecret() }) {
      const at = now()
      const row: Insertable<Tables['keys']> = {
        api_key: apiKey,
        user_id: newObjectId(at),
        name,
        email,
        secret: box.seal(secret),
        created_at: at,
      }
      const added = await k
        .insertInto('keys')
        .values(row)
        .onConflict((on) => on.doNothing())
        .returning(columns)
        .executeTakeFirst()
      if (added === undefined) throw new Refusal('CONFLICT', `API key ${apiKey} exists already`)
      return opened(added)
    },
    async rotateKey({ apiKey, previousUntil }) {
      const key = await findKey(apiKey)
      if (key === undefined) return undefined
      await k
        .updateTable('keys')
        .set({
          secret: box.seal(newSecret()),
          previous_secret: box.seal(key.secret),
          previous_until: previousUntil,
        })
        .where('api_key', '=', apiKey)
        .execute()
      return findKey(apiKey)
    },
    async disableKey({ apiKey }) {
      await k
        .updateTable('keys')
        .set({ disabled_at: now() })
        .where('api_key', '=', apiKey)
        .where('disabled_at', 'is', null)
        .execute()
      return findKey(apiKey)
    },
    async removeKey({ apiKey }) {
      const key = await findKey(apiKey)
      if (key === undefined) return false
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
      return true
    },
  }
  return store
}

/** 256 bits, as 64 hex digits. */
function newSecret(): string {
  return randomBytes(32).toString('hex')
}
