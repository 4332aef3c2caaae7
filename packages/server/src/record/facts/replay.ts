import type { Fact, Outcome } from '@rollcall/protocol'
import { noteSnapshot } from '../../ledger/ledger.ts'
import { evidenceAt } from '../../ledger/route.ts'
import type { RecordParts } from '../../store/facts/facts.ts'
import { toPossible } from '../times.ts'
import { applyFound, newSessionId, save } from './session-facts.ts'
import { resumeRunning } from './snapshot.ts'

/**
 * Applies a fact of the log again, in the session that it was kept in. Whatever was inferred from it lies in the log before it,
 * as facts of their own: nothing is inferred anew. Gives what became of it; 'unfounded': the session is not there, and no fact
 * of this one's identity can have opened it.
 */
export async function applyAgain(
  parts: RecordParts,
  keyId: number,
  said: Fact,
  sessionId: string | null,
): Promise<Outcome | 'unfounded'> {
  const { facts, rules } = parts
  const { fact } = toPossible(said, rules)
  if (fact.type === 'source-started') {
    await resumeRunning(parts, keyId, fact)
    return 'recorded'
  }
  if (sessionId === null || fact.type === 'unknown') return 'ignored'
  const session = await facts.getSession(keyId, sessionId)
  if (fact.type === 'quality') return session === undefined ? 'unfounded' : 'recorded'
  const latest = fact.sessionKey === undefined ? await facts.findLatest(keyId, fact) : undefined
  const superseded = latest !== undefined && latest.id !== sessionId
  if (fact.type === 'snapshot') {
    if (session === undefined) return 'unfounded'
    await save(parts, keyId, session, noteSnapshot({ session, superseded }, fact, rules))
    return 'recorded'
  }
  if (session !== undefined) {
    return (await applyFound(parts, keyId, fact, { to: 'session', session, covered: true, superseded })).outcome
  }
  if (newSessionId(keyId, fact) !== sessionId) return 'unfounded'
  const isOlder = latest !== undefined && (latest.startAt ?? 0) > evidenceAt(fact)
  return (await applyFound(parts, keyId, fact, { to: 'new', covered: true, superseded: isOlder })).outcome
}
