import { type Cause, type Fact, hostedSource, type NameSource } from '@rollcall/protocol'
import type { RoomLeases } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import type { Recorded } from '../record/facts/record.ts'
import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'
import { type HostedRoom, nextMoment } from './room.ts'

/** How a stay ended: now, for a reason that was seen; or at the last evidence of the peer, for a cause that was inferred. */
export type Ending = { reason: string } | { inferred: Cause; at: number }

/** Reports joins and leaves to the record, those of a room in order of their time. */
export type Reporter = {
  /** Resolves when the join is durable, with the id of the session. Rejects where it could not be recorded. */
  join(room: HostedRoom, connection: Connection): Promise<string>
  /** The name of somebody inside is relied on otherwise. Resolves when that is durable, or nobody can say it any more. */
  tellName(room: HostedRoom, connection: Connection): Promise<void>
  /** Resolves when the leave is durable, after as many tries as it takes; or when another process, which took the room, has inferred it. */
  leave(room: HostedRoom, connection: Connection, ending: Ending): Promise<void>
  /** Resolves when no leave waits to be recorded. */
  settled(): Promise<void>
}

export function createReporter(
  { record, clock, log }: Pick<Context, 'record' | 'clock' | 'log'>,
  leases: Pick<RoomLeases, 'refused'>,
  limits: RtcLimits,
): Reporter {
  const pending = new Set<Promise<void>>()

  /** The room is not released while a fact of it is on its way. */
  async function recordFact({ keyId, lease }: HostedRoom, fact: Fact): Promise<Recorded | undefined> {
    if (lease !== undefined) lease.factsPending += 1
    try {
      return (await record(keyId, [fact], { fence: lease?.fence }))[0]
    } catch (error) {
      if (lease !== undefined && isMoved(error)) leases.refused(lease)
      throw error
    } finally {
      if (lease !== undefined) lease.factsPending -= 1
    }
  }

  async function recordUntilDurable(room: HostedRoom, fact: Fact): Promise<void> {
    for (;;) {
      try {
        await recordFact(room, fact)
        return
      } catch (error) {
        if (isMoved(error)) return
        // A person is gone, whatever the disk says, and no other part of the server knows.
        log.error({ err: error, factId: fact.id }, 'fact of a hosted room not recorded; retrying')
        await new Promise((resolve) => setTimeout(resolve, limits.retryMs))
      }
    }
  }

  function settle(recorded: Promise<void>): Promise<void> {
    pending.add(recorded)
    return recorded.finally(() => pending.delete(recorded))
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
        ...toNamed(connection),
        ...(connection.identity && connection.identity.metadata !== null && { metadata: connection.identity.metadata }),
      }
      const recorded = await recordFact(room, fact)
      if (recorded?.sessionId !== undefined) return recorded.sessionId
      throw new Error(`join not recorded: ${recorded?.outcome}: ${recorded?.reason}`)
    },
    tellName(room, connection) {
      const at = nextMoment(room, clock.now())
      const fact: Fact = {
        ...{ ...factOf(room, connection), ...toNamed(connection), type: 'participant-seen' },
        ...{ id: `${connection.id}:named:${at}`, at, receivedAt: clock.now() },
      }
      return settle(recordUntilDurable(room, fact))
    },
    leave(room, connection, ending) {
      const fact: Fact = {
        ...factOf(room, connection),
        type: 'participant-left',
        id: `${connection.id}:left`,
        receivedAt: clock.now(),
        // The last evidence may be the message that asked for the join, which came a moment before it.
        at: 'at' in ending ? Math.max(ending.at, connection.joinedAt) : nextMoment(room, clock.now()),
        ...('reason' in ending ? { reason: ending.reason } : { inferred: ending.inferred }),
      }
      return settle(recordUntilDurable(room, fact))
    },
    async settled() {
      await Promise.all(pending)
    },
  }
}

/** Another process took the room, and inferred that everybody left it. */
export function isMoved(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'ROOM_MOVED'
}

function toNamed({ identity }: Connection): { name?: string; nameSource?: NameSource } {
  if (identity === undefined) return {}
  const { name, nameSource } = identity
  return { name, ...(nameSource !== undefined && { nameSource }) }
}

function factOf({ roomId }: HostedRoom, { id, identity }: Connection) {
  return { source: hostedSource, roomId, participantId: identity?.participantId ?? '', connectionId: id }
}
