import { type Cause, type Fact, hostedSource } from '@rollcall/protocol'
import type { Context } from '../../context.ts'
import type { Mark, Session } from '../../ledger/state.ts'
import { foldStays } from '../../ledger/stays.ts'
import type { CommandedRooms } from './commanded-rooms.ts'
import type { Enforced, MediaServerCommands } from './media-server-commands.ts'

/** Removes a participant from a running session by command: in the record, then where it runs. */
export type ParticipantRemoval = {
  /** Undefined where they were not inside. */
  removeFrom(keyId: number, session: Session, participantId: string): Promise<Enforced | undefined>
}

export function createParticipantRemoval(
  { reads, record, clock }: Pick<Context, 'reads' | 'record' | 'clock'>,
  hostedRooms: Pick<CommandedRooms, 'removeParticipant'>,
  mediaServerCommands: Pick<MediaServerCommands, 'prepare'>,
): ParticipantRemoval {
  return {
    async removeFrom(keyId, session, participantId) {
      if (session.source === hostedSource) {
        // Their sockets left by themselves: by now they may be inside anew.
        const wasInside =
          (await hostedRooms.removeParticipant(keyId, session.roomId, participantId)) ||
          (await endStays(keyId, session, participantId))
        return wasInside || undefined
      }
      const execute = await mediaServerCommands.prepare(keyId, session, participantId)
      // What the media server reports of them later holds: until then the leave is inferred from the command.
      return (await endStays(keyId, session, participantId, 'absent')) ? execute() : undefined
    },
  }

  /** Ends a person's open stays. False where there were none. */
  async function endStays(
    keyId: number,
    { id: sessionId, roomId, source, sessionKey }: Session,
    participantId: string,
    inferred?: Cause,
  ): Promise<boolean> {
    const found = await reads.sessions.getParticipant(keyId, sessionId, participantId)
    const at = clock.now()
    const marks = found?.marks ?? []
    const leaves: Fact[] = foldStays(marks)
      .stays.filter((stay) => stay.leftAt === null)
      .map(({ connectionId, joinedAt }) => ({
        type: 'participant-left',
        id: `rollcall:removed-by-command ${JSON.stringify([sessionId, participantId, connectionId, joinedAt])}`,
        source,
        roomId,
        ...(sessionKey !== null && { sessionKey }),
        participantId,
        ...(connectionId !== '' && { connectionId }),
        at: Math.max(at, joinedAt, lastSeenAt(marks, connectionId)),
        receivedAt: at,
        reason: 'removed',
        // By our clock: an end that is reported of the session beats it.
        ...(inferred === undefined ? { isUndated: true } : { inferred }),
      }))
    if (leaves.length === 0) return false
    const recorded = await record(keyId, leaves)
    return recorded.some(({ outcome }) => outcome === 'recorded')
  }
}

/** Its source's clock may run ahead of ours. */
function lastSeenAt(marks: Mark[], connectionId: string): number {
  return marks
    .filter((mark) => mark.connectionId === connectionId && (mark.kind === 'joined' || mark.kind === 'seen'))
    .reduce((latest, { at }) => Math.max(latest, at), 0)
}
