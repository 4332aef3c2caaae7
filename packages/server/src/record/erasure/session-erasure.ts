import type { Unknown } from '@rollcall/protocol'
import { Refusal } from '../../error.ts'
import type { Database } from '../../store/database/database.ts'
import { digestOfPerson, lifeOf } from '../../store/facts/erased-people.ts'
import { noun, type Over } from '../../store/noun.ts'
import { eraseEnded } from '../../store/retention.ts'
import { digestOf } from '../facts/fact-text.ts'
import { newAnonymousId } from './anonymous.ts'

/** Facts of the log that are made empty in one transaction. */
const factsMax = 500

type OfSession = { keyId: number; sessionId: string }

/** Ends the keeping of one session: it is gone with all that is its own, and is not counted any more. */
export const sessionErasure = noun({
  reads: {},
  writes: {
    /** From now on nothing that is told of this life of the room is taken. False where there is no such session. Throws CONFLICT while it runs. */
    async forget({ db, now }: Over, { keyId, sessionId }: OfSession): Promise<boolean> {
      const session = await findSession(db, keyId, sessionId)
      if (session === undefined) return false
      const { source, sessionKey, roomId, startAt, endAt, lastAt } = session
      // One that was absorbed by another never began.
      if (endAt === null && startAt !== null) throw new Refusal('CONFLICT', `Session ${sessionId} runs: end it first`)
      const life = lifeOf({ source, roomId, ...(sessionKey !== null && { sessionKey }) })
      // What names no session is of this one by its time alone.
      const until = sessionKey === null ? Math.max(endAt ?? lastAt, lastAt) : now()
      const row = { key_id: keyId, digest: digestOfPerson(life), erased_at: until }
      await db.insertRows('erased_people', [row], ['key_id', 'digest'])
      return true
    },
    /** Leaves of what the log has of it that something came, and nothing else; some facts at a time. Gives how many. */
    async emptyLog({ db }: Over, { keyId, sessionId }: OfSession): Promise<number> {
      const facts = await db.kysely
        .selectFrom('facts')
        .select(['seq', 'source', 'fact_id as factId'])
        .where('key_id', '=', keyId)
        .where('session_id', '=', sessionId)
        .orderBy('seq')
        .limit(factsMax)
        .execute()
      for (const fact of facts) await emptyFact(db, keyId, fact, 'its session was erased')
      return facts.length
    },
    /** When nothing of it is in the log any more. */
    async erase({ db, now }: Over, { keyId, sessionId }: OfSession): Promise<void> {
      const session = await findSession(db, keyId, sessionId)
      if (session === undefined) return
      await db.kysely
        .updateTable('changes')
        .set({ name: null, reason: null })
        .where('key_id', '=', keyId)
        .where('session_id', '=', sessionId)
        .execute()
      await db.kysely
        .updateTable('changes')
        .set({ participant_id: newAnonymousId() })
        .where('key_id', '=', keyId)
        .where('session_id', '=', sessionId)
        .where('participant_id', 'is not', null)
        .execute()
      await eraseEnded(db, [{ ...session, keyId, id: sessionId }], now())
    },
  },
})

function findSession(db: Database, keyId: number, sessionId: string) {
  return db.kysely
    .selectFrom('sessions')
    .select(['room_id as roomId', 'source', 'session_key as sessionKey', 'start_at as startAt'])
    .select(['end_at as endAt', 'last_at as lastAt'])
    .where('key_id', '=', keyId)
    .where('id', '=', sessionId)
    .executeTakeFirst()
}

type LoggedFact = { seq: number; source: string; factId: string }

/** Its place in the log stays, and its claim: every number is there, and every fact is claimed. */
export async function emptyFact(
  db: Database,
  keyId: number,
  { seq, source, factId }: LoggedFact,
  reason: string,
): Promise<void> {
  const id = newAnonymousId()
  const empty: Omit<Unknown, 'receivedAt'> = {
    ...{ type: 'unknown', id, source, roomId: '', at: 0, event: null },
    reason,
  }
  const json = JSON.stringify(empty)
  const k = db.kysely
  await k
    .updateTable('facts')
    .set({ session_id: null, fact_id: id, fact_json: json, outcome: 'ignored', reason: null })
    .where('key_id', '=', keyId)
    .where('seq', '=', seq)
    .execute()
  await k
    .updateTable('claims')
    .set({ fact_id: id, digest: digestOf(json) })
    .where('key_id', '=', keyId)
    .where('source', '=', source)
    .where('fact_id', '=', factId)
    .execute()
}
