import type { Database } from '../database/database.ts'
import type { PendingRows } from './pending-rows.ts'
import { claimsOf } from './queries.ts'

type Identity = { source: string; id: string }

/** The ids of facts that were claimed, for the length of one transaction. */
export type Claims = {
  /** Reads at once what was claimed of these. */
  read(keyId: number, facts: Identity[]): Promise<void>
  /** Of those that were read: whether it is new. */
  isNew(keyId: number, fact: Identity): boolean
  /** True when this fact is new; else the digest of what was claimed under its id. */
  claim(keyId: number, fact: Identity, digest: string): true | string | Promise<true | string>
}

export function openClaims(db: Database, pending: PendingRows): Claims {
  /** By key, source and fact id: its digest; null: not claimed. */
  const digests = new Map<string, string | null>()
  const nameOf = (keyId: number, { source, id }: Identity) => `${keyId}\n${source}\n${id}`

  const claims: Claims = {
    async read(keyId, facts) {
      const list = JSON.stringify(facts.map(({ source, id }) => ({ source, id })))
      for (const fact of facts) digests.set(nameOf(keyId, fact), null)
      for (const { source, factId, digest } of await db.all(claimsOf(db), { keyId, list })) {
        digests.set(nameOf(keyId, { source, id: factId }), digest)
      }
    },
    isNew: (keyId, fact) => digests.get(nameOf(keyId, fact)) === null,
    claim(keyId, fact, digest) {
      const name = nameOf(keyId, fact)
      const known = digests.get(name)
      if (known === undefined) return claims.read(keyId, [fact]).then(() => claims.claim(keyId, fact, digest))
      if (known !== null) return known
      digests.set(name, digest)
      pending.claims.push({ key_id: keyId, source: fact.source, fact_id: fact.id, digest })
      return true
    },
  }
  return claims
}
