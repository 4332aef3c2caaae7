import { hash } from 'node:crypto'
import {
  assertNever,
  type Change,
  type Fact,
  type Outcome,
  ownFactIdPrefix,
  type Quality,
  type SessionFact,
  type Snapshot,
  type SourceStarted,
  toObjectId,
} from '@rollcall/protocol'
import {
  concludeEnd,
  concludeFromRestart,
  concludeFromSilence,
  concludeFromSnapshot,
  type People,
} from '../ledger/conclude.ts'
import { type Applied, apply, leavesAtEnd, newSession, noteSnapshot, resumeSession } from '../ledger/ledger.ts'
import { type Candidates, evidenceAt, route } from '../ledger/route.ts'
import type { Mark, Rules, Session } from '../ledger/state.ts'
import { foldStays } from '../ledger/stays.ts'
import { withPossibleTimes } from '../ledger/times.ts'
import type { FactStore } from '../store/facts/facts.ts'
import { type FactText, textOf } from './fact-text.ts'
import type { NamedFact } from './rooms-of-facts.ts'

/** What became of one fact. */
export type Recorded = {
  /** The fact's id. */
  id: string
  outcome: Outcome
  /** Why it was ignored or refused. */
  reason?: string
  /** The session it belongs to; absent where it was ignored or refused. */
  sessionId?: string
}

/** The one door for facts. Resolves when they are durable; rejects with a `Refusal` BUSY when the queue is full. */
export type RecordFacts = (keyId: number, facts: (Fact | NamedFact)[], about?: AboutRooms) => Promise<Recorded[]>

/** What else is to be known of the rooms that facts are about. */
export type AboutRooms = {
  /** That of the lease on the hosted room; where another process holds it by now, the facts are refused as ROOM_MOVED. */
  fence?: number | undefined
  /** Those of the facts' roomIds that are names, roomIds or customRoomIds, of rooms to be made with them. */
  newRooms?: string[]
}

/** What recording needs: the tables, inside a transaction, and the rules. */
export type RecordParts = { facts: FactStore; rules: Rules }

/**
 * Records one fact: claims it, applies it, and appends what changed. Runs inside a transaction of the caller's, so that
 * a fact, its rows and its changes are kept together or not at all.
 * @param text the fact's own, where it was made before
 */
export function record(
  parts: RecordParts,
  keyId: number,
  said: Fact,
  text: FactText = textOf(said),
): Promise<Recorded> {
  parts.facts.touch(keyId, said.source, said.receivedAt)
  return keep(parts, keyId, said, text, toApplied(said, parts.rules))
}

/** As a fact counts: whoever else told it has a clock of their own, which may be wrong. */
function toApplied(said: Fact, { leasedSource }: Rules): Fact {
  const isOurs = said.source === leasedSource || said.id.startsWith(ownFactIdPrefix)
  return isOurs ? said : withPossibleTimes(said)
}

/**
 * Applies a fact of the log again, in the session that it was kept in. Whatever was concluded from it lies in the log before it,
 * as facts of their own: nothing is concluded anew. Gives what became of it; 'unfounded': the session is not there, and no fact
 * of this one's identity can have opened it.
 */
export async function applyAgain(
  parts: RecordParts,
  keyId: number,
  said: Fact,
  sessionId: string | null,
): Promise<Outcome | 'unfounded'> {
  const { facts, rules } = parts
  const fact = toApplied(said, rules)
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

/** Reviews whether a session is over, or its source gone, and if so records that by facts of their own. */
export async function review(parts: RecordParts, keyId: number, sessionId: string, now: number): Promise<void> {
  const session = await parts.facts.getSession(keyId, sessionId)
  if (session === undefined || session.lookAt === null || session.lookAt > now) return
  if (session.inside > 0) await reviewSilence(parts, keyId, session, now)
  else await conclude(parts, keyId, concludeEnd(session, now))
}

/** Ends a session whose source said nothing at all for its longest silence: a scan of all who were in it. */
async function reviewSilence(parts: RecordParts, keyId: number, session: Session, now: number): Promise<void> {
  const { facts, rules } = parts
  const lastSeenAt = Math.max(session.updatedAt, await facts.lastSeenAt(keyId, session.source))
  const silentAt = lastSeenAt + rules.maxSilenceMs
  if (silentAt > now) return facts.saveSession(keyId, { ...session, lookAt: silentAt })
  const people = byPerson(await facts.listAllMarks(keyId, session.id))
  for (const fact of concludeFromSilence(session, people, now)) await conclude(parts, keyId, fact)
  const empty = await facts.getSession(keyId, session.id)
  if (empty !== undefined) await conclude(parts, keyId, concludeEnd(empty, now, 'source-silent'))
}

/** Records what nobody reported. */
function conclude(parts: RecordParts, keyId: number, fact: SessionFact): Promise<Recorded> {
  return keep(parts, keyId, fact, textOf(fact), fact)
}

/** Keeps what was said as it was said, and applies it as it can be. */
async function keep(
  parts: RecordParts,
  keyId: number,
  said: Fact,
  { json, digest }: FactText,
  fact: Fact,
): Promise<Recorded> {
  const claimed = await parts.facts.claim(keyId, said, digest)
  if (claimed !== true) {
    if (claimed === digest) return { id: said.id, outcome: 'duplicate' }
    return {
      id: said.id,
      outcome: 'refused',
      reason: `the id ${said.id} was used before for a fact with other content`,
    }
  }
  const applied = await applyFact(parts, keyId, fact)
  const recorded = fact === said ? applied : { reason: 'its time cannot be: it counts as of when it came', ...applied }
  parts.facts.log(keyId, {
    source: said.source,
    factId: said.id,
    sessionId: recorded.sessionId ?? null,
    outcome: recorded.outcome,
    reason: recorded.reason ?? null,
    receivedAt: said.receivedAt,
    factJson: json,
  })
  return recorded
}

function applyFact(parts: RecordParts, keyId: number, fact: Fact): Recorded | Promise<Recorded> {
  switch (fact.type) {
    case 'snapshot':
      return applySnapshot(parts, keyId, fact)
    case 'source-started':
      return applyRestart(parts, keyId, fact)
    case 'quality':
      return applyQuality(parts, keyId, fact)
    case 'unknown':
      return { id: fact.id, outcome: 'ignored', reason: fact.reason }
    case 'session-started':
    case 'session-ended':
    case 'participant-joined':
    case 'participant-left':
    case 'participant-seen':
    case 'participant-missed':
      return applyToSession(parts, keyId, fact)
    default:
      return assertNever(fact)
  }
}

async function applyToSession(parts: RecordParts, keyId: number, fact: SessionFact): Promise<Recorded> {
  const found = await findSession(parts, keyId, fact)
  if (found.to === 'nowhere') return { id: fact.id, outcome: 'ignored', reason: found.reason }
  return applyFound(parts, keyId, fact, found)
}

async function applyFound(
  parts: RecordParts,
  keyId: number,
  fact: SessionFact,
  found: Exclude<Found, { to: 'nowhere' }>,
): Promise<Recorded> {
  const { facts } = parts
  const isNew = found.to === 'new'
  const session = isNew ? newSession(fact, newSessionId(keyId, fact)) : found.session
  const { superseded } = found

  const person = 'participantId' in fact ? fact.participantId : undefined
  const marks = person === undefined || isNew ? [] : await facts.listMarks(keyId, session.id, person)
  const slice = { session, marks, superseded }
  let applied = apply(slice, fact, parts.rules)
  if (applied === 'needs-others' && person !== undefined) {
    const othersLastAt = await facts.othersLastAt(keyId, session.id, person)
    applied = apply({ ...slice, othersLastAt }, fact, parts.rules)
  }
  if (applied === 'needs-others') throw new Error('the ledger asked for others twice')
  if (applied.outcome === 'waiting' && fact.sessionKey === undefined && !found.covered) {
    return { id: fact.id, outcome: 'ignored', reason: `nobody of that id was inside room ${fact.roomId} then` }
  }
  if (applied.outcome === 'ignored') {
    return { id: fact.id, outcome: 'ignored', ...(applied.reason && { reason: applied.reason }) }
  }
  await save(parts, keyId, isNew ? undefined : session, applied)
  return { id: fact.id, outcome: applied.outcome, sessionId: session.id }
}

async function save(parts: RecordParts, keyId: number, before: Session | undefined, applied: Applied): Promise<void> {
  const { facts } = parts
  const { session } = applied
  facts.saveSession(keyId, session)
  if (applied.participant !== undefined) facts.saveParticipant(keyId, session.id, applied.participant)
  for (const mark of applied.marks) facts.insertMark(keyId, session.id, mark)

  const wasRunning = before === undefined || before.endAt === null
  const endsNow = wasRunning && session.endAt !== null
  const leaves = endsNow && session.inside > 0 ? leavesAtEnd(session, await facts.listInside(keyId, session.id)) : []
  for (const change of inOrder(applied.changes, leaves)) facts.appendChange(keyId, change, session.updatedAt)
}

/** Everybody's leave is announced before the end of the session. */
function inOrder(changes: Change[], leaves: Change[]): Change[] {
  const end = changes.findIndex((change) => change.type === 'session.ended')
  return end === -1 ? [...changes, ...leaves] : [...changes.slice(0, end), ...leaves, ...changes.slice(end)]
}

type Found =
  | { to: 'session'; session: Session; covered: boolean; superseded: boolean }
  | { to: 'new'; covered: boolean; superseded: boolean }
  | { to: 'nowhere'; reason: string }

async function findSession(parts: RecordParts, keyId: number, fact: SessionFact): Promise<Found> {
  const { facts, rules } = parts
  const { sessionKey } = fact
  if (sessionKey !== undefined) {
    const session = await facts.findNamed(keyId, { ...fact, sessionKey })
    const plain = { covered: true, superseded: false }
    return session === undefined ? { to: 'new', ...plain } : { to: 'session', session, ...plain }
  }
  const candidates = await findCandidates(facts, keyId, fact)
  const routed = route(fact, candidates, rules)
  switch (routed.to) {
    case 'nowhere':
      return routed
    case 'session': {
      return { ...routed, superseded: routed.session.id !== candidates.latest?.id }
    }
    case 'new': {
      // The room is empty for longer than the grace, and nobody has looked yet.
      const { previous } = candidates
      if (previous !== undefined && previous.endAt === null) {
        await conclude(parts, keyId, concludeEnd(previous, fact.receivedAt))
      }
      return { to: 'new', covered: true, superseded: candidates.next !== undefined }
    }
    default:
      return assertNever(routed)
  }
}

async function findCandidates(
  facts: FactStore,
  keyId: number,
  fact: SessionFact,
): Promise<Candidates & { latest: Session | undefined }> {
  const at = evidenceAt(fact)
  // Facts of an ordered stream mostly belong to the latest session: one look finds it.
  const latest = await facts.findLatest(keyId, fact)
  if (latest === undefined || (latest.startAt ?? 0) <= at) return { previous: latest, next: undefined, latest }
  const previous = await facts.findPrevious(keyId, fact, at)
  const next = await facts.findNext(keyId, fact, at)
  return { previous, next, latest }
}

async function applySnapshot(parts: RecordParts, keyId: number, snapshot: Snapshot): Promise<Recorded> {
  const { facts, rules } = parts
  const probe: SessionFact = {
    ...snapshot,
    type: snapshot.participants.length > 0 ? 'session-started' : 'session-ended',
  }
  const found = await findSession(parts, keyId, probe)
  if (found.to === 'nowhere') return { id: snapshot.id, outcome: 'ignored', reason: found.reason }
  const session = found.to === 'new' ? newSession(probe, '') : found.session
  const people = found.to === 'new' ? new Map() : byPerson(await facts.listAllMarks(keyId, session.id))
  const concluded = concludeFromSnapshot(session, people, snapshot)
  if (found.to === 'new' && concluded.length === 0) {
    return { id: snapshot.id, outcome: 'ignored', reason: `no session of room ${snapshot.roomId} was running then` }
  }
  let sessionId = session.id
  for (const fact of concluded) sessionId = (await conclude(parts, keyId, fact)).sessionId ?? sessionId
  const now = await facts.getSession(keyId, sessionId)
  if (now !== undefined) {
    await save(parts, keyId, now, noteSnapshot({ session: now, superseded: found.superseded }, snapshot, rules))
  }
  return { id: snapshot.id, outcome: 'recorded', sessionId }
}

/** Every session of the source, or of that room of it, that ran then runs on. */
async function resumeRunning({ facts, rules }: RecordParts, keyId: number, restart: SourceStarted): Promise<void> {
  for (const session of await facts.listRunning(keyId, restart.source, restart.roomId)) {
    if (session.startAt === null || session.startAt > restart.at) continue
    facts.saveSession(keyId, resumeSession(session, restart.at, rules))
  }
}

async function applyRestart(parts: RecordParts, keyId: number, restart: SourceStarted): Promise<Recorded> {
  const { facts } = parts
  for (const session of await facts.listRunning(keyId, restart.source, restart.roomId)) {
    if (session.startAt === null || session.startAt > restart.at) continue
    const people = byPerson(await facts.listAllMarks(keyId, session.id))
    for (const fact of concludeFromRestart(session, people, restart)) await conclude(parts, keyId, fact)
  }
  await resumeRunning(parts, keyId, restart)
  return { id: restart.id, outcome: 'recorded' }
}

/** Quality is no evidence of anybody's presence: it is kept with the session it belongs to, which it does not alter. */
async function applyQuality(parts: RecordParts, keyId: number, quality: Quality): Promise<Recorded> {
  const { id, roomId, participantId } = quality
  const ignore = (reason: string): Recorded => ({ id, outcome: 'ignored', reason })
  // Found as an end is, which opens nothing.
  const found = await findSession(parts, keyId, { ...quality, type: 'session-ended' })
  if (found.to === 'nowhere') return ignore(found.reason)
  if (found.to === 'new') return ignore(`room ${roomId} had no session ${quality.sessionKey} yet`)
  const sessionId = found.session.id
  const { stays } = foldStays(await parts.facts.listMarks(keyId, sessionId, participantId))
  if (stays.length === 0) return ignore(`${participantId} was not inside session ${sessionId} yet`)
  parts.facts.saveQuality(keyId, sessionId, quality)
  return { id, outcome: 'recorded', sessionId }
}

function byPerson(marks: Mark[]): People {
  const people: People = new Map()
  for (const mark of marks) {
    const ofPerson = people.get(mark.participantId)
    if (ofPerson === undefined) people.set(mark.participantId, [mark])
    else ofPerson.push(mark)
  }
  return people
}

/** The same fact opens a session of the same id whenever the log is folded again. */
function newSessionId(keyId: number, fact: SessionFact): string {
  const tail = hash('sha256', JSON.stringify([keyId, fact.source, fact.id])).slice(0, 16)
  return toObjectId(evidenceAt(fact), tail)
}
