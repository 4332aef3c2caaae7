import {
  assertNever,
  type Cause,
  type Change,
  type ParticipantLeft,
  type SessionEnded,
  type SessionFact,
  type SessionStarted,
  type Snapshot,
} from '@rollcall/protocol'
import { changesOf, sameTimelog } from './changes.ts'
import { lastEvidence, toMarks, toParticipant } from './participant.ts'
import { count, endAtOf, lookAtOf, noteRunning, noteStart } from './session.ts'
import type { Mark, Participant, PersonFact, Rules, Session } from './state.ts'
import { foldStays, toTimelog } from './stays.ts'

/** What a fact can alter: the session's row and, of a fact about a person, that person's part of it. */
export type Slice = {
  session: Session
  /** All marks of the participant whom the fact is about. */
  marks: Mark[]
  /** A newer unnamed session of the same room and source exists: this one cannot be running. */
  superseded: boolean
  /** The latest evidence of everybody else; given when asked for by `needs-others`. */
  othersLastAt?: number | undefined
}

export type Applied = {
  session: Session
  participant?: Participant
  /** Marks to add. */
  marks: Mark[]
  changes: Change[]
  outcome: 'recorded' | 'waiting' | 'ignored'
  /** Why it was ignored. */
  reason?: string
}

/**
 * Applies one fact. Pure: the same slice and fact give the same answer, and nothing is thrown for odd facts.
 * `needs-others`: the person's latest evidence was withdrawn; call again with `othersLastAt`.
 */
export function apply(slice: Slice, fact: SessionFact, rules: Rules): Applied | 'needs-others' {
  switch (fact.type) {
    case 'session-started':
      return startSession(slice, fact, rules)
    case 'session-ended':
      return fact.inferred === undefined
        ? endSession(slice, fact, rules)
        : inferSessionEnd(slice, fact, fact.inferred, rules)
    case 'participant-joined':
    case 'participant-left':
    case 'participant-seen':
    case 'participant-missed':
      return applyToParticipant(slice, fact, rules)
    default:
      return assertNever(fact)
  }
}

/**
 * A snapshot was taken of the session: it ran then. Of an unnamed one only people are evidence: an empty room is there
 * whether anything runs in it or not.
 */
export function noteSnapshot(slice: Omit<Slice, 'marks'>, snapshot: Snapshot, rules: Rules): Applied {
  const session = { ...slice.session, snapshotAt: Math.max(slice.session.snapshotAt ?? 0, snapshot.at) }
  const isRunning = session.sessionKey !== null || snapshot.participants.length > 0
  if (isRunning && session.startAt !== null) noteRunning(session, snapshot.at)
  return finish(slice, session, snapshot, rules, { marks: [], changes: [] })
}

function startSession(slice: Slice, fact: SessionStarted, rules: Rules): Applied {
  const session = { ...slice.session }
  noteRunning(session, fact.at)
  noteStart(session, fact.at)
  return finish(slice, session, fact, rules, { marks: [], changes: [] })
}

function endSession(slice: Slice, fact: SessionEnded, rules: Rules): Applied {
  const session = { ...slice.session }
  const reason = fact.reason ?? 'session-ended'
  if (session.endedAt === null || fact.at > session.endedAt) {
    session.endedAt = fact.at
    session.endReason = reason
  } else if (fact.at === session.endedAt && (session.endReason === null || reason < session.endReason)) {
    session.endReason = reason
  }
  return finish(slice, session, fact, rules, { marks: [], changes: [] })
}

function inferSessionEnd(slice: Slice, fact: SessionEnded, cause: Cause, rules: Rules): Applied {
  const { session } = slice
  const needsEmpty = cause === 'empty' || cause === 'silent'
  if (
    session.startAt === null ||
    session.endAt !== null ||
    session.lastAt > fact.at ||
    (needsEmpty && session.inside)
  ) {
    return ignore(slice, 'later evidence withdrew it')
  }
  return finish(slice, { ...session, inferred: cause }, fact, rules, { marks: [], changes: [] })
}

function applyToParticipant(slice: Slice, fact: PersonFact, rules: Rules): Applied | 'needs-others' {
  const added = toMarks(fact)
  const marks = [...slice.marks, ...added]
  const before = foldStays(slice.marks)
  if (fact.type === 'participant-left' && fact.inferred !== undefined && isWithdrawn(slice.marks, fact)) {
    return ignore(slice, 'later evidence withdrew it')
  }
  const after = foldStays(marks)
  const logBefore = toTimelog(before.stays)
  const logAfter = toTimelog(after.stays)
  const participantBefore = toParticipant(fact.participantId, slice.marks, before.stays, logBefore)
  const participant = toParticipant(fact.participantId, marks, after.stays, logAfter)
  const session = { ...slice.session }

  count(session, participantBefore, participant)
  if (participant.joinedAt !== null) noteStart(session, participant.joinedAt)
  // Also where a clock of whole seconds dates it before the join.
  if (fact.type === 'participant-seen') session.startAt = Math.min(session.startAt ?? fact.at, fact.at)
  const lastAtBefore = participantBefore.lastAt ?? 0
  const lastAt = participant.lastAt ?? 0
  if (lastAt >= lastAtBefore) session.lastAt = Math.max(session.lastAt, lastAt)
  else if (lastAtBefore === session.lastAt) {
    if (slice.othersLastAt === undefined) return 'needs-others'
    session.lastAt = Math.max(session.saidAt, lastAt, slice.othersLastAt)
  }
  // What was only inferred falls away.
  if (isEvidence(fact) && findsRunning(session, slice.session, fact.at)) session.inferred = null

  const waiting = after.lone.has(fact.id)
  const amended =
    participant.joinedAt !== null &&
    (!sameTimelog(logBefore, logAfter) ||
      participantBefore.name !== participant.name ||
      participantBefore.kind !== participant.kind)
  const changes = waiting ? [] : changesOf(session, participant, logBefore, logAfter, amended, fact)
  const applied = finish(slice, session, fact, rules, { marks: added, changes, amended })
  return { ...applied, participant, outcome: waiting ? 'waiting' : 'recorded' }
}

/** An end that we infer falls away when the connection is not open, or gave evidence after it. */
function isWithdrawn(marks: Mark[], fact: ParticipantLeft): boolean {
  const { stays } = foldStays(marks.filter((mark) => mark.connectionId === (fact.connectionId ?? '')))
  return stays.at(-1)?.leftAt !== null || lastEvidence(stays) > fact.at
}

/** Whether somebody reported it: what we inferred is no evidence. */
function isEvidence(fact: PersonFact): boolean {
  return fact.type !== 'participant-missed' && (fact.type !== 'participant-left' || fact.inferred === undefined)
}

/** Whether evidence from `at` finds somebody inside a session that was taken to be over. */
function findsRunning(session: Session, before: Session, at: number): boolean {
  return session.inside > 0 && (before.inside === 0 || at > before.lastAt)
}

/** The last steps of every fact: the end, what is announced of the session, and when to look at it again. */
function finish(
  slice: Omit<Slice, 'marks'>,
  session: Session,
  fact: { at: number; receivedAt: number; participantId?: string },
  rules: Rules,
  done: { marks: Mark[]; changes: Change[]; amended?: boolean },
): Applied {
  if (slice.superseded && session.startAt !== null && session.endedAt === null) session.inferred = 'superseded'
  const before = slice.session
  session.endAt = endAtOf(session)
  if (session.endedAt === null) session.endReason = session.inferred
  session.updatedAt = Math.max(session.updatedAt, fact.receivedAt)

  const changes: Change[] = []
  const of = { sessionId: session.id, roomId: session.roomId }
  if (before.startAt === null && session.startAt !== null) {
    changes.push({ type: 'session.started', ...of, at: session.startAt })
  }
  const amendsStart = before.startAt !== null && session.startAt !== before.startAt
  const amendsEnd = before.endAt !== null && session.endAt !== before.endAt
  const amendsEnded = before.endAt !== null && done.amended === true
  if (before.endAt !== null && (amendsStart || amendsEnd || amendsEnded)) session.revision += 1
  if (amendsStart || amendsEnd || amendsEnded) {
    const { participantId } = fact
    changes.push({ type: 'session.amended', ...of, at: fact.at, ...(participantId && { participantId }) })
  }
  // Of a session that stays ended the amendment says it all.
  if (before.endAt === null || session.endAt === null) changes.push(...done.changes)
  if (before.endAt === null && session.endAt !== null) {
    const reason = session.endReason
    changes.push({ type: 'session.ended', ...of, at: session.endAt, ...(reason !== null && { reason }) })
  }
  session.lookAt = lookAtOf(session, rules)
  const outcome = session.startAt === null ? 'waiting' : 'recorded'
  return { session, marks: done.marks, changes, outcome }
}

function ignore(slice: Slice, reason: string): Applied {
  return { session: slice.session, marks: [], changes: [], outcome: 'ignored', reason }
}
