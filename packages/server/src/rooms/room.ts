import type { Peer, ServerMessage } from '@rollcall/protocol'
import type { RoomLease } from '../cluster/room-leases.ts'
import { type Connection, sendText } from './connection.ts'
import type { RtcLimits } from './limits.ts'

/** A hosted room while anybody is connected to it: who, and the time of its last fact. */
export type HostedRoom = {
  keyId: number
  roomId: string
  connections: Set<Connection>
  lastAt: number
  /** Undefined while nobody has joined. */
  lease: RoomLease | undefined
}

/** The next moment in a room: its facts are in order of time, even when the wall clock steps back. */
export function nextMoment(room: HostedRoom, now: number): number {
  room.lastAt = Math.max(room.lastAt, now)
  return room.lastAt
}

export function* inState(room: HostedRoom, ...states: Connection['state'][]): Generator<Connection> {
  for (const connection of room.connections) if (states.includes(connection.state)) yield connection
}

export function findInside(room: HostedRoom, connectionId: string): Connection | undefined {
  for (const connection of inState(room, 'inside')) if (connection.id === connectionId) return connection
  return undefined
}

export function* ofParticipant(
  room: HostedRoom,
  participantId: string,
  ...states: Connection['state'][]
): Generator<Connection> {
  for (const connection of inState(room, ...states)) {
    if (connection.identity?.participantId === participantId) yield connection
  }
}

/** Sends to everybody inside who passes `test`, and gives those who read too slowly. The message is made text once. */
export function broadcast(
  room: HostedRoom,
  message: ServerMessage,
  limits: RtcLimits,
  test: (connection: Connection) => boolean = () => true,
): Connection[] {
  const text = JSON.stringify(message)
  const tooSlow: Connection[] = []
  for (const connection of inState(room, 'inside')) {
    if (test(connection) && !sendText(connection, text, limits)) tooSlow.push(connection)
  }
  return tooSlow
}

/** A connection, as the others see it. */
export function toPeer({ id, identity }: Connection): Peer {
  const { participantId = '', name = '', metadata = null } = identity ?? {}
  return { participantId, name, connectionId: id, ...(metadata !== null && { metadata }) }
}
