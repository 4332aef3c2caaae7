import { type Cause, type Fact, hostedSource } from '@rollcall/protocol'
import type { RoomHolds } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/record.ts'
import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'
import { type HostedRoom, nextMoment } from './room.ts'

/** How a stay ended: now, for a reason that was seen, or at the last evidence, for a cause that was concluded. */
export type Ending = { reason: string } | { inferred: Cause; at: number }

/** Tells the record who came and who went. Facts of a room are handed over in order of their time. */
export type Attendance = {
  /** Durable when it resolves, with the id of the session. Rejects where it could not be recorded. */
  join(room: HostedRoom, connection: Connection): Promise<string>
  /** Durable when it resolves; tries again until it is. Where another process holds the room by now, the leave was concluded. */
  leave(room: HostedRoom, connection: Connection, ending: Ending): Promise<void>
  /** Resolves when no leave waits to be recorded. */
  settled(): Promise<void>
}

export function createAttendance(
  { record, clock, log }: Pick<Context, 'record' | 'clock' | 'log'>,
  holds: Pick<RoomHolds, 'doubt'>,
  limits: RtcLimits,
): Attendance {
  const pending = new Set<Promise<void>>()

  /** As long as a fact of it is on its way, nobody lets go of the room. */
  async function recordHeld({ keyId, hold }: HostedRoom, fact: Fact): Promise<Recorded | undefined> {
    if (hold !== undefined) hold.pending += 1
    try {
      return (await record(keyId, [fact], { fence: hold?.fence }))[0]
    } catch (error) {
      if (isMoved(error)) holds.doubt()
      throw error
    } finally {
      if (hold !== undefined) hold.pending -= 1
    }
  }

  async function recordUntilKept(room: HostedRoom, fact: Fact): Promise<void> {
    for (;;) {
      try {
        await recordHeld(room, fact)
        return
      } catch (error) {
        if (isMoved(error)) return
        // The person is gone, whatever the disk says: nobody but us could tell it again.
        log.error({ err: error, factId: fact.id }, 'a leave could not be recorded; it is tried again')
        await new Promise((resolve) => setTimeout(resolve, limits.retryMs))
      }
    }
  }

  return {
    async join(room, connection) {
      connection.joinedAt = nextMoment(room, clock.now())
      const fact: Fact = {
        ...factOf(room, connection),
        type: 'participant-joined',
        id: `${connection.id}:joined`,
        at: connection.joinedAt,
        receivedAt: clock.now(),
        kind: 'person',
        ...(connection.identity && { name: connection.identity.name }),
        ...(connection.identity && connection.identity.metadata !== null && { metadata: connection.identity.metadata }),
      }
      const recorded = await recordHeld(room, fact)
      if (recorded?.sessionId !== undefined) return recorded.sessionId
      throw new Error(`a join was ${recorded?.outcome}: ${recorded?.reason}`)
    },
    leave(room, connection, ending) {
      const fact: Fact = {
        ...factOf(room, connection),
        type: 'participant-left',
        id: `${connection.id}:left`,
        receivedAt: clock.now(),
        // What asked for the join was heard a moment before it.
        at: 'at' in ending ? Math.max(ending.at, connection.joinedAt) : nextMoment(room, clock.now()),
        ...('reason' in ending ? { reason: ending.reason } : { inferred: ending.inferred }),
      }
      const kept = recordUntilKept(room, fact)
      pending.add(kept)
      return kept.finally(() => pending.delete(kept))
    },
    async settled() {
      await Promise.all(pending)
    },
  }
}

/** Another process took the room, and concluded that everybody left it. */
function isMoved(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'ROOM_MOVED'
}

function factOf({ roomId }: HostedRoom, { id, identity }: Connection) {
  return { source: hostedSource, roomId, participantId: identity?.participantId ?? '', connectionId: id }
}
