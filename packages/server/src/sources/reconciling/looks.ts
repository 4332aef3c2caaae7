import { randomUUID } from 'node:crypto'
import type { Context } from '../../context.ts'
import { foldStays } from '../../ledger/stays.ts'

/** Looks that found a session as the record has it are kept beside the record: evidence that is no fact yet. */
export type Looks = {
  /** Records the latest look at a running session, so that nothing older is inferred from. */
  recordLook(keyId: number, sessionId: string): Promise<void>
}

export function createLooks({ reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>): Looks {
  return {
    async recordLook(keyId, sessionId) {
      const at = await reads.looks.find(keyId, sessionId)
      if (at === undefined) return
      const session = (await reads.sessions.find(keyId, sessionId))?.session
      if (session === undefined || session.endAt !== null || at <= (session.snapshotAt ?? 0)) return
      const marks = await reads.sources.listMarksOfInside(keyId, sessionId)
      // The look changed nothing: it found exactly those who were inside by the record.
      const participants = [...Map.groupBy(marks, (mark) => mark.participantId)].flatMap(([participantId, ofPerson]) =>
        foldStays(ofPerson)
          .stays.filter(({ joinedAt, leftAt }) => leftAt === null && joinedAt <= at)
          .map(({ connectionId }) => ({ participantId, ...(connectionId !== '' && { connectionId }) })),
      )
      const { source, roomId, sessionKey } = session
      await record(keyId, [
        {
          type: 'snapshot',
          id: `snapshot ${randomUUID()}`,
          source,
          roomId,
          ...(sessionKey !== null && { sessionKey }),
          at,
          receivedAt: clock.now(),
          participants,
        },
      ])
    },
  }
}
