import { lastEvidence } from './participant.ts'
import { closeAtOf } from './session.ts'
import type { Mark, Participant, Session } from './state.ts'
import { foldStays, type Stay, type TimelogEntry, toTimelog } from './stays.ts'

/** A session, and all that its people's stays are folded from. */
export type Attended = { session: Session; participants: Participant[]; marks: Mark[] }

/** Who was inside at `at`, epoch milliseconds, in order of first join. */
export function whoWasInside(record: Attended, at: number): string[] {
  const logs = toTimelogs(record)
  const isInside = ({ joinedAt, leftAt }: TimelogEntry) => joinedAt <= at && (leftAt === null || at <= leftAt)
  return record.participants.map(({ participantId }) => participantId).filter((id) => logs.get(id)?.some(isInside))
}

/** The timelog of each participant, by their id. */
export function toTimelogs({ session, marks }: Pick<Attended, 'session' | 'marks'>): Map<string, TimelogEntry[]> {
  const ofPeople = new Map<string, Mark[]>()
  for (const mark of marks) {
    const ofPerson = ofPeople.get(mark.participantId)
    if (ofPerson === undefined) ofPeople.set(mark.participantId, [mark])
    else ofPerson.push(mark)
  }
  const logs = new Map<string, TimelogEntry[]>()
  for (const [id, ofPerson] of ofPeople) logs.set(id, timelogIn(session, foldStays(ofPerson).stays))
  return logs
}

/** One person's timelog in a session, whose end closes what is still open. */
export function timelogIn(session: Session, stays: Stay[]): TimelogEntry[] {
  const at = closeAtOf(session, lastEvidence(stays))
  return toTimelog(stays, at === null ? undefined : { at, inferred: session.inferred })
}
