import { assertNever } from '@rollcall/protocol'
import type { Mark, Participant, PersonFact } from './state.ts'
import { type Stay, toTimelog } from './stays.ts'

function toMarks(fact: PersonFact): Mark[] {
  const mark: Mark = {
    participantId: fact.participantId,
    connectionId: fact.connectionId ?? '',
    kind: 'seen',
    at: fact.at,
    factId: fact.id,
    reason: null,
    inferred: null,
    lastSeenAt: null,
    arrivedAt: null,
    name: ('name' in fact ? fact.name : undefined) ?? null,
    nameSource: ('nameSource' in fact ? fact.nameSource : undefined) ?? null,
    participantKind: ('kind' in fact ? fact.kind : undefined) ?? null,
    region: ('region' in fact ? fact.region : undefined) ?? null,
    metadata: ('metadata' in fact ? fact.metadata : undefined) ?? null,
  }
  switch (fact.type) {
    case 'participant-joined':
      return [{ ...mark, kind: 'joined' }]
    case 'participant-seen':
      return [mark]
    case 'participant-missed':
      return [{ ...mark, kind: 'missed', lastSeenAt: fact.lastSeenAt }]
    case 'participant-left': {
      const { reason = null, inferred = null } = fact
      const left: Mark = { ...mark, kind: 'left', reason, inferred, arrivedAt: fact.isUndated ? fact.at : null }
      if (fact.joinedAt === undefined) return [left]
      return [
        { ...mark, kind: 'joined', at: fact.joinedAt },
        // Two clocks, or one of whole seconds, may date it before its own join.
        { ...left, at: Math.max(fact.at, fact.joinedAt) },
      ]
    }
    default:
      return assertNever(fact)
  }
}

/**
 * A person's marks, of which the leaves that nobody says the time of were at the latest at the end that was reported.
 * @param endedAt null where none was
 */
export function withinEnd(marks: Mark[], endedAt: number | null): Mark[] {
  return marks.map((mark) => {
    if (mark.arrivedAt === null) return mark
    const join = marks.find(({ kind, factId }) => kind === 'joined' && factId === mark.factId)
    const at = Math.max(join?.at ?? 0, Math.min(mark.arrivedAt, endedAt ?? Number.POSITIVE_INFINITY))
    return at === mark.at ? mark : { ...mark, at }
  })
}

/**
 * Of what connections gave as evidence, as often as they may, the first and the last of each quarter of an hour are kept. So
 * which are kept depends on no order, and what is left out is at most a quarter of an hour of a stay whose join nobody told.
 */
const seenEveryMs = 900_000

/** A person's marks, and how they differ from those before. */
export type ChangedMarks = { marks: Mark[]; added: Mark[]; dropped: Mark[] }

/**
 * What a fact adds to a person's marks, and which of them it makes needless.
 * @param endedAt see `withinEnd`
 */
export function addMarks(marks: Mark[], fact: PersonFact, endedAt: number | null): ChangedMarks {
  const added = withinEnd(toMarks(fact), endedAt)
  const [mark] = added
  if (mark?.kind !== 'seen') return { marks: [...marks, ...added], added, dropped: [] }
  const alike = marks.filter((other) => isAlike(other, mark))
  const ordered = [...alike, mark].sort((a, b) => a.at - b.at || (a.factId < b.factId ? -1 : 1))
  const needless = ordered.slice(1, -1)
  if (needless.includes(mark)) return { marks, added: [], dropped: [] }
  return { marks: [...marks.filter((other) => !needless.includes(other)), mark], added, dropped: needless }
}

/** Whether two marks are evidence from the same quarter of an hour, and say the same of the person. */
function isAlike(a: Mark, b: Mark): boolean {
  return (
    a.kind === b.kind &&
    a.connectionId === b.connectionId &&
    Math.floor(a.at / seenEveryMs) === Math.floor(b.at / seenEveryMs) &&
    a.name === b.name &&
    a.nameSource === b.nameSource &&
    a.participantKind === b.participantKind &&
    JSON.stringify(a.metadata) === JSON.stringify(b.metadata)
  )
}

/** What is kept of somebody: folded from all their marks. @param log their timelog, open where they are inside */
export function toParticipant(
  participantId: string,
  marks: Mark[],
  stays: Stay[],
  log = toTimelog(stays),
): Participant {
  const last = log.at(-1)
  let closedMs = 0
  for (const entry of log) if (entry.leftAt !== null) closedMs += entry.leftAt - entry.joinedAt
  return {
    participantId,
    name: latest(marks, (mark) => mark.name) ?? '',
    nameSource: latest(marks, (mark) => (mark.name === null ? null : mark))?.nameSource ?? null,
    kind: latest(marks, (mark) => mark.participantKind) ?? 'person',
    region: latest(marks, (mark) => mark.region),
    metadata: latest(marks, (mark) => mark.metadata),
    joinedAt: log[0]?.joinedAt ?? null,
    openSince: last !== undefined && last.leftAt === null ? last.joinedAt : null,
    closedMs,
    lastAt: last === undefined ? null : lastEvidence(stays),
  }
}

/** What the latest mark that says anything says: latest by the fact's time, then its id. */
export function latest<T>(marks: Mark[], read: (mark: Mark) => T | null): T | null {
  let best: Mark | undefined
  for (const mark of marks) {
    if (read(mark) === null) continue
    if (best === undefined || mark.at > best.at || (mark.at === best.at && mark.factId > best.factId)) best = mark
  }
  return best === undefined ? null : read(best)
}

/** The latest moment at which they are known to have been inside. */
export function lastEvidence(stays: Stay[]): number {
  let at = 0
  for (const { leftAt, seenAt } of stays) at = Math.max(at, leftAt ?? seenAt)
  return at
}
