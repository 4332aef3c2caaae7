import type { Fact, ParticipantJoined } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Mark } from '../../ledger/state.ts'
import { foldStays, type Stay } from '../../ledger/stays.ts'
import type { Recorded } from '../../record/facts/record.ts'
import type { Source } from '../../store/sources.ts'
import type { RecordEvidence } from './superseded.ts'

/** Where a person has one connection in a room at a time, a join by a newer one shows that the older one is over. */
export type SupersededConnections = {
  /** Ends older connections of those who joined by these facts; `recorded` is what became of each. */
  endOlder(source: Source, facts: Fact[], recorded: Recorded[]): Promise<void>
}

export function createSupersededConnections(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  recordEvidence: RecordEvidence,
): SupersededConnections {
  return {
    async endOlder(source, facts, recorded) {
      for (const [i, fact] of facts.entries()) {
        const { sessionId, hadOtherConnection } = recorded[i] ?? {}
        // Mostly it is their only connection: then there is nothing to look for.
        if (fact.type !== 'participant-joined' || sessionId === undefined || !hadOtherConnection) continue
        await endOlderOf(source, fact, sessionId)
      }
    },
  }

  async function endOlderOf(source: Source, join: ParticipantJoined, sessionId: string): Promise<void> {
    const { participantId } = join
    const { keyId } = source
    const marks = (await reads.sessions.getParticipant(keyId, sessionId, participantId))?.marks ?? []
    if (findOlder(marks).length === 0) return
    await recordEvidence(source, [sessionId])
    const snapshotAt = (await reads.sessions.find(keyId, sessionId))?.session.snapshotAt ?? 0
    const now = (await reads.sessions.getParticipant(keyId, sessionId, participantId))?.marks ?? []
    const leaves = findOlder(now).map(({ stay, endsBy }): Fact => {
      const { connectionId, joinedAt } = stay
      const at = Math.min(Math.max(joinedAt, snapshotAt, lastSeenAt(now, connectionId)), endsBy)
      return {
        type: 'participant-left',
        id: `rollcall:superseded ${JSON.stringify([sessionId, participantId, connectionId, at])}`,
        source: join.source,
        roomId: join.roomId,
        ...(join.sessionKey !== undefined && { sessionKey: join.sessionKey }),
        participantId,
        connectionId,
        at,
        receivedAt: clock.now(),
        inferred: 'superseded',
      }
    })
    if (leaves.length > 0) await record(keyId, leaves)
  }
}

type Older = {
  stay: Stay
  /** When the next connection of the same person began. */
  endsBy: number
}

/** Open stays that another connection of the same person follows. */
function findOlder(marks: Mark[]): Older[] {
  const { stays } = foldStays(marks)
  return stays.flatMap((stay) => {
    if (stay.leftAt !== null || stay.connectionId === '') return []
    const later = stays.filter(
      ({ connectionId, joinedAt }) => connectionId !== stay.connectionId && joinedAt > stay.joinedAt,
    )
    return later.length === 0 ? [] : [{ stay, endsBy: Math.min(...later.map(({ joinedAt }) => joinedAt)) }]
  })
}

/** When a connection was last reported or seen to be inside. */
function lastSeenAt(marks: Mark[], connectionId: string): number {
  const evidence = marks.filter(
    (mark) => mark.connectionId === connectionId && (mark.kind === 'joined' || mark.kind === 'seen'),
  )
  return Math.max(0, ...evidence.map(({ at }) => at))
}
