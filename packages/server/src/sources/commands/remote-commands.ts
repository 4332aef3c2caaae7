import type { Json } from '@rollcall/protocol'
import type { Relay, RemoteCommand } from '../../cluster/relay.ts'
import type { Context } from '../../context.ts'
import type { CommandedRooms } from './commanded-rooms.ts'
import type { Commands, EndOptions } from './commands.ts'
import type { CommandedSession } from './session-end.ts'

type Inputs = {
  endSessions: EndOptions
  closeRoom: { reason: string }
  applyRules: null
  removeParticipant: { participantId: string; sessionId?: string }
}

/**
 * Executes commands in the process that holds the room, so that the sockets are closed before the answer. Where that process
 * does not answer in time, the command is recorded here, and `enforced` is pending.
 */
export function withRouting(
  here: Commands,
  {
    relay,
    writes,
    hostedRooms,
  }: { relay: Relay; writes: Pick<Context['writes'], 'rooms'>; hostedRooms: Pick<CommandedRooms, 'takeOut'> },
): Commands {
  relay.serve(handle)
  return {
    async endSessions(keyId, roomId, options = {}) {
      const answer = await send('endSessions', keyId, roomId, options)
      if (typeof answer === 'object') return answer.value as CommandedSession[]
      return withPending(answer, await here.endSessions(keyId, roomId, options))
    },
    async closeRoom(keyId, roomId, reason) {
      // Nobody can join from here on: whoever did is by now in the process that holds the room.
      const room = await writes.rooms.setDisabled({ keyId, roomId, disabled: true })
      if (room === undefined) return undefined
      const answer = await send('closeRoom', keyId, roomId, { reason })
      return typeof answer === 'object' ? room : here.closeRoom(keyId, roomId, reason)
    },
    async applyRules(keyId, roomId) {
      // Whoever holds the room and does not answer reads the rules at the next join.
      if ((await send('applyRules', keyId, roomId, null)) === 'here') await here.applyRules(keyId, roomId)
    },
    async removeParticipant(keyId, roomId, participantId, sessionId) {
      const input = { participantId, ...(sessionId !== undefined && { sessionId }) }
      const answer = await send('removeParticipant', keyId, roomId, input)
      if (typeof answer === 'object') return answer.value as CommandedSession[]
      return withPending(answer, await here.removeParticipant(keyId, roomId, participantId, sessionId))
    },
  }

  async function endHere(keyId: number, roomId: string, options: EndOptions): Promise<CommandedSession[]> {
    const ended = await here.endSessions(keyId, roomId, options)
    // The process that asked did not wait, and recorded the end: whoever is in the room is in no session.
    if (ended.length === 0) await hostedRooms.takeOut(keyId, roomId).close('SESSION_ENDED')
    return ended
  }

  function send<Name extends keyof Inputs>(name: Name, keyId: number, roomId: string, input: Inputs[Name]) {
    return relay.send({ name, keyId, roomId, input: input as Json })
  }

  async function handle({ name, keyId, roomId, input }: RemoteCommand): Promise<Json> {
    switch (name as keyof Inputs) {
      case 'endSessions':
        return endHere(keyId, roomId, input as Inputs['endSessions'])
      case 'closeRoom':
        return (await here.closeRoom(keyId, roomId, (input as Inputs['closeRoom']).reason)) !== undefined
      case 'applyRules':
        await here.applyRules(keyId, roomId)
        return null
      case 'removeParticipant': {
        const { participantId, sessionId } = input as Inputs['removeParticipant']
        return here.removeParticipant(keyId, roomId, participantId, sessionId)
      }
      default:
        throw new Error(`${name} is not understood: the process that asked for it is of another version`)
    }
  }
}

/** Sockets that another process holds did not get what this process recorded. */
function withPending(answer: 'here' | 'late', commanded: CommandedSession[]): CommandedSession[] {
  if (answer === 'here') return commanded
  return commanded.map((one) => ({ ...one, enforced: one.enforced && 'pending' }))
}
