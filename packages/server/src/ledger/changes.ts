import type { Change, SessionFact } from '@rollcall/protocol'
import { closeAtOf } from './session.ts'
import type { Participant, Session } from './state.ts'
import type { TimelogEntry } from './stays.ts'

/** Somebody who has not left, whatever became of the session. */
export type PersonInside = Pick<Participant, 'participantId' | 'name' | 'kind'> & { openSince: number; lastAt: number }

/**
 * What is announced of whoever never left, as the session ends, ends at another time, or goes on after all.
 * @param inside all of them but the person whom the fact itself is about
 */
export function changesOfInside(before: Session | undefined, after: Session, inside: PersonInside[]): Change[] {
  return inside.flatMap(({ participantId, name, kind, openSince, lastAt }): Change[] => {
    const of = { sessionId: after.id, roomId: after.roomId, participantId, name, kind }
    const leftAt = closeAtOf(after, lastAt)
    if (leftAt === (before === undefined ? null : closeAtOf(before, lastAt))) return []
    if (leftAt === null) return [{ type: 'participant.joined', ...of, at: openSince }]
    return [{ type: 'participant.left', ...of, at: leftAt, reason: 'session-ended' }]
  })
}

/**
 * What is announced of the person whom a fact is about: that they joined or left; again where it was told otherwise before; and
 * else that something about them is known better.
 * @param logs their timelog in the session as it was and as it is: where that has ended, whoever was inside has left
 */
export function changesOfPerson(
  session: Session,
  participant: Participant,
  { before, after }: { before: TimelogEntry[]; after: TimelogEntry[] },
  amended: boolean,
  fact: SessionFact,
): Change[] {
  const of = {
    sessionId: session.id,
    roomId: session.roomId,
    participantId: participant.participantId,
    name: participant.name,
    kind: participant.kind,
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
  const [was, is] = [before.at(-1), after.at(-1)]
  const movesLeave = was?.leftAt !== is?.leftAt || was?.reason !== is?.reason
  if (!isInside && is !== undefined && (wasInside || isNew || movesLeave)) {
    const { leftAt, reason } = is
    changes.push({ type: 'participant.left', ...of, at: leftAt ?? fact.at, ...(reason && { reason }) })
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
