import { assertNever, type Fact, type Quality } from '@rollcall/protocol'
import { foldStays } from '../../ledger/stays.ts'
import type { RecordParts } from '../../store/facts/facts.ts'
import { toHeard } from '../erasure/heard.ts'
import { toPossible } from '../times.ts'
import { type FactText, textOf } from './fact-text.ts'
import { applyMedia, applyRecording } from './media.ts'
import type { NamedFact } from './rooms-of-facts.ts'
import { applyToSession, findSession, keep, type Recorded } from './session-facts.ts'
import { applyRestart, applySnapshot } from './snapshot.ts'

export type { Recorded } from './session-facts.ts'

/** The one door for facts. Resolves when they are durable; rejects with a `Refusal` BUSY when the queue is full. */
export type RecordFacts = (keyId: number, facts: (Fact | NamedFact)[], about?: AboutRooms) => Promise<Recorded[]>

/** What else is to be known of the rooms that facts are about. */
export type AboutRooms = {
  /** That of the lease on the hosted room; where another process holds it by now, the facts are refused as ROOM_MOVED. */
  fence?: number | undefined
  /** Those of the facts' roomIds that are names, roomIds or customRoomIds, of rooms to be made with them. */
  newRooms?: string[]
}

/**
 * Records one fact: claims it, applies it, and appends what changed. Runs inside a transaction of the caller's, so that
 * a fact, its rows and its changes are kept together or not at all.
 * @param text the fact's own, where it was made before
 */
export async function record(
  parts: RecordParts,
  keyId: number,
  said: Fact,
  text: FactText = textOf(said),
): Promise<Recorded> {
  const heard = toHeard(parts.facts, keyId, said, text)
  if (heard === undefined) return { id: said.id, outcome: 'ignored', reason: 'they were erased' }
  const { fact, doubts, isOutdated } = toPossible(heard.said, parts.rules)
  const recorded = await keep(parts, keyId, { said: heard.said, text: heard.text, fact, doubts }, (counted) =>
    applyFact(parts, keyId, counted, isOutdated),
  )
  // What its id was claimed with is not what it said any more.
  const isAgain = heard.said !== said && recorded.outcome === 'refused'
  return isAgain ? { id: said.id, outcome: 'duplicate' } : recorded
}

function applyFact(
  parts: RecordParts,
  keyId: number,
  fact: Fact,
  isOutdated: boolean | undefined,
): Recorded | Promise<Recorded> {
  switch (fact.type) {
    case 'snapshot':
      return applySnapshot(parts, keyId, fact)
    case 'source-started':
      return applyRestart(parts, keyId, fact)
    case 'quality':
      return applyQuality(parts, keyId, fact)
    case 'media-started':
    case 'media-stopped':
      return applyMedia(parts, keyId, fact, isOutdated)
    case 'recording-started':
    case 'recording-stopped':
      return applyRecording(parts, keyId, fact)
    case 'unknown':
      return { id: fact.id, outcome: 'ignored', reason: fact.reason }
    case 'session-started':
    case 'session-ended':
    case 'participant-joined':
    case 'participant-left':
    case 'participant-seen':
    case 'participant-missed':
      return applyToSession(parts, keyId, fact, isOutdated)
    default:
      return assertNever(fact)
  }
}

/** Quality is no evidence of anybody's presence: it is kept with the session it belongs to, which it does not alter. */
async function applyQuality(parts: RecordParts, keyId: number, quality: Quality): Promise<Recorded> {
  const { id, roomId, participantId } = quality
  const ignore = (reason: string): Recorded => ({ id, outcome: 'ignored', reason })
  // Found as an end is, which opens nothing.
  const found = await findSession(parts, keyId, { ...quality, type: 'session-ended' })
  if (found.to === 'nowhere') return ignore(found.reason)
  if (found.to === 'new') return ignore(`room ${roomId} had no session ${quality.sessionKey} yet`)
  const sessionId = found.session.id
  const { stays } = foldStays(await parts.facts.listMarks(keyId, sessionId, participantId))
  if (stays.length === 0) return ignore(`${participantId} was not inside session ${sessionId} yet`)
  parts.facts.saveQuality(keyId, sessionId, quality)
  return { id, outcome: 'recorded', sessionId }
}
