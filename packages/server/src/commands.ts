import type { CloseName, Fact } from '@rollcall/protocol'
import type { Context } from './context.ts'
import { foldStays } from './ledger/stays.ts'
import { hostedSource } from './operations.ts'
import type { HostedRooms } from './rtc/hosted-rooms.ts'
import type { SessionRecord } from './store/store.ts'

/** Whether whoever runs the session carried the command out: false where it takes no orders. */
export type Enforced = boolean | 'pending'

export type Commanded = { sessionId: string; enforced: Enforced }

/** Orders about running sessions. The record follows at once, by a fact of the command's own; then the room obeys. */
export type Commands = {
  /**
   * Ends what runs in a room: all of its sessions, or the one that is named.
   * @returns the sessions that this call ended, newest first; none where nothing was running
   */
  endSessions(keyId: number, roomId: string, options?: EndOptions): Promise<Commanded[]>
  /** Removes a person from what runs in a room. Empty where they were not inside. */
  removeParticipant(keyId: number, roomId: string, participantId: string, sessionId?: string): Promise<Commanded[]>
}

export type EndOptions = {
  sessionId?: string
  /** As the record tells it. Default `ended-by-command`. */
  reason?: string
  /** What the sockets of a hosted room are told. Default `SESSION_ENDED`. */
  close?: CloseName
}

/** Most sessions that can run in one room at once and be ended by one command. */
const sessionsMax = 1000

export function createCommands(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  hostedRooms: Pick<HostedRooms, 'takeOut' | 'removeParticipant'>,
): Commands {
  return {
    async endSessions(keyId, roomId, options = {}) {
      const ended: Commanded[] = []
      for (const { session } of await listRunning(keyId, roomId, options.sessionId)) {
        const enforced = await end(keyId, session, options)
        if (enforced !== undefined) ended.push({ sessionId: session.id, enforced })
      }
      return ended
    },

    async removeParticipant(keyId, roomId, participantId, sessionId) {
      const removed: Commanded[] = []
      for (const { session } of await listRunning(keyId, roomId, sessionId)) {
        const isHosted = session.source === hostedSource
        const wasConnected = isHosted && (await hostedRooms.removeParticipant(keyId, roomId, participantId))
        const wasInside = await closeStays(keyId, session, participantId)
        if (wasConnected || wasInside) removed.push({ sessionId: session.id, enforced: isHosted })
      }
      return removed
    },
  }

  async function listRunning(keyId: number, roomId: string, sessionId: string | undefined): Promise<SessionRecord[]> {
    const page = { page: 1, perPage: sessionsMax }
    const { sessions } = await reads.listSessions(keyId, { roomId, status: 'ongoing' }, page, 0)
    return sessions.filter(({ session }) => sessionId === undefined || session.id === sessionId)
  }

  /** Undefined where another command ended it first. */
  async function end(
    keyId: number,
    { id, roomId, source, sessionKey }: SessionRecord['session'],
    { reason = 'ended-by-command', close = 'SESSION_ENDED' }: EndOptions,
  ): Promise<Enforced | undefined> {
    // Out of the room before the end is recorded: whoever joins from here on begins a session of their own.
    const takenOut = source === hostedSource ? hostedRooms.takeOut(keyId, roomId) : undefined
    const fact: Fact = {
      type: 'session-ended',
      // A session is ended by command once: of two commands at the same time the second changes nothing.
      id: `rollcall:ended-by-command ${id}`,
      source,
      roomId,
      ...(sessionKey !== null && { sessionKey }),
      at: takenOut?.at ?? clock.now(),
      receivedAt: clock.now(),
      reason,
    }
    try {
      const [recorded] = await record(keyId, [fact])
      await takenOut?.close(close)
      return recorded?.outcome === 'recorded' ? takenOut !== undefined : undefined
    } catch (error) {
      // They are out of the room all the same: what the end does not tell of them, their leaves have to.
      await takenOut?.recordLeaves()
      throw error
    }
  }

  /** Ends what is open of a person's stays. True where any was. */
  async function closeStays(
    keyId: number,
    { id: sessionId, roomId, source, sessionKey }: SessionRecord['session'],
    participantId: string,
  ): Promise<boolean> {
    const found = await reads.getParticipant(keyId, sessionId, participantId)
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
    if (leaves.length > 0) await record(keyId, leaves)
    return leaves.length > 0
  }
}
