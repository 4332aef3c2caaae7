import { lastEvidence } from './participant.ts'
import { closeAtOf } from './session.ts'
import type { Mark, Session } from './state.ts'
import { foldStays, type Stay, type TimelogEntry, toTimelog } from './stays.ts'

/** The timelog of each participant, by their id. */
export function toTimelogs({ session, marks }: { session: Session; marks: Mark[] }): Map<string, TimelogEntry[]> {
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
