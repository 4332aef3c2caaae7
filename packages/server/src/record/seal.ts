import { embeddedParticipantsMax, type Participant } from '@rollcall/protocol'
import { createPresenceSum } from '../ledger/presence.ts'
import { noun, type Over } from '../store/noun.ts'
import { readPeople } from '../store/sessions/people.ts'
import { readSession } from '../store/sessions/records.ts'
import { keepSeal, listToSeal, type SessionToSeal } from '../store/sessions/seals.ts'
import { sealShown, toParticipants } from './session-view.ts'

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

/** Makes and keeps the JSON of these sessions, as they are: of the largest too a slice of people at a time. */
export async function sealSessions(over: Pick<Over, 'db' | 'pause'>, due: SessionToSeal[]): Promise<void> {
  for (const { keyId, sessionId, sealAt, apiKey, userId } of due) {
    const record = await readSession(over, keyId, sessionId)
    if (record === undefined) continue
    const { session } = record
    const endAt = session.endAt ?? 0
    const sum = createPresenceSum(endAt)
    const shown: Participant[] = []
    let people = 0
    for await (const slice of readPeople(over, keyId, sessionId)) {
      const all = toParticipants({ session, ...slice }, endAt, sum)
      shown.push(...all.slice(0, embeddedParticipantsMax - shown.length))
      people += all.length
    }
    const part = { ...record, truncated: people > shown.length }
    await keepSeal(over.db, { keyId, sessionId, sealAt, ...sealShown(part, shown, sum.sum(), { apiKey, userId }) })
  }
}
