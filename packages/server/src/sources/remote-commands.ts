import type { Json } from '@rollcall/protocol'
import type { Relay, RemoteCommand } from '../cluster/relay.ts'
import type { Context } from '../context.ts'
import type { Commanded, CommandedRooms, Commands, EndOptions } from './commands.ts'

type Inputs = {
  endSessions: EndOptions
  closeRoom: { reason: string }
  removeParticipant: { participantId: string; sessionId?: string }
}

/**
 * The same commands, wherever the room is held: they are carried out there, so that the sockets are closed before the answer.
 * Where that cannot be told in time, the record follows here, and `enforced` is pending.
 */
export function commandAfar(
  here: Commands,
  {
    relay,
    writes,
    hostedRooms,
  }: { relay: Relay; writes: Pick<Context['writes'], 'rooms'>; hostedRooms: Pick<CommandedRooms, 'takeOut'> },
): Commands {
  relay.serve(obey)
  return {
    async endSessions(keyId, roomId, options = {}) {
      const obeyed = await send('endSessions', keyId, roomId, options)
      if (typeof obeyed === 'object') return obeyed.value as Commanded[]
      return withPending(obeyed, await here.endSessions(keyId, roomId, options))
    },
    async closeRoom(keyId, roomId, reason) {
      // Nobody comes in from here on: whoever did is where the room is held by now.
      const room = await writes.rooms.setDisabled({ keyId, roomId, disabled: true })
      if (room === undefined) return undefined
      const obeyed = await send('closeRoom', keyId, roomId, { reason })
      return typeof obeyed === 'object' ? room : here.closeRoom(keyId, roomId, reason)
    },
    async removeParticipant(keyId, roomId, participantId, sessionId) {
      const input = { participantId, ...(sessionId !== undefined && { sessionId }) }
      const obeyed = await send('removeParticipant', keyId, roomId, input)
      if (typeof obeyed === 'object') return obeyed.value as Commanded[]
      return withPending(obeyed, await here.removeParticipant(keyId, roomId, participantId, sessionId))
    },
  }

  async function endHere(keyId: number, roomId: string, options: EndOptions): Promise<Commanded[]> {
    const ended = await here.endSessions(keyId, roomId, options)
    // Whoever asked did not wait, and recorded the end: nobody is left in it.
    if (ended.length === 0) await hostedRooms.takeOut(keyId, roomId).close('SESSION_ENDED')
    return ended
  }

  function send<Name extends keyof Inputs>(name: Name, keyId: number, roomId: string, input: Inputs[Name]) {
    return relay.send({ name, keyId, roomId, input: input as Json })
  }

  async function obey({ name, keyId, roomId, input }: RemoteCommand): Promise<Json> {
    switch (name as keyof Inputs) {
      case 'endSessions':
        return endHere(keyId, roomId, input as Inputs['endSessions'])
      case 'closeRoom':
        return (await here.closeRoom(keyId, roomId, (input as Inputs['closeRoom']).reason)) !== undefined
      case 'removeParticipant': {
        const { participantId, sessionId } = input as Inputs['removeParticipant']
        return here.removeParticipant(keyId, roomId, participantId, sessionId)
      }
      default:
        throw new Error(`${name} is not understood: the process that asked for it is of another version`)
    }
  }
}

/** What this process carried out reached none of the sockets that another holds. */
function withPending(obeyed: 'here' | 'late', commanded: Commanded[]): Commanded[] {
  if (obeyed === 'here') return commanded
  return commanded.map((one) => ({ ...one, enforced: one.enforced && 'pending' }))
}
