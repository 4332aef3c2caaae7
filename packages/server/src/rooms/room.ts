import type { Peer } from '@rollcall/protocol'
import type { RoomLease } from '../cluster/room-leases.ts'
import { type Connection, isHost } from './connection.ts'

/** A hosted room while anybody is connected to it: who, and the time of its last fact. */
export type HostedRoom = {
  keyId: number
  roomId: string
  /** What its owner calls it. */
  name: string | null
  connections: Set<Connection>
  lastAt: number
  /** How often those inside were told that its rules are others. */
  rulesTold: number
  /** Undefined while nobody has joined. */
  lease: RoomLease | undefined
  /** Bytes that wait for its connections to be read. */
  backlogBytes: number
}

/** The next moment in a room: its facts are in order of time, even when the wall clock steps back. */
export function nextMoment(room: HostedRoom, now: number): number {
  room.lastAt = Math.max(room.lastAt, now)
  return room.lastAt
}

export function* inState(room: HostedRoom, ...states: Connection['state'][]): Generator<Connection> {
  for (const connection of room.connections) if (states.includes(connection.state)) yield connection
}

/** Those inside and on the way in, whether they were admitted or may enter by themselves; not those who wait or are about to. */
export function countInside(room: HostedRoom): number {
  let inside = 0
  for (const { state, identity } of room.connections) {
    const isComing = state === 'checking' && identity?.permissions.has('allow_join') === true
    if (isComing || state === 'entering' || state === 'inside') inside += 1
  }
  return inside
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

/** A connection, as the others see it. */
export function toPeer(connection: Connection): Peer {
  const { id, identity } = connection
  const { participantId = '', name = '', metadata = null, nameSource } = identity ?? {}
  return {
    ...{ participantId, name, connectionId: id },
    ...(metadata !== null && { metadata }),
    ...(nameSource !== undefined && { nameSource }),
    ...(isHost(connection) && { isHost: true as const }),
  }
}
