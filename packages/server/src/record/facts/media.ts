import type { MediaToggled, Outcome, RecordingToggled, SessionFact } from '@rollcall/protocol'
import { newSession } from '../../ledger/session.ts'
import type { ApplyParts } from '../../store/facts/applied.ts'
import type { RecordParts } from '../../store/facts/facts.ts'
import { applyToSession, findSession, newSessionId, type Recorded } from './session-facts.ts'

// What people publish, and what is recorded of a session. Both stand beside the record, and are told by the same facts.

/** Whoever published was there then. */
export function toSeen({ type: _, media: __, mediaId: ___, ...said }: MediaToggled): SessionFact {
  return { ...said, type: 'participant-seen' }
}

/** @param isOutdated as of `applyToSession` */
export async function applyMedia(
  parts: RecordParts,
  keyId: number,
  fact: MediaToggled,
  isOutdated?: boolean,
): Promise<Recorded> {
  const recorded = await applyToSession(parts, keyId, toSeen(fact), isOutdated)
  if (recorded.sessionId !== undefined) saveMedia(parts, keyId, recorded.sessionId, fact)
  return recorded
}

export function saveMedia({ facts }: ApplyParts, keyId: number, sessionId: string, fact: MediaToggled): void {
  const { participantId, connectionId = '', media, mediaId, at } = fact
  const isStart = fact.type === 'media-started'
  facts.saveMedium(keyId, sessionId, {
    participantId,
    connectionId,
    kind: media,
    mediaId,
    startedAt: isStart ? at : null,
    stoppedAt: isStart ? null : at,
  })
}

/** It alters nothing of the session. One that nothing was told of yet is kept unseen until it begins. */
export async function applyRecording(parts: RecordParts, keyId: number, fact: RecordingToggled): Promise<Recorded> {
  const { id } = fact
  const asEnd = toEnd(fact)
  // Found as an end is, which opens nothing.
  const found = await findSession(parts, keyId, asEnd)
  if (found.to === 'nowhere') return { id, outcome: 'ignored', reason: found.reason }
  const sessionId = found.to === 'session' ? found.session.id : newSessionId(keyId, asEnd)
  return { id, outcome: await recordIn(parts, keyId, sessionId, fact), sessionId }
}

/** The same again, in the session that it was kept in. */
export async function applyRecordingAgain(
  parts: ApplyParts,
  keyId: number,
  fact: RecordingToggled,
  sessionId: string,
): Promise<Outcome | 'unfounded'> {
  const isFounded = (await parts.facts.getSession(keyId, sessionId)) !== undefined
  if (!isFounded && newSessionId(keyId, toEnd(fact)) !== sessionId) return 'unfounded'
  return recordIn(parts, keyId, sessionId, fact)
}

async function recordIn(
  { facts }: ApplyParts,
  keyId: number,
  sessionId: string,
  fact: RecordingToggled,
): Promise<Outcome> {
  const session = (await facts.getSession(keyId, sessionId)) ?? newSession(toEnd(fact), sessionId)
  if (session.startAt === null) facts.saveSession(keyId, session)
  const isStart = fact.type === 'recording-started'
  facts.saveMedium(keyId, sessionId, {
    participantId: '',
    connectionId: '',
    kind: 'recording',
    mediaId: fact.recordingId,
    startedAt: isStart ? fact.at : null,
    stoppedAt: isStart ? null : fact.at,
  })
  return session.startAt === null ? 'waiting' : 'recorded'
}

function toEnd({ recordingId: _, ...said }: RecordingToggled): SessionFact {
  return { ...said, type: 'session-ended' }
}
