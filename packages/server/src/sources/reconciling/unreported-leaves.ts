import type { Fact } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { foldStays } from '../../ledger/stays.ts'
import type { Source } from '../../store/sources.ts'
import { latestSessionsMax, type RecordEvidence } from './superseded.ts'

/** Where every leave is reported before the end of a session, that end shows whose leave was lost. */
export type UnreportedLeaves = {
  /** Ends the stays of whoever is inside, before these facts that end their session: the end of the session is the latest that it can be. */
  endBefore(source: Source, facts: Fact[]): Promise<void>
}

export function createUnreportedLeaves(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  recordEvidence: RecordEvidence,
): UnreportedLeaves {
  return {
    async endBefore(source, facts) {
      for (const end of facts) {
        if (end.type !== 'session-ended' || end.sessionKey === undefined) continue
        const { keyId } = source
        const sessions = await reads.sources.listLives(keyId, source.id, end.roomId, latestSessionsMax)
        const ended = sessions.find(({ sessionKey, endAt }) => sessionKey === end.sessionKey && endAt === null)
        if (ended === undefined) continue
        await recordEvidence(source, [ended.sessionId])
        const leaves = await inferLeaves(keyId, ended.sessionId, end)
        if (leaves.length > 0) await record(keyId, leaves)
      }
    },
  }

  async function inferLeaves(keyId: number, sessionId: string, end: Fact): Promise<Fact[]> {
    const { source, roomId, sessionKey = '', at } = end
    const marks = await reads.sources.listMarksOfInside(keyId, sessionId)
    return [...Map.groupBy(marks, (mark) => mark.participantId)].flatMap(([participantId, ofPerson]) =>
      foldStays(ofPerson)
        .stays.filter(({ leftAt, joinedAt }) => leftAt === null && joinedAt <= at)
        .map(({ connectionId }) => ({
          type: 'participant-left' as const,
          id: `rollcall:unreported ${JSON.stringify([sessionId, participantId, connectionId, at])}`,
          source,
          roomId,
          sessionKey,
          participantId,
          ...(connectionId !== '' && { connectionId }),
          at,
          receivedAt: clock.now(),
          reason: 'session-ended',
          inferred: 'absent' as const,
        })),
    )
  }
}
