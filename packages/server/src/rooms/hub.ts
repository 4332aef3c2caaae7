import type { ServerMessage } from '@rollcall/protocol'
import type { TokenVerifier } from '../api/auth/token.ts'
import type { TokenBuckets } from '../api/auth/token-bucket.ts'
import { nameOf, type RoomLease, type RoomLeases } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import type { Intake } from '../runtime/turns.ts'
import type { Commands } from '../sources/commands/commands.ts'
import { type Backlog, send } from './backlog.ts'
import type { Connection } from './connection.ts'
import type { SampleIntake } from './quality.ts'
import type { Reporter } from './reporter.ts'
import { type HostedRoom, inState } from './room.ts'

/** The rooms and sockets of this process, with what serves them: one value, which the functions of this folder pass on. */
export type Hub = Pick<Context, 'config' | 'clock' | 'log' | 'metrics' | 'reads' | 'writes'> &
  Backlog & {
    verifyToken: TokenVerifier
    leases: Pick<RoomLeases, 'take'>
    reporter: Reporter
    /** Ends what runs in a room, as a command does. */
    endSessions: Commands['endSessions']
    takeSample: SampleIntake
    /** The rooms that anybody is connected to, by `nameOf`. */
    rooms: Map<string, HostedRoom>
    /** Sockets that have sent no `join` yet, the oldest first. */
    pending: Set<Connection>
    /** Takes what is said, so much a turn of the loop. */
    intake: Intake
    /** Lets people in, some a turn of the loop. */
    spreadEntries: (enter: () => void) => void
    /** Joins of each token to each room. */
    joins: TokenBuckets
    /** Ends a connection whose peer reads too slowly. */
    endTooSlow(connection: Connection): void
  }

export function openRoom(hub: Hub, keyId: number, roomId: string, lease?: RoomLease): HostedRoom {
  const name = nameOf({ keyId, roomId })
  const room = hub.rooms.get(name) ?? {
    keyId,
    roomId,
    name: null,
    connections: new Set<Connection>(),
    lastAt: 0,
    rulesTold: 0,
    lease,
    backlogBytes: 0,
  }
  hub.rooms.set(name, room)
  return room
}

export function forgetIfEmpty(hub: Hub, room: HostedRoom): void {
  if (room.connections.size === 0) hub.rooms.delete(nameOf(room))
}

export function setState(hub: Hub, connection: Connection, state: Connection['state']): void {
  hub.pending.delete(connection)
  connection.state = state
}

/** Puts a connection into its room. */
export function seat(hub: Hub, room: HostedRoom, connection: Connection): void {
  room.connections.add(connection)
  room.backlogBytes += connection.backlogBytes
  hub.connections.set(connection, room)
}

/** Sends to one connection. */
export function notify(hub: Hub, connection: Connection, message: ServerMessage): void {
  if (!send(hub, connection, toBytes(message))) hub.endTooSlow(connection)
}

/** Sends to everybody inside who passes `test`. */
export function notifyRoom(
  hub: Hub,
  room: HostedRoom,
  message: ServerMessage,
  test: (connection: Connection) => boolean = () => true,
): void {
  // One copy for all of them, however many read it late.
  const bytes = toBytes(message)
  const tooSlow: Connection[] = []
  for (const connection of inState(room, 'inside')) {
    if (test(connection) && !send(hub, connection, bytes)) tooSlow.push(connection)
  }
  for (const connection of tooSlow) hub.endTooSlow(connection)
}

function toBytes(message: ServerMessage): Buffer {
  return Buffer.from(JSON.stringify(message))
}

/** Whether somebody may let others in. */
export function mayAdmit({ identity }: Connection): boolean {
  return identity?.permissions.has('allow_join') === true
}
