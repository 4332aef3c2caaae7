import { embeddedParticipantsMax } from '@rollcall/protocol'
import type { SealStore, SessionToSeal } from '../store/sessions/seals.ts'
import type { SessionReads } from '../store/sessions/sessions.ts'
import { sealSession } from './session-view.ts'

/** Makes and keeps the JSON of these sessions, as they are. */
export async function sealSessions(
  { seals, sessions }: { seals: Pick<SealStore, 'keep'>; sessions: Pick<SessionReads, 'get'> },
  toSeal: SessionToSeal[],
): Promise<void> {
  for (const { keyId, sessionId, sealAt, apiKey, userId } of toSeal) {
    const record = await sessions.get(keyId, sessionId)
    if (record === undefined) continue
    const sealed = sealSession(record, { apiKey, userId }, embeddedParticipantsMax)
    await seals.keep({ keyId, sessionId, sealAt, ...sealed })
  }
}
