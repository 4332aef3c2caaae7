import type { NewShare, Share, ShareList, ShareWithUrl } from '@rollcall/protocol'
import type { Api } from './api.ts'
import { requireText } from './text.ts'

/** Reports that whoever has the link may read. It takes an administrator, or a key that may do everything. */
export type Shares = {
  /**
   * Shares the report of a session or of a person. The link is in the answer, and never again.
   *
   * @throws RollcallError with code `SESSION_NOT_FOUND` or `PERSON_NOT_FOUND`
   * @example
   * const { url } = await rollcall.shares.create({ sessionId, expiresInSeconds: 86_400 })
   */
  create(share: NewShare): Promise<ShareWithUrl>
  /**
   * Gives what is shared, newest first.
   *
   * @example
   * for (const { sessionId, expiresAt } of await rollcall.shares.list()) console.log(sessionId, expiresAt)
   */
  list(): Promise<Share[]>
  /**
   * Takes a share back: its link opens nothing from now on.
   *
   * @throws RollcallError with code `SHARE_NOT_FOUND`
   * @example
   * await rollcall.shares.delete(shareId)
   */
  delete(shareId: string): Promise<Share>
}

export function createShares(api: Api): Shares {
  return {
    create: (share) => api.post<ShareWithUrl>('/v2/shares', share),
    list: async () => (await api.get<ShareList>('/v2/shares')).data,
    delete: async (shareId) => api.delete<Share>(`/v2/shares/${encodeURIComponent(requireText('share', shareId))}`),
  }
}
