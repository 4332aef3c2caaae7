import {
  assertNever,
  type Cause,
  type Change,
  type ParticipantJoined,
  type ParticipantLeft,
  type ParticipantMissed,
  type ParticipantSeen,
  type SessionEnded,
  type SessionFact,
  type SessionStarted,
  type Snapshot,
  secondOf,
} from '@rollcall/protocol'
import type { Mark, Participant, Rules, Session } from './state.ts'
import { foldStays, type Stay, type TimelogEntry, toTimelog } from './stays.ts'

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

const hourMs = 3_600_000

type OfParticipant = ParticipantJoined | ParticipantLeft | ParticipantSeen | ParticipantMissed

/** A session that nothing is known of yet. */
export function newSession(fact: SessionFact, id: string): Session {
  return {
    id,
    roomId: fact.roomId,
    source: fact.source,
    sessionKey: fact.sessionKey ?? null,
    startAt: null,
    endAt: null,
    endReason: null,
    endedAt: null,
    concluded: null,
    lastAt: 0,
    saidAt: 0,
    snapshotAt: null,
    resumedAt: null,
    lookAt: null,
    inside: 0,
    people: 0,
    closedMs: 0,
    openSinceSum: 0,
    revision: 0,
    updatedAt: fact.receivedAt,
  }
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
        : concludeSession(slice, fact, fact.inferred, rules)
    case 'participant-joined':
    case 'participant-left':
    case 'participant-seen':
    case 'participant-missed':
      return applyToParticipant(slice, fact, rules)
    default:
      return assertNever(fact)
  }
}

/** The session runs on from `at` after its source restarted: the grace starts anew. */
export function resumeSession(session: Session, at: number, rules: Rules): Session {
  const resumed = { ...session, resumedAt: Math.max(session.resumedAt ?? 0, at) }
  return { ...resumed, lookAt: lookAtOf(resumed, rules) }
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

/** What is announced of everybody who is inside when a session ends. */
export function leavesAtEnd(session: Session, inside: { participantId: string; name: string }[]): Change[] {
  if (session.endAt === null) return []
  const { id: sessionId, roomId, endAt: at } = session
  return inside.map(({ participantId, name }) => ({
    type: 'participant.left',
    sessionId,
    roomId,
    at,
    participantId,
    name,
    reason: 'session-ended',
  }))
}

/** Milliseconds that people were inside, all together, until `until`; an ended session's until its end. */
export function insideMs(session: Session, until: number): number {
  return session.closedMs + session.inside * (until - secondOf(session.id)) - session.openSinceSum
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

function concludeSession(slice: Slice, fact: SessionEnded, cause: Cause, rules: Rules): Applied {
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
  return finish(slice, { ...session, concluded: cause }, fact, rules, { marks: [], changes: [] })
}

function applyToParticipant(slice: Slice, fact: OfParticipant, rules: Rules): Applied | 'needs-others' {
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
  const lastAtBefore = participantBefore.lastAt ?? 0
  const lastAt = participant.lastAt ?? 0
  if (lastAt >= lastAtBefore) session.lastAt = Math.max(session.lastAt, lastAt)
  else if (lastAtBefore === session.lastAt) {
    if (slice.othersLastAt === undefined) return 'needs-others'
    session.lastAt = Math.max(session.saidAt, lastAt, slice.othersLastAt)
  }
  // What was only concluded falls away.
  if (isEvidence(fact) && findsRunning(session, slice.session, fact.at)) session.concluded = null

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

/** An end that we conclude falls away when the connection is not open, or gave evidence after it. */
function isWithdrawn(marks: Mark[], fact: ParticipantLeft): boolean {
  const ofConnection = marks.filter((mark) => mark.connectionId === (fact.connectionId ?? ''))
  const { stays } = foldStays(ofConnection)
  const isOpen = stays.at(-1)?.leftAt === null
  return !isOpen || ofConnection.some((mark) => mark.kind !== 'missed' && mark.at > fact.at)
}

/** Whether somebody reported it: what we concluded is no evidence. */
function isEvidence(fact: OfParticipant): boolean {
  return fact.type !== 'participant-missed' && (fact.type !== 'participant-left' || fact.inferred === undefined)
}

/** Whether evidence from `at` finds somebody inside a session that was taken to be over. */
function findsRunning(session: Session, before: Session, at: number): boolean {
  return session.inside > 0 && (before.inside === 0 || at > before.lastAt)
}

function toMarks(fact: OfParticipant): Mark[] {
  const mark: Mark = {
    participantId: fact.participantId,
    connectionId: fact.connectionId ?? '',
    kind: 'seen',
    at: fact.at,
    factId: fact.id,
    reason: null,
    inferred: null,
    lastSeenAt: null,
    name: ('name' in fact ? fact.name : undefined) ?? null,
    participantKind: ('kind' in fact ? fact.kind : undefined) ?? null,
    metadata: null,
  }
  switch (fact.type) {
    case 'participant-joined':
      return [{ ...mark, kind: 'joined', metadata: fact.metadata ?? null }]
    case 'participant-seen':
      return [mark]
    case 'participant-missed':
      return [{ ...mark, kind: 'missed', lastSeenAt: fact.lastSeenAt }]
    case 'participant-left': {
      const left: Mark = { ...mark, kind: 'left', reason: fact.reason ?? null, inferred: fact.inferred ?? null }
      if (fact.joinedAt === undefined) return [left]
      return [
        { ...mark, kind: 'joined', at: fact.joinedAt },
        // Two clocks, or one of whole seconds, may date it before its own join.
        { ...left, at: Math.max(fact.at, fact.joinedAt) },
      ]
    }
    default:
      return assertNever(fact)
  }
}

/** What is kept of somebody: folded from all their marks. */
export function toParticipant(participantId: string, marks: Mark[], stays: Stay[], log: TimelogEntry[]): Participant {
  const last = log.at(-1)
  let closedMs = 0
  for (const entry of log) if (entry.leftAt !== null) closedMs += entry.leftAt - entry.joinedAt
  return {
    participantId,
    name: latest(marks, (mark) => mark.name) ?? '',
    kind: latest(marks, (mark) => mark.participantKind) ?? 'person',
    metadata: latest(marks, (mark) => mark.metadata),
    joinedAt: log[0]?.joinedAt ?? null,
    openSince: last !== undefined && last.leftAt === null ? last.joinedAt : null,
    closedMs,
    lastAt: last === undefined ? null : lastEvidence(marks, stays),
  }
}

/** What the latest mark that says anything says: latest by the fact's time, then its id. */
function latest<T>(marks: Mark[], read: (mark: Mark) => T | null): T | null {
  let best: Mark | undefined
  for (const mark of marks) {
    if (read(mark) === null) continue
    if (best === undefined || mark.at > best.at || (mark.at === best.at && mark.factId > best.factId)) best = mark
  }
  return best === undefined ? null : read(best)
}

function lastEvidence(marks: Mark[], stays: Stay[]): number {
  let at = 0
  for (const mark of marks) if (mark.kind === 'joined' || mark.kind === 'seen') at = Math.max(at, mark.at)
  for (const stay of stays) at = Math.max(at, stay.leftAt ?? stay.joinedAt)
  return at
}

function count(session: Session, before: Participant, after: Participant): void {
  session.people += Number(after.joinedAt !== null) - Number(before.joinedAt !== null)
  session.inside += Number(after.openSince !== null) - Number(before.openSince !== null)
  session.closedMs += after.closedMs - before.closedMs
  const base = secondOf(session.id)
  session.openSinceSum += (after.openSince ?? base) - (before.openSince ?? base)
}

/** Evidence that it ran at `at`, of nobody in particular: it withdraws an earlier end that was only concluded. */
function noteRunning(session: Session, at: number): void {
  if (at > session.lastAt) session.concluded = null
  session.saidAt = Math.max(session.saidAt, at)
  session.lastAt = Math.max(session.lastAt, at)
}

function noteStart(session: Session, at: number): void {
  session.startAt = session.startAt === null ? at : Math.min(session.startAt, at)
  session.lastAt = Math.max(session.lastAt, at)
}

/** The last steps of every fact: the end, what is announced of the session, and when to look at it again. */
function finish(
  slice: Omit<Slice, 'marks'>,
  session: Session,
  fact: { at: number; receivedAt: number; participantId?: string },
  rules: Rules,
  done: { marks: Mark[]; changes: Change[]; amended?: boolean },
): Applied {
  if (slice.superseded && session.startAt !== null && session.endedAt === null) session.concluded = 'superseded'
  const before = slice.session
  session.endAt = endAtOf(session)
  if (session.endedAt === null) session.endReason = session.concluded
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

/** What a source says of people beats what it says of the room: a leave reported after the end moves the end. */
export function endAtOf(session: Session): number | null {
  if (session.startAt === null) return null
  if (session.endedAt !== null) return Math.max(session.endedAt, session.lastAt)
  return session.concluded === null ? null : session.lastAt
}

function lookAtOf(session: Session, rules: Rules): number | null {
  if (session.startAt === null || session.endAt !== null) return null
  if (session.inside > 0) {
    if (session.source === rules.leasedSource) return null
    // In whole hours: the facts of a busy session move it rarely, and its place in the index with it.
    return Math.ceil((session.lastAt + rules.maxSilenceMs) / hourMs) * hourMs
  }
  if (session.sessionKey !== null) return session.lastAt + rules.silenceMs
  return Math.max(session.lastAt, session.resumedAt ?? 0) + rules.graceMs
}

function changesOf(
  session: Session,
  participant: Participant,
  before: TimelogEntry[],
  after: TimelogEntry[],
  amended: boolean,
  fact: SessionFact,
): Change[] {
  const of = {
    sessionId: session.id,
    roomId: session.roomId,
    participantId: participant.participantId,
    name: participant.name,
  }
  const wasInside = before.at(-1)?.leftAt === null
  const isInside = after.at(-1)?.leftAt === null
  const changes: Change[] = []
  const isNew = after.length > before.length
  if (isNew || (isInside && !wasInside)) {
    const entry = after.find((entry) => !before.some((old) => old.joinedAt === entry.joinedAt)) ?? after.at(-1)
    changes.push({
      type: 'participant.joined',
      ...of,
      at: fact.type === 'participant-joined' ? fact.at : (entry?.joinedAt ?? fact.at),
    })
  }
  if ((wasInside && !isInside) || (isNew && !isInside)) {
    const reason = after.at(-1)?.reason
    changes.push({ type: 'participant.left', ...of, at: after.at(-1)?.leftAt ?? fact.at, ...(reason && { reason }) })
  }
  if (changes.length === 0 && amended) {
    changes.push({ type: 'participant.amended', ...of, at: fact.at })
  }
  return changes
}

function sameTimelog(a: TimelogEntry[], b: TimelogEntry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, i) => {
      const other = b[i]
      return (
        entry.joinedAt === other?.joinedAt &&
        entry.leftAt === other.leftAt &&
        entry.reason === other.reason &&
        entry.inferred === other.inferred
      )
    })
  )
}

function ignore(slice: Slice, reason: string): Applied {
  return { session: slice.session, marks: [], changes: [], outcome: 'ignored', reason }
}
