import { noun, type Over, query } from './noun.ts'

/** A look found a running session as the record has it; `at` by its source's clock. */
export type Look = { sessionId: string; at: number }

const lookOf = query<{ keyId: number; sessionId: string }, { at: number }>((k, p) =>
  k.selectFrom('looks').select('at').where('key_id', '=', p.keyId).where('session_id', '=', p.sessionId),
)
const keepLook = query<{ keyId: number } & Look>((k, p) =>
  k
    .insertInto('looks')
    .values({ key_id: p.keyId, session_id: p.sessionId, at: p.at })
    .onConflict((on) => on.columns(['key_id', 'session_id']).doUpdateSet((eb) => ({ at: eb.ref('excluded.at') }))),
)
const dropEndedLooks = query<{ keyId: number }>((k, p) =>
  k
    .deleteFrom('looks')
    .where('key_id', '=', p.keyId)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('sessions as s')
            .select('s.id')
            .whereRef('s.key_id', '=', 'looks.key_id')
            .whereRef('s.id', '=', 'looks.session_id')
            .where('s.end_at', 'is', null),
        ),
      ),
    ),
)

/** What was found by looking, where that changed nothing. */
export const looks = noun({
  reads: {
    /** When a look last found the session as the record has it; undefined where none did, or it ended. */
    async find({ db }: Over, keyId: number, sessionId: string): Promise<number | undefined> {
      return (await db.all(lookOf(db), { keyId, sessionId }))[0]?.at
    },
  },
  writes: {
    /** Keeps the latest look at each session, for as long as it runs. */
    async keep({ db }: Over, { keyId, latest }: { keyId: number; latest: Look[] }): Promise<void> {
      for (const look of latest) await db.run(keepLook(db), { keyId, ...look })
      await db.run(dropEndedLooks(db), { keyId })
    },
  },
  unseen: ['keep'],
})
