import type { Context } from '../../context.ts'
import type { Session } from '../../ledger/state.ts'
import type { Room } from '../../store/rooms.ts'
import type { CommandedRooms } from './commanded-rooms.ts'
import type { MediaServerCommands } from './media-server-commands.ts'
import { createParticipantRemoval } from './participant-removal.ts'
import { type CommandedSession, createSessionEnds, type SessionEnd } from './session-end.ts'

/** Commands about running sessions. Each records a fact of its own at once; then the room follows. */
export type Commands = {
  /**
   * Ends what runs in a room: all of its sessions, or the one that is named.
   * @returns the sessions that it ended, newest first; none where nothing was running
   */
  endSessions(keyId: number, roomId: string, options?: EndOptions): Promise<CommandedSession[]>
  /** Disables a room: nobody can join any more, and its sessions end. Undefined where there is no such room. */
  closeRoom(keyId: number, roomId: string, reason: string): Promise<Room | undefined>
  /** Who may come into a room is another now, in the database: it follows. */
  applyRules(keyId: number, roomId: string): Promise<void>
  /** Removes a person from what runs in a room. Empty where they were not inside. */
  removeParticipant(
    keyId: number,
    roomId: string,
    participantId: string,
    sessionId?: string,
  ): Promise<CommandedSession[]>
}

export type EndOptions = {
  sessionId?: string
  /** The `reason` in the record. Default `ended-by-command`. */
  reason?: string
}

/** Most sessions that can run in one room at once and be ended by one command. */
const sessionsMax = 1000

export function createCommands(
  context: Pick<Context, 'reads' | 'writes' | 'record' | 'clock'>,
  hostedRooms: CommandedRooms,
  mediaServerCommands: Pick<MediaServerCommands, 'prepare'>,
): Commands {
  const { reads, writes } = context
  const sessionEnds = createSessionEnds(context, hostedRooms, mediaServerCommands)
  const removal = createParticipantRemoval(context, hostedRooms, mediaServerCommands)

  return {
    endSessions: (keyId, roomId, { sessionId, reason = 'ended-by-command' } = {}) =>
      endAll(keyId, roomId, sessionId, { reason, close: 'SESSION_ENDED' }),

    async closeRoom(keyId, roomId, reason) {
      const room = await writes.rooms.setDisabled({ keyId, roomId, disabled: true })
      if (room === undefined) return undefined
      await endAll(keyId, roomId, undefined, { reason, close: 'ROOM_CLOSED' })
      // Who was joining as it closed, or waited to be admitted, is in none of those sessions.
      await hostedRooms.takeOut(keyId, roomId).leave('ROOM_CLOSED')
      return room
    },

    applyRules: (keyId, roomId) => hostedRooms.applyRules(keyId, roomId),

    async removeParticipant(keyId, roomId, participantId, sessionId) {
      const removed: CommandedSession[] = []
      for (const session of await listRunning(keyId, roomId, sessionId)) {
        const enforced = await removal.removeFrom(keyId, session, participantId)
        if (enforced !== undefined) removed.push({ sessionId: session.id, enforced })
      }
      return removed
    },
  }

  async function listRunning(keyId: number, roomId: string, sessionId: string | undefined): Promise<Session[]> {
    const running = await reads.sessions.listRunningInRoom(keyId, roomId, sessionsMax)
    return running.filter(({ id }) => sessionId === undefined || id === sessionId)
  }

  async function endAll(
    keyId: number,
    roomId: string,
    sessionId: string | undefined,
    how: SessionEnd,
  ): Promise<CommandedSession[]> {
    const ended: CommandedSession[] = []
    for (const session of await listRunning(keyId, roomId, sessionId)) {
      const commanded = await sessionEnds.end(keyId, session, how)
      if (commanded !== undefined) ended.push(commanded)
    }
    return ended
  }
}
