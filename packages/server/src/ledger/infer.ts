import type { Cause, ParticipantKind, SessionFact, Snapshot, SourceStarted } from '@rollcall/protocol'
import { latest } from './participant.ts'
import type { Mark, Session } from './state.ts'
import { foldStays } from './stays.ts'

/** Everybody a session has marks of: these operations scan a whole session. */
export type People = Map<string, Mark[]>

/**
 * What a snapshot of a whole session tells: who was not known joined, who was thought gone is seen, and who is absent
 * for the second time in a row left at the last evidence. An older snapshot than the latest tells nothing of absence.
 */
export function inferFromSnapshot(session: Session, people: People, snapshot: Snapshot): SessionFact[] {
  const { at, receivedAt, source, roomId, sessionKey } = snapshot
  const base = { source, roomId, at, receivedAt, ...(sessionKey !== undefined && { sessionKey }) }
  // Which unnamed session a join belongs to is told by its time: whoever is in this one joined while it ran.
  const earliest = session.sessionKey === null ? (session.startAt ?? 0) : 0
  const found: SessionFact[] = []
  const present = new Set<string>()
  for (const { participantId, connectionId, name, kind, joinedAt } of snapshot.participants) {
    const connection = connectionId ?? ''
    present.add(keyOf(participantId, connection))
    const marks = ofConnection(people.get(participantId), connection)
    const who = {
      participantId,
      ...(connectionId !== undefined && { connectionId }),
      ...(name !== undefined && { name }),
      ...(kind !== undefined && { kind }),
    }
    const id = idOf(snapshot, participantId, connection)
    const { stays } = foldStays(marks)
    const last = stays.at(-1)
    const lastLeftAt = last?.leftAt ?? Number.NEGATIVE_INFINITY
    const cameBack = connection === '' && joinedAt !== undefined && joinedAt > lastLeftAt
    if (stays.some((stay) => stay.joinedAt <= at && (stay.leftAt === null || at <= stay.leftAt))) {
      // A reported end closed it: that they are still there is evidence of them alone.
      const isPastEnd = session.endedAt !== null && session.endedAt < at
      const isNews = isPastEnd || missedSince(marks) !== undefined || tellsMore(people.get(participantId), who, at)
      if (isNews) found.push({ ...base, ...who, id, type: 'participant-seen' })
    } else if (last !== undefined && last.inferred !== null && last.joinedAt <= at && !cameBack) {
      found.push({ ...base, ...who, id, type: 'participant-seen' })
    } else if (last === undefined || (connection === '' && last.leftAt !== null && last.leftAt < at)) {
      const since = joinedAt !== undefined && joinedAt > lastLeftAt ? Math.max(joinedAt, earliest) : at
      found.push({ ...base, ...who, id, at: Math.min(since, at), type: 'participant-joined' })
    }
  }
  // Whoever has been there longest comes first: the others find the session running.
  found.sort((a, b) => a.at - b.at)
  if (session.snapshotAt !== null && at <= session.snapshotAt) return found
  const gone: SessionFact[] = []
  for (const { who, seenAt, marks } of openStays(people)) {
    const { participantId, connectionId = '' } = who
    if (seenAt > at || present.has(keyOf(participantId, connectionId))) continue
    const missed = missedSince(marks)
    const fact = { ...base, ...who, id: idOf(snapshot, participantId, connectionId) }
    if (missed === undefined) {
      gone.push({ ...fact, type: 'participant-missed', lastSeenAt: Math.max(seenAt, session.snapshotAt ?? 0) })
    } else {
      const leftAt = Math.max(seenAt, missed.lastSeenAt ?? 0)
      gone.push({ ...fact, at: leftAt, type: 'participant-left', inferred: 'absent' })
    }
  }
  return [...found, ...gone]
}

/** The source forgot whoever was inside: each open stay ends at the last evidence before the restart. */
export function inferFromRestart(session: Session, people: People, restart: SourceStarted): SessionFact[] {
  const lastAt = session.lastAt <= restart.at ? session.lastAt : lastEvidenceBefore(restart.at, people)
  const lastSeenAt = Math.min(restart.lastSeenAt ?? lastAt, restart.at)
  return [...openStays(people)]
    .filter(({ seenAt }) => seenAt <= restart.at)
    .map((stay) => ({
      ...leaveOf(session, stay, lastSeenAt),
      id: `${idOf(restart, stay.who.participantId, stay.who.connectionId ?? '')} ${session.id}`,
      receivedAt: restart.receivedAt,
      inferred: 'source-restarted',
    }))
}

/** The source said nothing for its longest silence: whoever it left inside is gone since its last word of the session. */
export function inferFromSilence(session: Session, people: People, receivedAt: number): SessionFact[] {
  const silence = { id: `source-silent ${session.id} ${session.lastAt} ${session.revision}` }
  return [...openStays(people)].map((stay) => ({
    ...leaveOf(session, stay, session.lastAt),
    id: idOf(silence, stay.who.participantId, stay.who.connectionId ?? ''),
    receivedAt,
    inferred: 'source-silent',
  }))
}

/** The session is over since its last evidence: nobody came back in time, or as `cause` says. */
export function inferEnd(session: Session, receivedAt: number, cause: Cause = causeOf(session)): SessionFact {
  return {
    id: `rollcall:${cause} ${session.id} ${session.lastAt} ${session.revision}`,
    type: 'session-ended',
    ...placeOf(session),
    at: session.lastAt,
    receivedAt,
    inferred: cause,
  }
}

function causeOf({ sessionKey }: Session): Cause {
  return sessionKey === null ? 'empty' : 'silent'
}

/** Whether a snapshot calls somebody otherwise than what was last told of them before it. */
function tellsMore(marks: Mark[] = [], { name, kind }: { name?: string; kind?: ParticipantKind }, at: number): boolean {
  const before = marks.filter((mark) => mark.at <= at)
  const nameBefore = latest(before, (mark) => mark.name)
  const kindBefore = latest(before, (mark) => mark.participantKind) ?? 'person'
  return (name !== undefined && name !== nameBefore) || (kind !== undefined && kind !== kindBefore)
}

type OpenStay = {
  who: { participantId: string; connectionId?: string }
  /** All marks of its connection. */
  marks: Mark[]
  /** The last evidence of it. */
  seenAt: number
}

function* openStays(people: People): Generator<OpenStay> {
  for (const [participantId, ofPerson] of people) {
    for (const { connectionId, leftAt, seenAt } of foldStays(ofPerson).stays) {
      if (leftAt !== null) continue
      const marks = ofConnection(ofPerson, connectionId)
      yield { who: { participantId, ...(connectionId !== '' && { connectionId }) }, marks, seenAt }
    }
  }
}

function leaveOf(session: Session, { who, seenAt }: OpenStay, lastSeenAt: number) {
  return { type: 'participant-left' as const, ...placeOf(session), ...who, at: Math.max(seenAt, lastSeenAt) }
}

function placeOf({ source, roomId, sessionKey }: Session) {
  return { source, roomId, ...(sessionKey !== null && { sessionKey }) }
}

/** The first snapshot that missed an open connection, if none has seen it since. */
function missedSince(marks: Mark[]): Mark | undefined {
  const seenAt = evidenceOf(marks)
  const missed = marks.filter((mark) => mark.kind === 'missed' && mark.at > seenAt)
  return missed.sort((a, b) => a.at - b.at)[0]
}

/** When a connection was last known to be inside. */
function evidenceOf(marks: Mark[]): number {
  let seenAt = Number.NEGATIVE_INFINITY
  for (const { kind, at } of marks) if (kind === 'joined' || kind === 'seen') seenAt = Math.max(seenAt, at)
  return seenAt
}

function lastEvidenceBefore(at: number, people: People): number {
  return evidenceOf([...people.values()].flat().filter((mark) => mark.at <= at))
}

function ofConnection(marks: Mark[] | undefined, connectionId: string): Mark[] {
  return marks?.filter((mark) => mark.connectionId === connectionId) ?? []
}

function keyOf(participantId: string, connectionId: string): string {
  return JSON.stringify([participantId, connectionId])
}

function idOf(fact: { id: string }, participantId: string, connectionId: string): string {
  return `rollcall:${fact.id} ${keyOf(participantId, connectionId)}`
}
