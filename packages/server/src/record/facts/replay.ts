import type { Fact, Outcome, SessionFact } from '@rollcall/protocol'
import { noteSnapshot } from '../../ledger/ledger.ts'
import { evidenceAt } from '../../ledger/route.ts'
import type { Session } from '../../ledger/state.ts'
import type { ApplyParts } from '../../store/facts/applied.ts'
import { toPossible } from '../times.ts'
import { applyRecordingAgain, saveMedia, toSeen } from './media.ts'
import { applyFound, isOverWithout, newSessionId, save } from './session-facts.ts'
import { resumeRunning } from './snapshot.ts'

/**
 * Applies a fact of the log again, in the session that it was kept in. Whatever was inferred from it lies in the log before it,
 * as facts of their own: nothing is inferred anew. Gives what became of it; 'unfounded': the session is not there, and no fact
 * of this one's identity can have opened it.
 */
export async function applyAgain(
  parts: ApplyParts,
  keyId: number,
  said: Fact,
  sessionId: string | null,
): Promise<Outcome | 'unfounded'> {
  const { facts, rules } = parts
  const { fact, isOutdated } = toPossible(said, rules)
  if (fact.type === 'source-started') {
    await resumeRunning(parts, keyId, fact)
    return 'recorded'
  }
  if (sessionId === null || fact.type === 'unknown') return 'ignored'
  const session = await facts.getSession(keyId, sessionId)
  switch (fact.type) {
    case 'quality':
      return session === undefined ? 'unfounded' : 'recorded'
    case 'recording-started':
    case 'recording-stopped':
      return applyRecordingAgain(parts, keyId, fact, sessionId)
    case 'snapshot': {
      if (session === undefined) return 'unfounded'
      const superseded = (await findNewer(parts, keyId, fact, sessionId)) !== undefined
      await save(parts, keyId, session, noteSnapshot({ session, superseded }, fact, rules))
      return 'recorded'
    }
    case 'media-started':
    case 'media-stopped': {
      const outcome = await applyInSession(parts, keyId, toSeen(fact), sessionId, isOutdated)
      if (outcome === 'recorded') saveMedia(parts, keyId, sessionId, fact)
      return outcome
    }
    default:
      return applyInSession(parts, keyId, fact, sessionId, isOutdated)
  }
}

async function applyInSession(
  parts: ApplyParts,
  keyId: number,
  fact: SessionFact,
  sessionId: string,
  isOutdated = false,
): Promise<Outcome | 'unfounded'> {
  const session = await parts.facts.getSession(keyId, sessionId)
  if (isOutdated && session !== undefined && isOverWithout(session, fact)) return 'ignored'
  const newer = await findNewer(parts, keyId, fact, sessionId)
  if (session !== undefined) {
    const superseded = newer !== undefined
    return (await applyFound(parts, keyId, fact, { to: 'session', session, covered: true, superseded })).outcome
  }
  if (newSessionId(keyId, fact) !== sessionId) return 'unfounded'
  const superseded = newer !== undefined && (newer.startAt ?? 0) > evidenceAt(fact)
  return (await applyFound(parts, keyId, fact, { to: 'new', covered: true, superseded })).outcome
}

/** Of an unnamed fact: the latest session of its room and source, where that is another. */
async function findNewer(
  { facts }: ApplyParts,
  keyId: number,
  fact: Pick<Fact, 'source' | 'roomId' | 'sessionKey'>,
  sessionId: string,
): Promise<Session | undefined> {
  const latest = fact.sessionKey === undefined ? await facts.findLatest(keyId, fact) : undefined
  return latest?.id === sessionId ? undefined : latest
}
