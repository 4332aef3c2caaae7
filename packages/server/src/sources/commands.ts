import { type CloseName, type Fact, hostedSource } from '@rollcall/protocol'
import type { Context } from '../context.ts'
import type { Session } from '../ledger/state.ts'
import { foldStays } from '../ledger/stays.ts'
import type { Recorded } from '../record/record.ts'
import type { Room } from '../store/rooms.ts'
import type { Enforced, Orders } from './orders.ts'

export type Commanded = { sessionId: string; enforced: Enforced }

/** Orders about running sessions. The record follows at once, by a fact of the command's own; then the room obeys. */
export type Commands = {
  /**
   * Ends what runs in a room: all of its sessions, or the one that is named.
   * @returns the sessions that it ended, newest first; none where nothing was running
   */
  endSessions(keyId: number, roomId: string, options?: EndOptions): Promise<Commanded[]>
  /** Disables a room: nobody comes in any more, and what runs in it is ended. Undefined where there is no such room. */
  closeRoom(keyId: number, roomId: string, reason: string): Promise<Room | undefined>
  /** Removes a person from what runs in a room. Empty where they were not inside. */
  removeParticipant(keyId: number, roomId: string, participantId: string, sessionId?: string): Promise<Commanded[]>
}

/** What a command asks of the rooms that this process hosts. */
export type CommandedRooms = {
  /**
   * Takes everybody out of a room, within this turn of the event loop: whoever joins later begins a new session. No leaves
   * are recorded: the caller records the end of the session, which ends every stay, and then closes the sockets.
   */
  takeOut(keyId: number, roomId: string): TakenOut
  /** Removes a participant: durable and closed when it resolves. False where nobody of that id is inside. */
  removeParticipant(keyId: number, roomId: string, participantId: string): Promise<boolean>
}

/** People who are out of a room, and not yet told. */
export type TakenOut = {
  /** No fact of theirs is later than this. */
  at: number
  /** Resolves when every socket is closed. */
  close(close: CloseName): Promise<void>
  /** For those whom no end of a session concerns: each leave is recorded. Resolves when all are durable, and every socket closed. */
  leave(close: CloseName): Promise<void>
}

export type EndOptions = {
  sessionId?: string
  /** As the record tells it. Default `ended-by-command`. */
  reason?: string
}

type Ending = { reason: string; close: CloseName }

/** Most sessions that can run in one room at once and be ended by one command. */
const sessionsMax = 1000

export function createCommands(
  { reads, writes, record, clock }: Pick<Context, 'reads' | 'writes' | 'record' | 'clock'>,
  hostedRooms: CommandedRooms,
  orders: Pick<Orders, 'prepare'>,
): Commands {
  const ending = new Map<string, Promise<Commanded | undefined>>()

  return {
    endSessions: (keyId, roomId, { sessionId, reason = 'ended-by-command' } = {}) =>
      endAll(keyId, roomId, sessionId, { reason, close: 'SESSION_ENDED' }),

    async closeRoom(keyId, roomId, reason) {
      const room = await writes.rooms.setDisabled({ keyId, roomId, disabled: true })
      if (room === undefined) return undefined
      await endAll(keyId, roomId, undefined, { reason, close: 'ROOM_CLOSED' })
      // Who was on the way in when it closed, or waited to be let in, is of no session that ran.
      await hostedRooms.takeOut(keyId, roomId).leave('ROOM_CLOSED')
      return room
    },

    async removeParticipant(keyId, roomId, participantId, sessionId) {
      const removed: Commanded[] = []
      for (const session of await listRunning(keyId, roomId, sessionId)) {
        const enforced = await removeFrom(keyId, session, participantId)
        if (enforced !== undefined) removed.push({ sessionId: session.id, enforced })
      }
      return removed
    },
  }

  /** Undefined where they were not inside. */
  async function removeFrom(keyId: number, session: Session, participantId: string): Promise<Enforced | undefined> {
    if (session.source === hostedSource) {
      // Whoever was connected has left with their sockets: by now they may be inside anew.
      const wasInside =
        (await hostedRooms.removeParticipant(keyId, session.roomId, participantId)) ||
        (await closeStays(keyId, session, participantId))
      return wasInside || undefined
    }
    const carryOut = await orders.prepare(keyId, session, participantId)
    return (await closeStays(keyId, session, participantId)) ? carryOut() : undefined
  }

  async function listRunning(keyId: number, roomId: string, sessionId: string | undefined): Promise<Session[]> {
    const running = await reads.sessions.listRunningInRoom(keyId, roomId, sessionsMax)
    return running.filter(({ id }) => sessionId === undefined || id === sessionId)
  }

  async function endAll(
    keyId: number,
    roomId: string,
    sessionId: string | undefined,
    how: Ending,
  ): Promise<Commanded[]> {
    const ended: Commanded[] = []
    for (const session of await listRunning(keyId, roomId, sessionId)) {
      const commanded = await endOnce(keyId, session, how)
      if (commanded !== undefined) ended.push(commanded)
    }
    return ended
  }

  /** Of several commands at the same time one ends the session, and all are answered that it ended. */
  function endOnce(keyId: number, session: Session, how: Ending): Promise<Commanded | undefined> {
    const underWay = ending.get(session.id)
    if (underWay !== undefined) return underWay
    const end = endSession(keyId, session, how).finally(() => ending.delete(session.id))
    ending.set(session.id, end)
    return end
  }

  /** Undefined where it was over before. */
  async function endSession(
    keyId: number,
    session: Session,
    { reason, close }: Ending,
  ): Promise<Commanded | undefined> {
    const { id, roomId, source, sessionKey, lastAt } = session
    const carryOut = source === hostedSource ? undefined : await orders.prepare(keyId, session)
    // Out of the room before the end is recorded: whoever joins from here on begins a session of their own.
    const takenOut = source === hostedSource ? hostedRooms.takeOut(keyId, roomId) : undefined
    const now = clock.now()
    const fact: Fact = {
      type: 'session-ended',
      // A session is ended by command once, whichever process it is told to.
      id: `rollcall:ended-by-command ${id}`,
      source,
      roomId,
      ...(sessionKey !== null && { sessionKey }),
      // The source's clock may run ahead of ours.
      at: Math.max(takenOut?.at ?? now, lastAt),
      receivedAt: now,
      reason,
    }
    let recorded: Recorded | undefined
    try {
      recorded = (await record(keyId, [fact]))[0]
    } finally {
      // They are out of the room in any case: what no end tells of them, their leaves have to.
      if (recorded?.outcome === 'recorded') await takenOut?.close(close)
      else await takenOut?.leave(close)
    }
    if (recorded?.outcome !== 'recorded') return undefined
    return { sessionId: recorded.sessionId ?? id, enforced: carryOut === undefined || (await carryOut()) }
  }

  /** Ends what is open of a person's stays. False where nothing was. */
  async function closeStays(
    keyId: number,
    { id: sessionId, roomId, source, sessionKey }: Session,
    participantId: string,
  ): Promise<boolean> {
    const found = await reads.sessions.getParticipant(keyId, sessionId, participantId)
    const at = clock.now()
    const leaves: Fact[] = foldStays(found?.marks ?? [])
      .stays.filter((stay) => stay.leftAt === null)
      .map(({ connectionId, joinedAt }) => ({
        type: 'participant-left',
        id: `rollcall:removed-by-command ${JSON.stringify([sessionId, participantId, connectionId, joinedAt])}`,
        source,
        roomId,
        ...(sessionKey !== null && { sessionKey }),
        participantId,
        ...(connectionId !== '' && { connectionId }),
        at: Math.max(at, joinedAt),
        receivedAt: at,
        reason: 'removed',
      }))
    if (leaves.length === 0) return false
    const recorded = await record(keyId, leaves)
    return recorded.some(({ outcome }) => outcome === 'recorded')
  }
}
