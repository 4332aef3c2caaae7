import { hash } from 'node:crypto'
import {
  assertNever,
  type Change,
  type Fact,
  type Outcome,
  type SessionEnded,
  type SessionFact,
  type SessionStarted,
  toObjectId,
} from '@rollcall/protocol'
import { changesOfInside } from '../../ledger/changes.ts'
import { inferEnd, type People } from '../../ledger/infer.ts'
import { type Applied, apply, applyEndToLeaves, type Slice } from '../../ledger/ledger.ts'
import { type Candidates, evidenceAt, route } from '../../ledger/route.ts'
import { movesCloses, newSession } from '../../ledger/session.ts'
import type { Mark, Session } from '../../ledger/state.ts'
import type { ApplyParts } from '../../store/facts/applied.ts'
import type { FactStore, RecordParts } from '../../store/facts/facts.ts'
import { absorbGuessed, takeJoined } from './absorb.ts'
import { type FactText, textOf } from './fact-text.ts'

/** What became of one fact. */
export type Recorded = {
  /** The fact's id. */
  id: string
  outcome: Outcome
  /** Why it was ignored or refused. */
  reason?: string
  /** The session it belongs to; absent where it was ignored or refused. */
  sessionId?: string
  /** Of a join: that person had another connection in that session before. */
  hadOtherConnection?: true
}

/** Records what nobody reported. */
export function infer(parts: RecordParts, keyId: number, fact: SessionFact): Promise<Recorded> {
  return keep(parts, keyId, { said: fact, text: textOf(fact), fact }, () => applyToSession(parts, keyId, fact))
}

/** A fact as it was said, and as it counts. `doubts`: what of it cannot be, in words. */
export type Reported<F extends Fact> = { said: Fact; text: FactText; fact: F; doubts?: string | undefined }

/** Keeps what was said as it was said, and applies it as it can be. */
export async function keep<F extends Fact>(
  parts: RecordParts,
  keyId: number,
  { said, text: { json, digest }, fact, doubts }: Reported<F>,
  applyOne: (fact: F) => Recorded | Promise<Recorded>,
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
  const applied = await applyOne(fact)
  const recorded = doubts === undefined ? applied : { reason: doubts, ...applied }
  // Its first arrival is in the log no longer: the log has that it came again, and nothing follows from that.
  const isAgain = recorded.outcome === 'duplicate'
  parts.facts.log(keyId, {
    source: said.source,
    factId: said.id,
    sessionId: recorded.sessionId ?? null,
    outcome: isAgain ? 'ignored' : recorded.outcome,
    reason: isAgain ? 'it was recorded before' : (recorded.reason ?? null),
    receivedAt: said.receivedAt,
    factJson: json,
  })
  return recorded
}

/** @param isOutdated see `Possible` */
export async function applyToSession(
  parts: RecordParts,
  keyId: number,
  fact: SessionFact,
  isOutdated = false,
): Promise<Recorded> {
  const found = await findSession(parts, keyId, fact)
  if (found.to === 'nowhere') return { id: fact.id, outcome: 'ignored', reason: found.reason }
  if (isOutdated && found.to === 'session' && isOverWithout(found.session, fact)) {
    return { id: fact.id, outcome: 'ignored', reason: 'its time cannot be, and its session is over' }
  }
  return applyFound(parts, keyId, fact, found)
}

/** Whether a session was over when a fact came that has no time: then it tells nothing of it, but of who came and went. */
export function isOverWithout({ endAt }: Session, { type, at }: SessionFact): boolean {
  return endAt !== null && at > endAt && type !== 'participant-joined' && type !== 'participant-left'
}

/**
 * Applies a fact to the session that was found for it. A duplicate: the record holds it, though its claim is kept no longer.
 * @param isMoved another session had it: it may be the one that opened this one, before it was moved from here
 */
export async function applyFound(
  parts: ApplyParts,
  keyId: number,
  fact: SessionFact,
  found: Exclude<Found, { to: 'nowhere' }>,
  isMoved = false,
): Promise<Recorded> {
  const { facts } = parts
  const isNew = found.to === 'new'
  let session = isNew ? newSession(fact, newSessionId(keyId, fact)) : found.session
  const { superseded } = found

  const person = 'participantId' in fact ? fact.participantId : undefined
  const marks = person === undefined || isNew ? [] : await facts.listMarks(keyId, session.id, person)
  const wasOpened = isNew
    ? (await facts.getSession(keyId, session.id)) !== undefined
    : !isMoved && isOpenedBy(session, keyId, fact)
  if (wasOpened || marks.some(({ factId }) => factId === fact.id)) return { id: fact.id, outcome: 'duplicate' }
  if (fact.type === 'session-ended' && fact.inferred === undefined) {
    session = await endLeaves(parts, keyId, { session, superseded }, fact)
  }
  const applied = await applyTo(parts, keyId, { session, marks, superseded }, fact)
  if (applied.outcome === 'waiting' && fact.sessionKey === undefined && !found.covered) {
    return { id: fact.id, outcome: 'ignored', reason: `nobody of that id was inside room ${fact.roomId} then` }
  }
  if (applied.outcome === 'ignored') {
    return { id: fact.id, outcome: 'ignored', ...(applied.reason && { reason: applied.reason }) }
  }
  await save(parts, keyId, isNew ? undefined : session, applied)
  if (fact.type === 'session-started') await moveInto(fact)
  const hadOther =
    fact.type === 'participant-joined' && marks.some(({ connectionId }) => connectionId !== (fact.connectionId ?? ''))
  return { id: fact.id, outcome: applied.outcome, sessionId: session.id, ...(hadOther && { hadOtherConnection: true }) }

  /** From sessions that this one turns out to be, and from others of its room. */
  async function moveInto(started: SessionStarted): Promise<void> {
    const into = session.id
    const applyOne = async (moved: SessionFact) => {
      const now = await facts.getSession(keyId, into)
      if (now !== undefined) await applyFound(parts, keyId, moved, { ...found, to: 'session', session: now }, true)
    }
    await absorbGuessed(parts, keyId, started, { into, applyOne })
    const keepOne = (sessionId: string, kept: SessionFact) => applyUnannounced(parts, keyId, sessionId, kept)
    await takeJoined(parts, keyId, started, { into, applyOne, keepOne })
  }
}

/** Applies a fact of a person again of which everybody was told. */
async function applyUnannounced(parts: ApplyParts, keyId: number, sessionId: string, fact: SessionFact): Promise<void> {
  const session = await parts.facts.getSession(keyId, sessionId)
  if (session === undefined || !('participantId' in fact)) return
  const marks = await parts.facts.listMarks(keyId, sessionId, fact.participantId)
  const applied = await applyTo(parts, keyId, { session, marks, superseded: false }, fact)
  await save(parts, keyId, undefined, { ...applied, changes: [] })
}

/** Applies a fact, with whatever else of its session the ledger asks for. */
async function applyTo(parts: ApplyParts, keyId: number, slice: Slice, fact: SessionFact): Promise<Applied> {
  const { facts, rules } = parts
  const applied = apply(slice, fact, rules)
  if (typeof applied === 'object') return applied
  const { id } = slice.session
  const person = 'participantId' in fact ? fact.participantId : ''
  const given =
    applied === 'needs-others'
      ? { othersLastAt: await facts.othersLastAt(keyId, id, person) }
      : { pastEndMs: await facts.pastEndMs(keyId, id, fact.at) }
  const again = apply({ ...slice, ...given }, fact, rules)
  if (typeof again !== 'object') throw new Error(`the ledger asked twice: ${applied}, ${again}`)
  return again
}

/** Dates anew the leaves that came after the end of their session and that nobody says the time of. Gives the session then. */
async function endLeaves(
  parts: ApplyParts,
  keyId: number,
  { session, superseded }: Omit<Slice, 'marks'>,
  end: SessionEnded,
): Promise<Session> {
  const { facts, rules } = parts
  const { endedAt } = session
  if (endedAt !== null && end.at <= endedAt) return session
  let now = session
  for (const participantId of await facts.listUndated(keyId, session.id, endedAt ?? end.at)) {
    const slice = { session: now, superseded, marks: await facts.listMarks(keyId, session.id, participantId) }
    let applied = applyEndToLeaves(slice, participantId, end, rules)
    if (applied === 'needs-others') {
      const othersLastAt = await facts.othersLastAt(keyId, session.id, participantId)
      applied = applyEndToLeaves({ ...slice, othersLastAt }, participantId, end, rules)
    }
    if (applied === 'needs-others') throw new Error('the ledger asked twice: needs-others')
    await save(parts, keyId, now, applied)
    now = applied.session
  }
  return now
}

export async function save(
  parts: ApplyParts,
  keyId: number,
  before: Session | undefined,
  applied: Applied,
): Promise<void> {
  const { facts } = parts
  const { session } = applied
  facts.saveSession(keyId, session)
  if (applied.participant !== undefined) facts.saveParticipant(keyId, session.id, applied.participant)
  for (const mark of applied.dropped ?? []) facts.removeMark(keyId, session.id, mark)
  for (const mark of applied.marks) facts.insertMark(keyId, session.id, mark)

  const { participantId: person, openSince } = applied.participant ?? { openSince: null }
  const othersInside = session.inside - Number(openSince !== null)
  const closes =
    before !== undefined && othersInside > 0 && movesCloses(before, session)
      ? (await facts.listInside(keyId, session.id)).filter(({ participantId }) => participantId !== person)
      : []
  for (const change of inOrder(applied.changes, changesOfInside(before, session, closes))) {
    facts.appendChange(keyId, change, session.updatedAt)
  }
}

/** Everybody's leave is announced before the end of the session. */
function inOrder(changes: Change[], leaves: Change[]): Change[] {
  const end = changes.findIndex((change) => change.type === 'session.ended')
  return end === -1 ? [...changes, ...leaves] : [...changes.slice(0, end), ...leaves, ...changes.slice(end)]
}

export type Found =
  | { to: 'session'; session: Session; covered: boolean; superseded: boolean }
  | { to: 'new'; covered: boolean; superseded: boolean }
  | { to: 'nowhere'; reason: string }

export async function findSession(parts: RecordParts, keyId: number, fact: SessionFact): Promise<Found> {
  const { facts, rules } = parts
  if (isNamed(fact)) {
    const session = await facts.findNamed(keyId, fact)
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
        await infer(parts, keyId, inferEnd(previous, fact.receivedAt))
      }
      return { to: 'new', covered: true, superseded: candidates.next !== undefined }
    }
    default:
      return assertNever(routed)
  }
}

function isNamed(fact: SessionFact): fact is SessionFact & { sessionKey: string } {
  return fact.sessionKey !== undefined
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

/** The same fact opens a session of the same id whenever the log is folded again. */
export function newSessionId(keyId: number, fact: SessionFact): string {
  const tail = hash('sha256', JSON.stringify([keyId, fact.source, fact.id])).slice(0, 16)
  return toObjectId(evidenceAt(fact), tail)
}

function isOpenedBy({ id }: Session, keyId: number, fact: SessionFact): boolean {
  // Most were told at another second, which costs less to see.
  return id.startsWith(toObjectId(evidenceAt(fact), '')) && id === newSessionId(keyId, fact)
}

export function byPerson(marks: Mark[]): People {
  const people: People = new Map()
  for (const mark of marks) {
    const ofPerson = people.get(mark.participantId)
    if (ofPerson === undefined) people.set(mark.participantId, [mark])
    else ofPerson.push(mark)
  }
  return people
}
