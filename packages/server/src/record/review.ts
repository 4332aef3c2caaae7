import { inferEnd, inferFromSilence } from '../ledger/infer.ts'
import type { Session } from '../ledger/state.ts'
import type { RecordParts } from '../store/facts/facts.ts'
import { byPerson, infer } from './facts/session-facts.ts'

/** Reviews whether a session is over, or silent for too long, and if so records that by facts of their own. */
export async function review(parts: RecordParts, keyId: number, sessionId: string, now: number): Promise<void> {
  const session = await parts.facts.getSession(keyId, sessionId)
  if (session === undefined || session.lookAt === null || session.lookAt > now) return
  if (session.inside > 0) await reviewSilence(parts, keyId, session, now)
  else await infer(parts, keyId, inferEnd(session, now))
}

/**
 * Ends a session of which nothing came for the longest silence, neither about it nor about its people, whatever its source tells of
 * other rooms: a scan of all who were in it.
 */
async function reviewSilence(parts: RecordParts, keyId: number, session: Session, now: number): Promise<void> {
  const { facts, rules } = parts
  const silentAt = session.updatedAt + rules.maxSilenceMs
  if (silentAt > now) return facts.saveSession(keyId, { ...session, lookAt: silentAt })
  const people = byPerson(await facts.listAllMarks(keyId, session.id))
  for (const fact of inferFromSilence(session, people, now)) await infer(parts, keyId, fact)
  const empty = await facts.getSession(keyId, session.id)
  if (empty !== undefined) await infer(parts, keyId, inferEnd(empty, now, 'source-silent'))
}
