import { type Parent, type SessionFact, secondOf } from '@rollcall/protocol'
import type { Participant, Rules, Session } from './state.ts'

const hourMs = 3_600_000

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
    inferred: null,
    lastAt: 0,
    saidAt: 0,
    snapshotAt: null,
    resumedAt: null,
    lookAt: null,
    inside: 0,
    people: 0,
    closedMs: 0,
    openSinceSum: 0,
    pastEndMs: 0,
    clockCorrectedMs: 0,
    parentRoomId: null,
    parentKey: null,
    revision: 0,
    updatedAt: fact.receivedAt,
  }
}

/** The session without its people, of whom some are another's: what was told of the session itself. */
export function withoutPeople(session: Session, at: number): Session {
  const nobody = { inside: 0, people: 0, closedMs: 0, openSinceSum: 0, pastEndMs: 0 }
  const startAt = session.saidAt === 0 ? null : session.saidAt
  const { saidAt: lastAt, revision } = session
  return { ...session, ...nobody, startAt, lastAt, endAt: null, lookAt: null, revision: revision + 1, updatedAt: at }
}

/** Whether the session is over, and when to review it, once its people are there again. */
export function settled(session: Session, rules: Rules): Session {
  const ended = { ...session, endAt: endAtOf(session) }
  return { ...ended, lookAt: lookAtOf(ended, rules) }
}

/** The session runs on from `at` after its source restarted: the grace starts anew. */
export function resumeSession(session: Session, at: number, rules: Rules): Session {
  const resumed = { ...session, resumedAt: Math.max(session.resumedAt ?? 0, at) }
  return { ...resumed, lookAt: lookAtOf(resumed, rules) }
}

/** Milliseconds that people were inside, all together, until `now`; in an ended session until they left. */
export function insideMs(session: Session, now: number): number {
  const until = session.endAt === null ? now : (session.endedAt ?? session.endAt)
  return session.closedMs + session.inside * (until - secondOf(session.id)) - session.openSinceSum + session.pastEndMs
}

/**
 * When somebody who never left did, whose last evidence is `lastAt`: at the end that was reported, which tells of everybody, or
 * at evidence of them after it. What moves the end of the session, such as another's late leave, does not move their stay. An
 * end that was inferred is the last evidence of all. Null while the session runs.
 */
export function closeAtOf({ endAt, endedAt }: Pick<Session, 'endAt' | 'endedAt'>, lastAt: number): number | null {
  return endAt === null || endedAt === null ? endAt : Math.max(endedAt, lastAt)
}

/** Whether the end of those who never left may be another than before. */
export function movesCloses(before: Session, after: Session): boolean {
  if (after.inside === 0 || (before.endAt === null && after.endAt === null)) return false
  return before.endedAt !== after.endedAt || (before.endAt === null) !== (after.endAt === null) || isMovedBySilence()

  function isMovedBySilence(): boolean {
    return after.endedAt === null && before.endAt !== after.endAt
  }
}

/** Evidence that it ran at `at`, of nobody in particular: it withdraws an earlier end that was only inferred. */
export function noteRunning(session: Session, at: number): void {
  if (at > session.lastAt) session.inferred = null
  session.saidAt = Math.max(session.saidAt, at)
  session.lastAt = Math.max(session.lastAt, at)
}

/** The furthest correction counts, and of two as far the one of a clock that is ahead. */
export function noteCorrection(session: Session, ms: number): void {
  const [further, known] = [Math.abs(ms), Math.abs(session.clockCorrectedMs)]
  if (further > known || (further === known && ms < 0)) session.clockCorrectedMs = ms
}

/** Of two that are told the one counts whose names come first: the order of the telling does not. */
export function noteParent(session: Session, { roomId, sessionKey }: Parent): void {
  const told = [roomId, sessionKey ?? null]
  const known = [session.parentRoomId, session.parentKey]
  if (known[0] !== null && JSON.stringify(known) <= JSON.stringify(told)) return
  session.parentRoomId = roomId
  session.parentKey = sessionKey ?? null
}

export function noteStart(session: Session, at: number): void {
  session.startAt = session.startAt === null ? at : Math.min(session.startAt, at)
  session.lastAt = Math.max(session.lastAt, at)
}

export function count(session: Session, before: Participant, after: Participant): void {
  session.people += Number(after.joinedAt !== null) - Number(before.joinedAt !== null)
  session.inside += Number(after.openSince !== null) - Number(before.openSince !== null)
  session.closedMs += after.closedMs - before.closedMs
  const base = secondOf(session.id)
  session.openSinceSum += (after.openSince ?? base) - (before.openSince ?? base)
  session.pastEndMs += pastEndOf(session, after) - pastEndOf(session, before)
}

export function pastEndOf({ endedAt }: Session, { openSince, lastAt }: Participant): number {
  return openSince === null || endedAt === null ? 0 : Math.max(0, (lastAt ?? 0) - endedAt)
}

/** What a source says of people beats what it says of the room: a leave reported after the end moves the end. */
export function endAtOf(session: Session): number | null {
  if (session.startAt === null) return null
  if (session.endedAt !== null) return Math.max(session.endedAt, session.lastAt)
  return session.inferred === null ? null : session.lastAt
}

export function lookAtOf(session: Session, rules: Rules): number | null {
  if (session.startAt === null || session.endAt !== null) return null
  if (session.inside > 0) {
    if (session.source === rules.leasedSource) return null
    // In whole hours: the facts of a busy session move it rarely, and its place in the index with it.
    return Math.ceil((session.lastAt + rules.maxSilenceMs) / hourMs) * hourMs
  }
  if (session.sessionKey !== null) return session.lastAt + rules.silenceMs
  return Math.max(session.lastAt, session.resumedAt ?? 0) + rules.graceMs
}
