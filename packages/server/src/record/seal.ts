import { embeddedParticipantsMax, type Participant } from '@rollcall/protocol'
import { createSum, type Sum } from '../ledger/presence.ts'
import { noun, type Over } from '../store/noun.ts'
import {
  addNewest,
  type Gathered,
  gatherMissing,
  type NewestText,
  type OfRoom,
} from '../store/sessions/newest-texts.ts'
import { readParts } from '../store/sessions/records.ts'
import { keepSeal, listToSeal, type SessionToSeal } from '../store/sessions/seals.ts'
import { type SessionHead, sealShown, toParticipants } from './session-view.ts'

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
  for (const [keyId, ofKey] of Map.groupBy(due, (one) => one.keyId)) {
    const byId = new Map(ofKey.map((one) => [one.sessionId, one]))
    for await (const whole of readWhole(over, keyId, [...byId.keys()])) {
      const { id, roomId, startAt } = whole.record.session
      const of = byId.get(id)
      if (of === undefined) continue
      const { apiKey, userId, sealAt } = of
      const sealed = sealShown(whole.record, whole.shown, whole.sum.sum(), { apiKey, userId })
      if (await keepSeal(over.db, { keyId, sessionId: id, sealAt, ...sealed })) {
        kept.push({ id, roomId, startAt, ...sealed })
      }
    }
  }
  return kept
}

/** `shown`: of the people of a session those that its text has. */
type Whole = { record: SessionHead; shown: Participant[]; people: number; sum: Sum }

/** Sessions with all of their people: small ones are read together, and of the largest too a slice of people at a time. */
async function* readWhole(over: Pick<Over, 'db' | 'pause'>, keyId: number, ids: string[]): AsyncGenerator<Whole> {
  let whole: Whole | undefined
  for await (const part of readParts(over, keyId, ids)) {
    const endAt = part.session.endAt ?? 0
    if (whole?.record.session.id !== part.session.id) {
      if (whole !== undefined) yield whole
      whole = {
        record: { session: part.session, customRoomId: part.customRoomId },
        shown: [],
        people: 0,
        sum: createSum(endAt),
      }
    }
    const all = toParticipants(part, endAt, whole.sum)
    whole.people += all.length
    whole.shown.push(...all.slice(0, embeddedParticipantsMax - whole.shown.length))
    whole.record.truncated = whole.people > whole.shown.length
  }
  if (whole !== undefined) yield whole
}
