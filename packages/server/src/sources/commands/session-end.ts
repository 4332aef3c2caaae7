import { type CloseName, type Fact, hostedSource } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Session } from '../../ledger/state.ts'
import type { Recorded } from '../../record/facts/record.ts'
import type { CommandedRooms } from './commanded-rooms.ts'
import type { Enforced, MediaServerCommands } from './media-server-commands.ts'

export type CommandedSession = { sessionId: string; enforced: Enforced }

export type SessionEnd = {
  /** The `reason` in the record. */
  reason: string
  /** How the sockets of a hosted room are closed. */
  close: CloseName
}

/** Ends a running session by command: in the record, then where it runs. */
export type SessionEnds = {
  /** Undefined where the session had ended before. Of several commands at the same time one ends it, and all get its result. */
  end(keyId: number, session: Session, how: SessionEnd): Promise<CommandedSession | undefined>
}

export function createSessionEnds(
  { record, clock }: Pick<Context, 'record' | 'clock'>,
  hostedRooms: Pick<CommandedRooms, 'takeOut'>,
  mediaServerCommands: Pick<MediaServerCommands, 'prepare'>,
): SessionEnds {
  const underWay = new Map<string, Promise<CommandedSession | undefined>>()

  return {
    end(keyId, session, how) {
      const known = underWay.get(session.id)
      if (known !== undefined) return known
      const end = session.source === hostedSource ? endHosted : endReported
      const ending = end(keyId, session, how).finally(() => underWay.delete(session.id))
      underWay.set(session.id, ending)
      return ending
    },
  }

  async function endHosted(keyId: number, session: Session, { reason, close }: SessionEnd) {
    // Out of the room before the end is recorded: whoever joins from here on begins a session of their own.
    const takenOut = hostedRooms.takeOut(keyId, session.roomId)
    let recorded: Recorded | undefined
    try {
      recorded = await recordEnd(keyId, session, reason, takenOut.at)
    } finally {
      // They are out of the room in any case: without a recorded end their leaves are recorded.
      if (recorded?.outcome === 'recorded') await takenOut.close(close)
      else await takenOut.leave(close)
    }
    return toCommanded(session, recorded, async () => true)
  }

  async function endReported(keyId: number, session: Session, { reason }: SessionEnd) {
    const execute = await mediaServerCommands.prepare(keyId, session)
    return toCommanded(session, await recordEnd(keyId, session, reason, clock.now()), execute)
  }

  async function recordEnd(
    keyId: number,
    { id, source, roomId, sessionKey, lastAt }: Session,
    reason: string,
    at: number,
  ): Promise<Recorded | undefined> {
    const fact: Fact = {
      type: 'session-ended',
      // The same id from every process: a command ends a session once.
      id: `rollcall:ended-by-command ${id}`,
      source,
      roomId,
      ...(sessionKey !== null && { sessionKey }),
      // The source's clock may run ahead of ours.
      at: Math.max(at, lastAt),
      receivedAt: clock.now(),
      reason,
    }
    return (await record(keyId, [fact]))[0]
  }
}

async function toCommanded(
  { id }: Session,
  recorded: Recorded | undefined,
  execute: () => Promise<Enforced>,
): Promise<CommandedSession | undefined> {
  if (recorded?.outcome !== 'recorded') return undefined
  return { sessionId: recorded.sessionId ?? id, enforced: await execute() }
}
