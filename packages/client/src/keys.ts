import type {
  AuditEntry,
  AuditPage,
  KeyChanges,
  NewKey,
  OwnerKey,
  OwnerKeyList,
  OwnerKeyWithSecret,
} from '@rollcall/protocol'
import type { Api } from './api.ts'
import { requireText } from './text.ts'

/** What of the audit log is listed. */
export type AuditFilters = {
  /** The `operationId` of a call, such as `endSession`. */
  action?: string
  apiKey?: string
  from?: Date | number | string
  to?: Date | number | string
  /** Entries a page, at most 1000; the server's default is 20. */
  perPage?: number
  /** The `nextCursor` of the page before. */
  cursor?: string
}

/** The API keys of one owner, and who did what with them. It takes a key that may do everything. */
export type Keys = {
  /**
   * Gives the owner's keys, the first first, without their secrets.
   *
   * @throws RollcallError with code `FORBIDDEN` where the key may not do everything
   * @example
   * for (const { name, scopes, lastUsedAt } of await rollcall.keys.list()) console.log(name, scopes, lastUsedAt)
   */
  list(): Promise<OwnerKey[]>
  /**
   * Adds a key that sees the same record and may do what its scopes say. Its `secret` is in the answer, and never again.
   *
   * @throws RollcallError with code `BAD_REQUEST`, or `CONFLICT` where there are too many
   * @example
   * const { apiKey, secret } = await rollcall.keys.create({ name: 'Reports', scopes: ['read'] })
   */
  create(key: NewKey): Promise<OwnerKeyWithSecret>
  /**
   * Changes a key's name, its end, or whether it is disabled.
   *
   * @throws RollcallError with code `KEY_NOT_FOUND`, or `CONFLICT` where the first key would end
   * @example
   * await rollcall.keys.update(apiKey, { disabled: true })
   */
  update(apiKey: string, changes: KeyChanges): Promise<OwnerKey>
  /**
   * Makes a new secret, which is in the answer, and never again. The old one stays good beside it.
   *
   * @param overlapSeconds for how long; a day unless you say otherwise, a week at most
   * @throws RollcallError with code `KEY_NOT_FOUND`
   * @example
   * const { secret } = await rollcall.keys.rotateSecret(apiKey, 3600)
   */
  rotateSecret(apiKey: string, overlapSeconds?: number): Promise<OwnerKeyWithSecret>
  /**
   * Deletes a key: its tokens are refused from now on.
   *
   * @throws RollcallError with code `KEY_NOT_FOUND`, or `CONFLICT` for the first key
   * @example
   * await rollcall.keys.delete(apiKey)
   */
  delete(apiKey: string): Promise<OwnerKey>
  /**
   * Lists who did what, newest first: a page, and the `nextCursor` that goes on after it.
   *
   * @throws RollcallError with code `BAD_REQUEST`
   * @example
   * const { data } = await rollcall.keys.audit({ action: 'endSession' })
   */
  audit(filters?: AuditFilters): Promise<{ data: AuditEntry[]; nextCursor?: string }>
}

export function createKeys(api: Api): Keys {
  return {
    list: async () => (await api.get<OwnerKeyList>('/v2/keys')).data,
    create: (key) => api.post<OwnerKeyWithSecret>('/v2/keys', key),
    update: async (apiKey, changes) => api.patch<OwnerKey>(pathOf(apiKey), changes),
    rotateSecret: async (apiKey, overlapSeconds) =>
      api.post<OwnerKeyWithSecret>(`${pathOf(apiKey)}/rotate-secret`, {
        ...(overlapSeconds !== undefined && { overlapSeconds }),
      }),
    delete: async (apiKey) => api.delete<OwnerKey>(pathOf(apiKey)),
    audit: async (filters = {}) => api.get<AuditPage>('/v2/audit', filters),
  }
}

function pathOf(apiKey: string): string {
  return `/v2/keys/${encodeURIComponent(requireText('API key', apiKey))}`
}
