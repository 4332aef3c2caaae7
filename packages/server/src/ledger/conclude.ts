import type { SessionFact, Snapshot, SourceStarted } from '@rollcall/protocol'
import type { Mark, Session } from './state.ts'
import { foldStays, type Stay } from './stays.ts'

/** Everybody a session has marks of: these operations scan a whole session. */
export type People = Map<string, Mark[]>

/**
 * What a snapshot of a whole session tells: who was not known joined, who was thought gone is seen, and who is absent
 * for the second time in a row left at the last evidence. An older snapshot than the latest tells nothing of absence.
 */
export function concludeFromSnapshot(session: Session, people: People, snapshot: Snapshot): SessionFact[] {
  const facts: SessionFact[] = []
  const { at, receivedAt, source, roomId, sessionKey } = snapshot
  const base = { source, roomId, at, receivedAt, ...(sessionKey !== undefined && { sessionKey }) }
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
    if (stays.some((stay) => stay.joinedAt <= at && (stay.leftAt === null || at <= stay.leftAt))) {
      if (missedSince(marks) !== undefined) facts.push({ ...base, ...who, id, type: 'participant-seen' })
    } else if (last !== undefined && last.inferred !== null && last.joinedAt <= at) {
      facts.push({ ...base, ...who, id, type: 'participant-seen' })
    } else if (last === undefined || (connection === '' && (last.leftAt ?? at) < at)) {
      facts.push({ ...base, ...who, id, at: Math.min(joinedAt ?? at, at), type: 'participant-joined' })
    }
  }
  if (session.snapshotAt !== null && at <= session.snapshotAt) return facts
  for (const [participantId, marks] of people) {
    for (const stay of foldStays(marks).stays) {
      if (stay.leftAt !== null || stay.joinedAt > at || present.has(keyOf(participantId, stay.connectionId))) continue
      const missed = missedSince(ofConnection(marks, stay.connectionId))
      const who = { participantId, ...(stay.connectionId !== '' && { connectionId: stay.connectionId }) }
      const id = idOf(snapshot, participantId, stay.connectionId)
      if (missed === undefined) {
        const lastSeenAt = Math.max(stay.joinedAt, session.snapshotAt ?? 0)
        facts.push({ ...base, ...who, id, type: 'participant-missed', lastSeenAt })
      } else {
        const leftAt = missed.lastSeenAt ?? missed.at
        facts.push({ ...base, ...who, id, at: leftAt, type: 'participant-left', inferred: 'absent' })
      }
    }
  }
  return facts
}

/** The source forgot whoever was inside: each open stay ends at the last evidence before the restart. */
export function concludeFromRestart(session: Session, people: People, restart: SourceStarted): SessionFact[] {
  const facts: SessionFact[] = []
  const lastSeenAt = Math.min(restart.lastSeenAt ?? session.lastAt, restart.at)
  for (const [participantId, marks] of people) {
    for (const stay of foldStays(marks).stays) {
      if (stay.leftAt !== null || stay.joinedAt > restart.at) continue
      facts.push({
        id: `${idOf(restart, participantId, stay.connectionId)} ${session.id}`,
        type: 'participant-left',
        source: session.source,
        roomId: session.roomId,
        ...(session.sessionKey !== null && { sessionKey: session.sessionKey }),
        participantId,
        ...(stay.connectionId !== '' && { connectionId: stay.connectionId }),
        at: Math.max(stay.joinedAt, lastSeenAt, lastJoin(marks, stay)),
        receivedAt: restart.receivedAt,
        inferred: 'source-restarted',
      })
    }
  }
  return facts
}

/** Nobody came back in time, or a newer session shows it: the session is over since its last evidence. */
export function concludeEnd(session: Session, receivedAt: number): SessionFact {
  const cause = session.sessionKey === null ? 'empty' : 'silent'
  return {
    id: `rollcall:${cause} ${session.id} ${session.lastAt} ${session.revision}`,
    type: 'session-ended',
    source: session.source,
    roomId: session.roomId,
    ...(session.sessionKey !== null && { sessionKey: session.sessionKey }),
    at: session.lastAt,
    receivedAt,
    inferred: cause,
  }
}

/** The first snapshot that missed an open connection, if none has seen it since. */
function missedSince(marks: Mark[]): Mark | undefined {
  let evidenceAt = Number.NEGATIVE_INFINITY
  for (const { kind, at } of marks) if (kind === 'joined' || kind === 'seen') evidenceAt = Math.max(evidenceAt, at)
  const missed = marks.filter((mark) => mark.kind === 'missed' && mark.at > evidenceAt)
  return missed.sort((a, b) => a.at - b.at)[0]
}

function lastJoin(marks: Mark[], stay: Stay): number {
  let at = stay.joinedAt
  for (const mark of marks) {
    if (mark.connectionId === stay.connectionId && mark.kind !== 'missed' && mark.kind !== 'left') {
      at = Math.max(at, mark.at)
    }
  }
  return at
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
