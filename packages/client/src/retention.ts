import type { Retention } from '@rollcall/protocol'
import type { Api } from './api.ts'

/** How long the sessions of a key are kept after their end. To change it takes a key that may do everything. */
export type RetentionSettings = {
  /**
   * Gives for how many days sessions are kept: by the owner, by the server, and what holds.
   *
   * @throws RollcallError with code `FORBIDDEN` where the key may not read
   * @example
   * const { keptDays } = await rollcall.retention.get()
   */
  get(): Promise<Retention>
  /**
   * Sets for how many days sessions are kept. What is older is erased soon, for good.
   *
   * @param days null: as the server keeps them
   * @throws RollcallError with code `BAD_REQUEST` where the server keeps sessions for fewer days
   * @example
   * await rollcall.retention.set(90)
   */
  set(days: number | null): Promise<Retention>
}

export function createRetention(api: Api): RetentionSettings {
  return {
    get: async () => api.get<Retention>('/v2/retention'),
    set: async (retentionDays) => api.patch<Retention>('/v2/retention', { retentionDays }),
  }
}
