import type { Fact } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import { shareAtTurnEnd } from '../../runtime/single-flight.ts'
import type { Life, Source } from '../../store/sources.ts'

/** How many of a room's latest sessions are compared: older ones ended when these began. */
export const latestSessionsMax = 10
/** Most rooms that are remembered as having nothing left to end. */
const settledMax = 10_000

/** Where a room has one session at a time, a newer session shows that an older one is over, though its end was not reported. */
export type SupersededSessions = {
  /**
   * Ends older sessions of the rooms that these facts are about, where a newer one supersedes them.
   * @param always also an older session that has reported since: its sender was mistaken
   */
  endSuperseded(source: Source, facts: Fact[], always: boolean): Promise<void>
}

/** Records what is known of sessions of a source and waits outside the record, so that nothing older is inferred from. */
export type RecordEvidence = (source: Source, sessionIds: string[]) => Promise<void>

export function createSupersededSessions(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  recordEvidence: RecordEvidence,
): SupersededSessions {
  // By room the key of its latest session when it was last compared: facts of that session alone supersede nothing.
  const settled = new Map<string, string>()
  // Many deliveries report a new session at the same moment: they share one comparison.
  const endOlderOnce = shareAtTurnEnd(
    (source: Source, roomId: string, _always: boolean) => nameOf(source, roomId),
    endOlder,
  )

  return {
    async endSuperseded(source, facts, always) {
      for (const [roomId, ofRoom = []] of Map.groupBy(facts, (fact) => fact.roomId)) {
        const name = nameOf(source, roomId)
        const isSettled = ofRoom.every(({ sessionKey = '' }) => sessionKey === '' || sessionKey === settled.get(name))
        if (!isSettled) settle(name, await endOlderOnce(source, roomId, always))
      }
    },
  }

  /** @returns the key of the latest session */
  async function endOlder(source: Source, roomId: string, always: boolean): Promise<string> {
    const { latest, superseded } = await compare(source, roomId, always)
    if (latest === undefined || superseded.length === 0) return latest?.sessionKey ?? ''
    await recordEvidence(
      source,
      superseded.map(({ sessionId }) => sessionId),
    )
    const now = await compare(source, roomId, always)
    const ends = now.superseded.map((session) => inferEnd(source, roomId, session))
    if (ends.length > 0) await record(source.keyId, ends)
    return latest.sessionKey
  }

  async function compare(source: Source, roomId: string, always: boolean) {
    const [latest, ...older] = await reads.sources.listLives(source.keyId, source.id, roomId, latestSessionsMax)
    const superseded = older.filter(
      ({ endAt, lastAt }) => endAt === null && latest !== undefined && (always || lastAt <= latest.startAt),
    )
    return { latest, superseded }
  }

  function inferEnd(source: Source, roomId: string, { sessionId, sessionKey, lastAt, revision }: Life): Fact {
    return {
      id: `rollcall:superseded ${sessionId} ${lastAt} ${revision}`,
      type: 'session-ended',
      source: source.id,
      roomId,
      sessionKey,
      at: lastAt,
      receivedAt: clock.now(),
      inferred: 'superseded',
    }
  }

  function settle(name: string, sessionKey: string): void {
    if (settled.size >= settledMax) settled.clear()
    settled.set(name, sessionKey)
  }
}

function nameOf({ id }: Source, roomId: string): string {
  return `${id} ${roomId}`
}
