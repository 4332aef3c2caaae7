import type { CloseName } from '@rollcall/protocol'
import { nameOf } from '../cluster/room-leases.ts'
import type { TakenOut } from '../sources/commands/commanded-rooms.ts'
import { closeSocket } from './connection.ts'
import { forgetIfEmpty, type Hub, openRoom, setState } from './hub.ts'
import { leave, toReason } from './leave.ts'
import { inState, nextMoment, ofParticipant } from './room.ts'

/** Takes everybody out of a room, within this turn of the loop. Their leaves are the caller's to record, or the result's. */
export function takeOut(hub: Hub, keyId: number, roomId: string): TakenOut {
  const room = openRoom(hub, keyId, roomId)
  const all = [...room.connections]
  const staying = [...inState(room, 'entering', 'inside')]
  for (const connection of all) setState(hub, connection, 'gone')
  room.connections.clear()
  forgetIfEmpty(hub, room)
  const close = async (name: CloseName) => {
    await Promise.all(all.map((connection) => closeSocket(connection, name, hub.limits)))
  }
  return {
    at: nextMoment(room, hub.clock.now()),
    close,
    async leave(name) {
      const reason = toReason(name)
      await Promise.all(staying.map((connection) => hub.reporter.leave(room, connection, { reason })))
      await close(name)
    },
  }
}

export async function removeParticipant(
  hub: Hub,
  keyId: number,
  roomId: string,
  participantId: string,
): Promise<boolean> {
  const room = hub.rooms.get(nameOf({ keyId, roomId }))
  const targets = room === undefined ? [] : [...ofParticipant(room, participantId, 'entering', 'inside')]
  await Promise.all(targets.map((target) => leave(hub, target, { reason: 'removed' }, 'REMOVED')))
  return targets.length > 0
}

/** Empties all rooms: other processes hold them now, and have inferred that everybody left. */
export function abandonRooms(hub: Hub): void {
  for (const room of hub.rooms.values()) {
    for (const connection of room.connections) {
      setState(hub, connection, 'gone')
      closeSocket(connection, 'MOVED', hub.limits)
    }
    room.connections.clear()
  }
  hub.rooms.clear()
}
