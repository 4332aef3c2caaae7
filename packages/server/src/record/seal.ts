import { embeddedParticipantsMax } from '@rollcall/protocol'
import { noun, type Over } from '../store/noun.ts'
import { readRecord } from '../store/sessions/records.ts'
import { keepSeal, listToSeal, type SessionToSeal } from '../store/sessions/seals.ts'
import { sealSession } from './session-view.ts'

/** Most sessions sealed in one transaction. */
export const sealMax = 50

/** The JSON of sessions that ended and are quiet, kept as text. */
export const seals = noun({
  reads: {
    /** Whether there is any to be sealed by `now`. */
    async isAnyDue({ db }: Over, now: number): Promise<boolean> {
      return (await listToSeal(db, now, 1)).length > 0
    },
  },
  writes: {
    /** Seals sessions that are due by `now`. Gives how many. */
    async seal(over: Over, { now }: { now: number }): Promise<number> {
      const due = await listToSeal(over.db, now, sealMax)
      await sealSessions(over, due)
      return due.length
    },
  },
})

/** Makes and keeps the JSON of these sessions, as they are. */
export async function sealSessions(over: Pick<Over, 'db'>, due: SessionToSeal[]): Promise<void> {
  for (const { keyId, sessionId, sealAt, apiKey, userId } of due) {
    const record = await readRecord(over, keyId, sessionId)
    if (record === undefined) continue
    const sealed = sealSession(record, { apiKey, userId }, embeddedParticipantsMax)
    await keepSeal(over.db, { keyId, sessionId, sealAt, ...sealed })
  }
}
