import type { Fact } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import { atTurnsEnd } from '../runtime/single-flight.ts'
import type { Life, Source } from '../store/sources.ts'

/** How many of a room's latest lives are looked at: older ones ended when these began. */
export const livesMax = 10
/** Most rooms of which it is remembered that nothing older runs in them. */
const settledMax = 10_000

/** Of rooms that have one life at a time a newer life shows that an older one is over, though nobody said so. */
export type Lives = {
  /**
   * Ends what a newer life shows to be over, of the rooms that these facts are about.
   * @param always also an older life that told of itself since: it was mistaken
   */
  endOlder(source: Source, facts: Fact[], always: boolean): Promise<void>
}

export function createLives({ reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>): Lives {
  // The life that was the latest when a room was last looked at: while facts are of no other, nothing is to be ended.
  const settled = new Map<string, string>()
  // A room that begins is told of by many at once.
  const endOlderOf = atTurnsEnd((source: Source, roomId: string, _always: boolean) => `${source.id} ${roomId}`, look)

  return {
    async endOlder(source, facts, always) {
      for (const [roomId, ofRoom = []] of Map.groupBy(facts, (fact) => fact.roomId)) {
        const name = `${source.id} ${roomId}`
        const isSettled = ofRoom.every(({ sessionKey = '' }) => sessionKey === '' || sessionKey === settled.get(name))
        if (!isSettled) settle(name, await endOlderOf(source, roomId, always))
      }
    },
  }

  /** Gives the latest life. */
  async function look(source: Source, roomId: string, always: boolean): Promise<string> {
    const [latest, ...older] = await reads.sources.listLives(source.keyId, source.id, roomId, livesMax)
    if (latest === undefined) return ''
    const over = older.filter(({ endAt, lastAt }) => endAt === null && (always || lastAt <= latest.startAt))
    const ends = over.map((life) => inferEnd(source, roomId, life))
    if (ends.length > 0) await record(source.keyId, ends)
    return latest.sessionKey
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
