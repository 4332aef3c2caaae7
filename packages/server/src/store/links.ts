import type { Database } from './database/database.ts'
import type { Writes } from './store.ts'

export type LinkStore = Pick<Writes, 'addLink' | 'takeLink'>

export function createLinkStore(db: Database, now: () => number): LinkStore {
  const k = db.kysely
  return {
    async addLink({ keyId, digest, expiresAt }) {
      await k.deleteFrom('links').where('expires_at', '<=', now()).execute()
      await k.insertInto('links').values({ digest, key_id: keyId, expires_at: expiresAt }).execute()
    },
    async takeLink({ digest }) {
      // Whoever deletes the row has it: of two at the same moment, one.
      const taken = await k
        .deleteFrom('links')
        .where('digest', '=', digest)
        .returning(['key_id as keyId', 'expires_at as expiresAt'])
        .executeTakeFirst()
      return taken !== undefined && taken.expiresAt > now() ? taken.keyId : undefined
    },
  }
}
