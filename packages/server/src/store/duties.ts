import type { Database } from './database/database.ts'

/** Who has a duty. `fence`: greater with each renewal and each holder. */
export type HeldDuty = { duty: string; holder: string; fence: number }

/** What the processes before one PostgreSQL service ask of each other's duties; each a statement of its own. */
export type SharedDuties = {
  /** Renews those of a holder. Gives their names: it has no others any more. */
  renew(holder: string): Promise<string[]>
  list(): Promise<HeldDuty[]>
  /** Takes a duty from whoever let it lapse, as it was seen; undefined: that nobody has. False where somebody else was first, or it was renewed. */
  take(duty: string, holder: string, lapsed: HeldDuty | undefined): Promise<boolean>
  release(holder: string): Promise<void>
}

export function createSharedDuties({ kysely: k }: Database): SharedDuties {
  return {
    async renew(holder) {
      const rows = await k
        .updateTable('duties')
        .set((eb) => ({ fence: eb('fence', '+', 1) }))
        .where('holder', '=', holder)
        .returning('duty')
        .execute()
      return rows.map(({ duty }) => duty)
    },
    list: () => k.selectFrom('duties').select(['duty', 'holder', 'fence']).execute(),
    async take(duty, holder, lapsed) {
      if (lapsed === undefined) {
        const { numInsertedOrUpdatedRows } = await k
          .insertInto('duties')
          .values({ duty, holder, fence: 1 })
          .onConflict((oc) => oc.doNothing())
          .executeTakeFirst()
        return numInsertedOrUpdatedRows === 1n
      }
      const { numUpdatedRows } = await k
        .updateTable('duties')
        .set({ holder, fence: lapsed.fence + 1 })
        .where('duty', '=', duty)
        .where('holder', '=', lapsed.holder)
        .where('fence', '=', lapsed.fence)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async release(holder) {
      await k.deleteFrom('duties').where('holder', '=', holder).execute()
    },
  }
}
