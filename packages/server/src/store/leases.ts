import type { Database } from './database.ts'
import type { Writes } from './store.ts'

export type LeaseStore = Pick<Writes, 'renewLease' | 'releaseLease'> & {
  /** When the last of all leases was renewed; undefined where every process ended in good order. */
  lastRenewedAt(): Promise<number | undefined>
  /** Keys with a hosted session that has not ended. */
  listKeysWithRunning(source: string): Promise<number[]>
  clear(): Promise<void>
}

export function createLeaseStore(db: Database): LeaseStore {
  const k = db.kysely
  return {
    async lastRenewedAt() {
      const row = await k
        .selectFrom('leases')
        .select((eb) => eb.fn.max('renewed_at').as('at'))
        .executeTakeFirst()
      return row?.at ?? undefined
    },
    async listKeysWithRunning(source) {
      const rows = await k
        .selectFrom('sessions')
        .select('key_id as keyId')
        .distinct()
        .where('source', '=', source)
        .where('end_at', 'is', null)
        .execute()
      return rows.map((row) => row.keyId)
    },
    async renewLease({ holder, at }) {
      await k
        .insertInto('leases')
        .values({ holder, renewed_at: at })
        .onConflict((on) => on.column('holder').doUpdateSet({ renewed_at: at }))
        .execute()
    },
    async releaseLease({ holder }) {
      await k.deleteFrom('leases').where('holder', '=', holder).execute()
    },
    async clear() {
      await k.deleteFrom('leases').execute()
    },
  }
}
