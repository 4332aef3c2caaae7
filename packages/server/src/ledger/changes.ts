import type { Change, SessionFact } from '@rollcall/protocol'
import type { Participant, Session } from './state.ts'
import type { TimelogEntry } from './stays.ts'

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

export function changesOf(
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

export function sameTimelog(a: TimelogEntry[], b: TimelogEntry[]): boolean {
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
