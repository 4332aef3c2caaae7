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
import { changesOfPerson, sameTimelog } from './changes.ts'
import { addMarks, type ChangedMarks, lastEvidence, toParticipant, withinEnd } from './participant.ts'
import { count, endAtOf, lookAtOf, movesCloses, noteCorrection, noteParent, noteRunning, noteStart } from './session.ts'
import type { Mark, Participant, PersonFact, Rules, Session } from './state.ts'
import { foldStays, toTimelog } from './stays.ts'
import { timelogIn } from './timelogs.ts'

/** What a fact can alter: the session's row and, of a fact about a person, that person's part of it. */
export type Slice = {
  session: Session
  /** All marks of the participant whom the fact is about. */
  marks: Mark[]
  /** A newer unnamed session of the same room and source exists: this one cannot be running. */
  superseded: boolean
  /** The latest evidence of everybody else; given when asked for by `needs-others`. */
  othersLastAt?: number | undefined
  /** What the session's `pastEndMs` is when it ends at the fact's time; given when asked for by `needs-past-end`. */
  pastEndMs?: number | undefined
}

export type Applied = {
  session: Session
  participant?: Participant
  /** Marks to add. */
  marks: Mark[]
  /** Marks that are needless from now on. */
  dropped?: Mark[]
  changes: Change[]
  outcome: 'recorded' | 'waiting' | 'ignored'
  /** Why it was ignored. */
  reason?: string
}

/**
 * Applies one fact. Pure: the same slice and fact give the same answer, and nothing is thrown for odd facts.
 * `needs-others`: the person's latest evidence was withdrawn; call again with `othersLastAt`. `needs-past-end`: people were
 * inside after the end; call again with `pastEndMs`.
 */
export function apply(slice: Slice, fact: SessionFact, rules: Rules): Applied | 'needs-others' | 'needs-past-end' {
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
  return finish(slice, session, snapshot, rules)
}

function startSession(slice: Slice, fact: SessionStarted, rules: Rules): Applied {
  const session = { ...slice.session }
  noteRunning(session, fact.at)
  noteStart(session, fact.at)
  if (fact.parent !== undefined) noteParent(session, fact.parent)
  return finish(slice, session, fact, rules)
}

function endSession(slice: Slice, fact: SessionEnded, rules: Rules): Applied | 'needs-past-end' {
  const session = { ...slice.session }
  const reason = fact.reason ?? 'session-ended'
  if (session.endedAt === null || fact.at > session.endedAt) {
    const isPastEnd = session.inside > 0 && session.lastAt > fact.at
    if (isPastEnd && slice.pastEndMs === undefined) return 'needs-past-end'
    session.endedAt = fact.at
    session.endReason = reason
    session.pastEndMs = isPastEnd ? (slice.pastEndMs ?? 0) : 0
  } else if (fact.at === session.endedAt && (session.endReason === null || reason < session.endReason)) {
    session.endReason = reason
  }
  return finish(slice, session, fact, rules)
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
  return finish(slice, { ...session, inferred: cause }, fact, rules)
}

/**
 * Dates a person's leaves anew before the end of their session is applied: those that nobody says the time of were no later.
 * What else depends on that end follows when it is applied.
 */
export function applyEndToLeaves(
  slice: Slice,
  participantId: string,
  end: SessionEnded,
  rules: Rules,
): Applied | 'needs-others' {
  const marks = withinEnd(slice.marks, Math.max(end.at, slice.session.endedAt ?? 0))
  const added = marks.filter((mark) => !slice.marks.includes(mark))
  const dropped = slice.marks.filter((mark) => !marks.includes(mark))
  return applyMarks(slice, { marks, added, dropped }, { ...end, participantId }, rules)
}

function applyToParticipant(slice: Slice, fact: PersonFact, rules: Rules): Applied | 'needs-others' {
  if (fact.type === 'participant-left' && fact.inferred !== undefined && isWithdrawn(slice.marks, fact)) {
    return ignore(slice, 'later evidence withdrew it')
  }
  const changed = addMarks(slice.marks, fact, slice.session.endedAt)
  return applyMarks(slice, changed, { ...fact, at: changed.added.at(-1)?.at ?? fact.at }, rules)
}

/** What changes with the marks of the person whom a fact is about. */
function applyMarks(
  slice: Slice,
  { marks, added, dropped }: ChangedMarks,
  fact: PersonFact | (SessionEnded & { participantId: string }),
  rules: Rules,
): Applied | 'needs-others' {
  const [before, after] = [foldStays(slice.marks), foldStays(marks)]
  const open = { before: toTimelog(before.stays), after: toTimelog(after.stays) }
  const was = toParticipant(fact.participantId, slice.marks, before.stays, open.before)
  const participant = toParticipant(fact.participantId, marks, after.stays, open.after)
  const session = { ...slice.session }

  count(session, was, participant)
  if (participant.joinedAt !== null) noteStart(session, participant.joinedAt)
  // Also where a clock of whole seconds dates it before the join.
  if (fact.type === 'participant-seen') session.startAt = Math.min(session.startAt ?? fact.at, fact.at)
  const lastAt = participant.lastAt ?? 0
  if (lastAt >= (was.lastAt ?? 0)) session.lastAt = Math.max(session.lastAt, lastAt)
  else if (was.lastAt === session.lastAt) {
    if (slice.othersLastAt === undefined) return 'needs-others'
    session.lastAt = Math.max(session.saidAt, lastAt, slice.othersLastAt)
  }
  // What was only inferred falls away.
  if (isEvidence(fact) && findsRunning(session, slice.session, fact.at)) session.inferred = null
  settle(slice, session, fact, rules)

  const waiting = after.lone.has(fact.id)
  const logs = {
    before: slice.session.endAt === null ? open.before : timelogIn(slice.session, before.stays),
    after: session.endAt === null ? open.after : timelogIn(session, after.stays),
  }
  const isAmended =
    participant.joinedAt !== null &&
    (!sameTimelog(logs.before, logs.after) || was.name !== participant.name || was.kind !== participant.kind)
  const ofPerson = waiting ? [] : changesOfPerson(session, participant, logs, isAmended, fact)
  const changes = announce(slice.session, session, fact, { ofPerson, isAmended })
  return { session, participant, marks: added, dropped, changes, outcome: waiting ? 'waiting' : 'recorded' }
}

/** An end that we infer falls away when the connection is not open, or gave evidence after it. */
function isWithdrawn(marks: Mark[], fact: ParticipantLeft): boolean {
  const { stays } = foldStays(marks.filter((mark) => mark.connectionId === (fact.connectionId ?? '')))
  return stays.at(-1)?.leftAt !== null || lastEvidence(stays) > fact.at
}

/** Whether somebody reported it: what we inferred is no evidence. */
function isEvidence(fact: PersonFact | SessionEnded): boolean {
  if (fact.type === 'participant-missed' || fact.type === 'session-ended') return false
  return fact.type !== 'participant-left' || fact.inferred === undefined
}

/** Whether evidence from `at` finds somebody inside a session that was taken to be over. */
function findsRunning(session: Session, before: Session, at: number): boolean {
  return session.inside > 0 && (before.inside === 0 || at > before.lastAt)
}

/** What is told of a session, beside its people: `at` is the fact's. */
type Dated = { at: number; receivedAt: number; participantId?: string; clockCorrectedMs?: number }

/** The last steps of a fact about nobody in particular. */
function finish(slice: Omit<Slice, 'marks'>, session: Session, fact: Dated, rules: Rules): Applied {
  settle(slice, session, fact, rules)
  const changes = announce(slice.session, session, fact, { ofPerson: [], isAmended: false })
  return { session, marks: [], changes, outcome: session.startAt === null ? 'waiting' : 'recorded' }
}

/** Settles whether the session is over, since when and why, and when to review it. */
function settle({ superseded }: Omit<Slice, 'marks'>, session: Session, fact: Dated, rules: Rules): void {
  if (session.endedAt !== null) session.inferred = null
  else if (superseded && session.startAt !== null) session.inferred = 'superseded'
  session.endAt = endAtOf(session)
  if (session.endedAt === null) session.endReason = session.inferred
  noteCorrection(session, fact.clockCorrectedMs ?? 0)
  session.updatedAt = Math.max(session.updatedAt, fact.receivedAt)
  session.lookAt = lookAtOf(session, rules)
}

/** What is announced of the session, with what is announced of the fact's person; an amendment counts a revision. */
function announce(
  before: Session,
  session: Session,
  fact: Dated,
  { ofPerson, isAmended }: { ofPerson: Change[]; isAmended: boolean },
): Change[] {
  const changes: Change[] = []
  const of = { sessionId: session.id, roomId: session.roomId }
  if (before.startAt === null && session.startAt !== null) {
    changes.push({ type: 'session.started', ...of, at: session.startAt })
  }
  const wasEnded = before.endAt !== null
  const amendsStart = before.startAt !== null && session.startAt !== before.startAt
  const amendsEnd = wasEnded && (session.endAt !== before.endAt || movesCloses(before, session) || isAmended)
  if (wasEnded && (amendsStart || amendsEnd)) session.revision += 1
  if (amendsStart || amendsEnd) {
    const { participantId } = fact
    changes.push({ type: 'session.amended', ...of, at: fact.at, ...(participantId && { participantId }) })
  }
  changes.push(...ofPerson)
  if (!wasEnded && session.endAt !== null) {
    const reason = session.endReason
    changes.push({ type: 'session.ended', ...of, at: session.endAt, ...(reason !== null && { reason }) })
  }
  return changes
}

function ignore(slice: Slice, reason: string): Applied {
  return { session: slice.session, marks: [], changes: [], outcome: 'ignored', reason }
}
