import type { SessionFact, SessionStarted } from '@rollcall/protocol'
import { newSession, settled, withoutPeople } from '../../ledger/session.ts'
import type { Mark, Session } from '../../ledger/state.ts'
import type { ApplyParts } from '../../store/facts/applied.ts'

/** Applies a fact to the session that it is moved to. */
type Apply = (fact: SessionFact) => Promise<unknown>

/**
 * Moves whatever was told of guessed sessions into the one that they turned out to be. Nothing is left of them but an empty
 * row, for the log has facts of theirs.
 */
export async function absorbGuessed(
  { facts }: ApplyParts,
  keyId: number,
  fact: SessionStarted,
  { into, applyOne }: { into: string; applyOne: Apply },
): Promise<void> {
  for (const sessionKey of fact.absorbs ?? []) {
    const guessed = await facts.findNamed(keyId, { ...fact, sessionKey })
    if (guessed === undefined || guessed.id === into || guessed.startAt === null) continue
    const marks = await facts.listAllMarks(keyId, guessed.id)
    await facts.emptySession(keyId, guessed.id)
    facts.saveSession(keyId, emptied(guessed, fact))
    for (const moved of toFacts(marks, { ...fact, clockCorrectedMs: guessed.clockCorrectedMs })) await applyOne(moved)
    if (guessed.endedAt !== null) await applyOne(toEnd(guessed, fact))
    const change = { type: 'session.amended' as const, sessionId: guessed.id, roomId: guessed.roomId, at: fact.at }
    facts.appendChange(keyId, change, fact.receivedAt)
  }
}

/**
 * Moves whoever was taken to be in another session of the room into the one that was not known then. That one keeps whatever
 * else was told of it: `keepOne` applies a fact to it that was announced before.
 */
export async function takeJoined(
  { facts, rules }: ApplyParts,
  keyId: number,
  fact: SessionStarted,
  {
    into,
    applyOne,
    keepOne,
  }: { into: string; applyOne: Apply; keepOne(sessionId: string, fact: SessionFact): unknown },
): Promise<void> {
  for (const { sessionKey, since, until = Number.POSITIVE_INFINITY } of fact.takes ?? []) {
    const other = await facts.findNamed(keyId, { ...fact, sessionKey })
    if (other === undefined || other.id === into || other.startAt === null) continue
    const marks = await facts.listAllMarks(keyId, other.id)
    const joined = (ofFact: Mark[]) => Math.min(...ofFact.map(({ at }) => at))
    const isTaken = (ofFact: Mark[]) => since <= joined(ofFact) && joined(ofFact) < until
    // A leave that says when its join was goes where its join goes.
    const { taken = [], kept = [] } = Object.groupBy([...Map.groupBy(marks, nameOf).values()], (ofFact) =>
      isTaken(ofFact) ? 'taken' : 'kept',
    )
    if (taken.length === 0) continue
    await facts.emptySession(keyId, other.id)
    facts.saveSession(keyId, withoutPeople(other, fact.receivedAt))
    const { clockCorrectedMs } = other
    for (const one of toFacts(kept.flat(), { ...fact, sessionKey, clockCorrectedMs })) await keepOne(other.id, one)
    const now = await facts.getSession(keyId, other.id)
    const { inferred, endReason } = other
    if (now !== undefined) facts.saveSession(keyId, settled({ ...now, inferred, endReason }, rules))
    for (const one of toFacts(taken.flat(), { ...fact, clockCorrectedMs })) await applyOne(one)
    const change = { type: 'session.amended' as const, sessionId: other.id, roomId: other.roomId, at: fact.at }
    facts.appendChange(keyId, change, fact.receivedAt)
  }
}

function emptied(session: Session, fact: SessionStarted): Session {
  const { sessionKey, revision } = session
  return { ...newSession({ ...fact, ...(sessionKey !== null && { sessionKey }) }, session.id), revision: revision + 1 }
}

/** What marks say, as facts again. What was inferred of a guess is inferred anew, where it holds. */
function* toFacts(
  marks: Mark[],
  { source, roomId, sessionKey, receivedAt, clockCorrectedMs = 0 }: SessionStarted,
): Generator<SessionFact> {
  const joins = new Map(marks.filter(({ kind }) => kind === 'joined').map((mark) => [nameOf(mark), mark]))
  const isLeave = (mark: Mark) => mark.kind === 'left' && mark.inferred === null
  const whole = new Set(marks.filter(isLeave).map(nameOf))
  for (const mark of marks) {
    const {
      factId: id,
      at,
      participantId,
      connectionId,
      name,
      nameSource,
      participantKind,
      region,
      metadata,
      reason,
    } = mark
    const fact = {
      ...{ id, source, roomId, at, receivedAt, clockCorrectedMs, participantId },
      ...(sessionKey !== undefined && { sessionKey }),
      ...(connectionId !== '' && { connectionId }),
      ...(name !== null && { name }),
      ...(nameSource !== null && { nameSource }),
      ...(participantKind !== null && { kind: participantKind }),
      ...(region !== null && { region }),
      ...(metadata !== null && { metadata }),
    }
    const joinedAt = joins.get(nameOf(mark))?.at
    if (mark.kind === 'seen') yield { ...fact, type: 'participant-seen' }
    else if (mark.kind === 'joined' && !whole.has(nameOf(mark))) {
      yield { ...fact, type: 'participant-joined' }
    } else if (isLeave(mark)) {
      yield {
        ...{ ...fact, type: 'participant-left' },
        ...(mark.arrivedAt !== null && { at: mark.arrivedAt, isUndated: true }),
        ...(joinedAt !== undefined && { joinedAt }),
        ...(reason !== null && { reason }),
      }
    }
  }
}

function nameOf({ participantId, factId }: Mark): string {
  return `${participantId}\n${factId}`
}

function toEnd({ endedAt, endReason }: Session, fact: SessionStarted): SessionFact {
  const { absorbs: _, takes: __, ...rest } = fact
  return { ...rest, type: 'session-ended', at: endedAt ?? fact.at, ...(endReason !== null && { reason: endReason }) }
}
