import { embeddedParticipantsMax, secondOf } from '@rollcall/protocol'
import { toParticipant } from '../../ledger/participant.ts'
import { endAtOf, pastEndOf } from '../../ledger/session.ts'
import type { Mark, Participant, Session } from '../../ledger/state.ts'
import { foldStays } from '../../ledger/stays.ts'
import { timelogIn } from '../../ledger/timelogs.ts'
import { sealSession } from '../../record/session-view.ts'
import { type SealedText, sealAtOf } from '../../store/sessions/seals.ts'
import { spanLevelOf } from '../../store/sessions/span.ts'

/** All that is kept of one session. */
export type KeptSession = {
  session: Session
  customRoomId: string | null
  spanLevel: number | null
  sealAt: number | null
  gaps: number | null
  seal: SealedText | undefined
  key: { apiKey: string; userId: string }
  /** In order of first join. */
  participants: Participant[]
  marks: Mark[]
}

/** What does not hold of a session, in words: nothing of a sound one. */
export function* findFaults(kept: KeptSession): Generator<string> {
  const { session, participants } = kept
  yield* findUnlike(session, derive(session, participants))
  yield* findUnlike({ spanLevel: kept.spanLevel }, { spanLevel: spanLevelOf(session) })
  if (session.startAt === null && (session.people > 0 || session.saidAt > 0)) {
    yield 'startAt is null, and there is evidence that it ran'
  }
  if (session.lookAt !== null && (session.startAt === null || session.endAt !== null)) {
    yield `lookAt is ${session.lookAt}, and there is nothing to look for`
  }
  const ofPeople = Map.groupBy(kept.marks, (mark) => mark.participantId)
  for (const person of participants) {
    for (const fault of findFaultsOf(session, person, ofPeople.get(person.participantId) ?? [])) {
      yield `participant ${person.participantId}: ${fault}`
    }
    ofPeople.delete(person.participantId)
  }
  for (const participantId of ofPeople.keys()) yield `participant ${participantId}: it has marks, and no row`
  yield* findSealFaults(kept)
}

/** The columns of a session that follow from others, or from its people. */
function derive(session: Session, participants: Participant[]): Partial<Session> {
  const seen = participants.filter(({ joinedAt }) => joinedAt !== null)
  const inside = seen.flatMap(({ openSince }) => openSince ?? [])
  const base = secondOf(session.id)
  let { saidAt: lastAt, startAt } = session
  for (const person of seen) {
    lastAt = Math.max(lastAt, person.lastAt ?? 0)
    startAt = Math.min(startAt ?? Number.POSITIVE_INFINITY, person.joinedAt ?? Number.POSITIVE_INFINITY)
  }
  return {
    startAt,
    endAt: endAtOf(session),
    ...(session.endedAt === null && { endReason: session.inferred }),
    lastAt,
    people: seen.length,
    inside: inside.length,
    closedMs: seen.reduce((sum, person) => sum + person.closedMs, 0),
    openSinceSum: inside.reduce((sum, openSince) => sum + openSince - base, 0),
    pastEndMs: seen.reduce((sum, person) => sum + pastEndOf(session, person), 0),
  }
}

function* findFaultsOf(session: Session, person: Participant, marks: Mark[]): Generator<string> {
  const { stays } = foldStays(marks)
  yield* findUnlike(person, toParticipant(person.participantId, marks, stays))
  const { startAt, endAt } = session
  let lastLeftAt = Number.NEGATIVE_INFINITY
  for (const { joinedAt, leftAt } of timelogIn(session, stays)) {
    const at = `its entry from ${joinedAt} to ${leftAt}`
    if (joinedAt <= lastLeftAt) yield `${at} meets the one before, to ${lastLeftAt}`
    lastLeftAt = leftAt ?? Number.POSITIVE_INFINITY
    if (lastLeftAt < joinedAt) yield `${at} ends before it begins`
    if (startAt === null || joinedAt < startAt) yield `${at} begins before the session, ${startAt}`
    if (endAt !== null && lastLeftAt > endAt) yield `${at} ends after the session, ${endAt}`
  }
}

function* findSealFaults(kept: KeptSession): Generator<string> {
  const { session, sealAt, gaps, seal } = kept
  if (session.startAt === null || session.endAt === null || sealAt !== null) {
    yield* findUnlike({ sealAt, gaps }, { sealAt: sealAtOf(session), gaps: null })
    return
  }
  if (seal === undefined) {
    yield 'it is marked as sealed, and has no seal'
    return
  }
  const record = {
    session: { ...session, startAt: session.startAt },
    customRoomId: kept.customRoomId,
    participants: kept.participants.filter(({ joinedAt }) => joinedAt !== null),
    marks: kept.marks,
    truncated: false as const,
  }
  const fresh = sealSession(record, kept.key, embeddedParticipantsMax)
  for (const part of ['head', 'middle', 'tail'] as const) {
    if (seal[part] !== fresh[part]) yield `the ${part} of its seal is not what it is rendered to now`
  }
  yield* findUnlike({ gaps }, { gaps: fresh.gaps })
}

/** Where what is kept is not what it has to be. */
function* findUnlike<T extends object>(kept: T, expected: Partial<T>): Generator<string> {
  for (const [name, value] of Object.entries(expected)) {
    const [is, hasToBe] = [kept[name as keyof T], value].map((one) => JSON.stringify(one))
    if (is !== hasToBe) yield `${name} is ${is}, and has to be ${hasToBe}`
  }
}
