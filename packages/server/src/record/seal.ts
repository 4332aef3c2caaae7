import { embeddedParticipantsMax, type Participant } from '@rollcall/protocol'
import { createSum } from '../ledger/presence.ts'
import { noun, type Over } from '../store/noun.ts'
import {
  addNewest,
  type Gathered,
  gatherMissing,
  type NewestText,
  type OfRoom,
} from '../store/sessions/newest-texts.ts'
import { readPeople } from '../store/sessions/people.ts'
import { readSession, type SessionPart } from '../store/sessions/records.ts'
import { keepSeal, listToSeal, type SessionToSeal } from '../store/sessions/seals.ts'
import { sealShown, toParticipants, type ViewOptions } from './session-view.ts'

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
      const ofKeys = [...Map.groupBy(due, ({ keyId }) => keyId)].sort(([a], [b]) => a - b)
      for (const [keyId, ofKey] of ofKeys) {
        await over.db.differences.lockRooms(
          keyId,
          ofKey.map(({ roomId }) => roomId),
        )
        await addNewest(over.db, keyId, await sealSessions(over, ofKey))
      }
      return due.length
    },
    /** Puts the texts of some rooms' newest sessions side by side, where they are not yet. */
    gather: (over: Over, { after }: { after: OfRoom }): Promise<Gathered> => gatherMissing(over.db, after),
  },
  unseen: ['gather'],
})

/** Makes and keeps the JSON of these sessions, as they are: gives the texts that are kept. */
export async function sealSessions(
  over: Pick<Over, 'db' | 'pause'>,
  due: Omit<SessionToSeal, 'roomId'>[],
): Promise<(NewestText & { roomId: string })[]> {
  const kept = []
  for (const { keyId, sessionId, sealAt, apiKey, userId } of due) {
    const record = await readSession(over, keyId, sessionId)
    if (record === undefined) continue
    const sealed = await sealInSlices(over, keyId, record, { apiKey, userId })
    if (!(await keepSeal(over.db, { keyId, sessionId, sealAt, ...sealed }))) continue
    const { id, roomId, startAt } = record.session
    kept.push({ id, roomId, startAt, ...sealed })
  }
  return kept
}

/** Of the largest session too a slice of people at a time. */
async function sealInSlices(
  over: Pick<Over, 'db' | 'pause'>,
  keyId: number,
  { session, customRoomId }: SessionPart,
  key: ViewOptions['key'],
) {
  const endAt = session.endAt ?? 0
  const sum = createSum(endAt)
  const shown: Participant[] = []
  let people = 0
  for await (const slice of readPeople(over, keyId, session.id)) {
    const all = toParticipants({ session, ...slice }, endAt, sum)
    shown.push(...all.slice(0, embeddedParticipantsMax - shown.length))
    people += all.length
  }
  return sealShown({ session, customRoomId, truncated: people > shown.length }, shown, sum.sum(), key)
}
