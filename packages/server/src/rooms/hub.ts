import type { ServerMessage } from '@rollcall/protocol'
import type { TokenVerifier } from '../api/auth/token.ts'
import type { RoomLease, RoomLeases } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import { type Connection, send } from './connection.ts'
import type { RtcLimits } from './limits.ts'
import type { SampleIntake } from './quality.ts'
import type { Reporter } from './reporter.ts'
import { broadcast, type HostedRoom } from './room.ts'

/** The rooms and sockets of this process, with what serves them: one value, which the functions of this folder pass on. */
export type Hub = Pick<Context, 'config' | 'clock' | 'log' | 'metrics' | 'reads'> & {
  limits: RtcLimits
  verifyToken: TokenVerifier
  leases: Pick<RoomLeases, 'take'>
  reporter: Reporter
  takeSample: SampleIntake
  /** All sockets, each with its room once it has one. */
  connections: Map<Connection, HostedRoom | undefined>
  /** The rooms that anybody is connected to, by `nameOf`. */
  rooms: Map<string, HostedRoom>
  /** Sockets that have sent no `join` yet, the oldest first. */
  pending: Set<Connection>
  /** Ends a connection whose peer reads too slowly. */
  onTooSlow(connection: Connection): void
}

export function openRoom(hub: Hub, keyId: number, roomId: string, lease?: RoomLease): HostedRoom {
  const name = nameOf({ keyId, roomId })
  const room = hub.rooms.get(name) ?? { keyId, roomId, connections: new Set(), lastAt: 0, lease }
  hub.rooms.set(name, room)
  return room
}

export function forgetIfEmpty(hub: Hub, room: HostedRoom): void {
  if (room.connections.size === 0) hub.rooms.delete(nameOf(room))
}

export function nameOf({ keyId, roomId }: Pick<HostedRoom, 'keyId' | 'roomId'>): string {
  return `${keyId} ${roomId}`
}

export function setState(hub: Hub, connection: Connection, state: Connection['state']): void {
  hub.pending.delete(connection)
  connection.state = state
}

/** Sends to one connection. */
export function notify(hub: Hub, connection: Connection, message: ServerMessage): void {
  if (!send(connection, message, hub.limits)) hub.onTooSlow(connection)
}

/** Sends to everybody inside who passes `test`. */
export function notifyRoom(
  hub: Hub,
  room: HostedRoom,
  message: ServerMessage,
  test?: (connection: Connection) => boolean,
): void {
  for (const connection of broadcast(room, message, hub.limits, test)) hub.onTooSlow(connection)
}

/** Whether somebody may let others in. */
export function mayAdmit({ identity }: Connection): boolean {
  return identity?.permissions.has('allow_join') === true
}
