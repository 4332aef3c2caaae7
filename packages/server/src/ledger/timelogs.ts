import type { Mark, Participant, Session } from './state.ts'
import { foldStays, type TimelogEntry, toTimelog } from './stays.ts'

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
  const end = session.endAt === null ? undefined : { at: session.endAt, inferred: session.inferred }
  const logs = new Map<string, TimelogEntry[]>()
  for (const [id, ofPerson] of ofPeople) logs.set(id, toTimelog(foldStays(ofPerson).stays, end))
  return logs
}
