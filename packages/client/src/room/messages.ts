import type { Peer } from '@rollcall/protocol'
import type { Events } from '../events.ts'
import type { RoomMessage } from './connection.ts'
import type { LiveRoomEvents } from './live-room.ts'

/** Keeps the others inside as a message tells of them. False where it tells of `ownId` alone, which is no news. */
export function updateOthers(others: Map<string, Peer>, message: RoomMessage, ownId: string | undefined): boolean {
  if (message.type === 'joined') {
    others.clear()
    for (const peer of message.participants) others.set(peer.participantId, peer)
  } else if (message.type === 'participant-joined') {
    const { type, ...peer } = message
    if (peer.participantId === ownId) return false
    others.set(peer.participantId, peer)
  } else if (message.type === 'participant-left') {
    const { participantId, connectionId } = message
    if (participantId === ownId) return false
    // An older connection of somebody who is inside on a newer one leaves them inside.
    if (others.get(participantId)?.connectionId === connectionId) others.delete(participantId)
  } else if (message.type === 'name-marked') {
    const peer = others.get(message.participantId)
    if (peer !== undefined) others.set(peer.participantId, { ...peer, nameSource: message.nameSource })
  }
  return true
}

/** Tells the listeners what the room said. */
export function emitMessage({ emit }: Pick<Events<LiveRoomEvents>, 'emit'>, message: RoomMessage): void {
  switch (message.type) {
    case 'joined':
      return emit('joined', message)
    case 'waiting':
      return emit('waiting', message)
    case 'participant-joined':
      return emit('participant-joined', message)
    case 'participant-left':
      return emit('participant-left', message)
    case 'rules':
      return emit('rules', message)
    case 'name-marked':
      return emit('name-marked', message)
    case 'signal':
      return emit('signal', message)
    case 'mute':
      return emit('mute', message)
    case 'entry-requested':
      return emit('entry-requested', message)
    case 'entry-settled':
      return emit('entry-settled', message)
    case 'error':
      return emit('error', message)
    case 'pong':
      return
    default:
      // What a newer server may say is nothing to this client.
      return message satisfies never
  }
}
