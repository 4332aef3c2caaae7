import type { Database } from './database/database.ts'
import type { SecretBox } from './database/secrets.ts'
import type { SigningKey, Writes } from './store.ts'

export type SigningKeyStore = Pick<Writes, 'keepSigningKey'> & { find(): Promise<SigningKey | undefined> }

/** The server's one RSA key, the private half encrypted under the master key. */
export function createSigningKeyStore(db: Database, box: SecretBox, now: () => number): SigningKeyStore {
  const k = db.kysely
  const find = async () => {
    const row = await k
      .selectFrom('signing_keys')
      .select(['public_pem as publicPem', 'private_pem as privatePem'])
      .where('id', '=', onlyId)
      .executeTakeFirst()
    return row && { ...row, privatePem: box.open(row.privatePem) }
  }
  return {
    find,
    async keepSigningKey({ publicPem, privatePem }) {
      await k
        .insertInto('signing_keys')
        .values({ id: onlyId, public_pem: publicPem, private_pem: box.seal(privatePem), created_at: now() })
        .onConflict((on) => on.doNothing())
        .execute()
      const kept = await find()
      if (kept === undefined) throw new Error('a signing key was kept and cannot be found')
      return kept
    },
  }
}

const onlyId = 1
