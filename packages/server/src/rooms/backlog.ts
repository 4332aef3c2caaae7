import { WebSocket } from 'ws'
import type { Connection } from './connection.ts'
import type { RtcLimits } from './limits.ts'
import type { HostedRoom } from './room.ts'

// What is sent and not read yet waits in memory: it is counted for each connection, its room and the process.

/** What waits for all sockets of this process. */
export type Backlog = {
  limits: RtcLimits
  /** All sockets, each with its room once it has one. */
  connections: Map<Connection, HostedRoom | undefined>
  backlogBytes: number
  /** Somebody is being cut off to shorten it. */
  isTrimming: boolean
  /** Ends a connection at once: what waits for it is to be forgotten. */
  cutTooSlow(connection: Connection): void
}

/** Sends one message. False when the peer reads too slowly to be sent more: the caller ends the connection. */
export function send(backlog: Backlog, connection: Connection, message: Buffer): boolean {
  const { socket } = connection
  if (socket.readyState !== WebSocket.OPEN) return true
  if (socket.bufferedAmount > backlog.limits.bufferedMaxBytes) return false
  const recount = () => setBacklog(backlog, connection, socket.bufferedAmount)
  socket.send(message, { binary: false }, recount)
  recount()
  return true
}

/** Counts the bytes that wait for a connection; 0 once it is closed. */
export function setBacklog(backlog: Backlog, connection: Connection, bytes: number): void {
  const added = bytes - connection.backlogBytes
  if (added === 0) return
  connection.backlogBytes = bytes
  backlog.backlogBytes += added
  const room = backlog.connections.get(connection)
  if (room !== undefined) room.backlogBytes += added
}

/** Cuts off whoever has the most waiting, for as long as a room or the process holds more for its readers than it may. */
export function trimBacklog(backlog: Backlog, room: HostedRoom): void {
  // A cut is announced to the others, who may be slow too: the loop that cut sees to them.
  if (backlog.isTrimming) return
  backlog.isTrimming = true
  for (let full = findFull(backlog, room); full !== undefined; full = findFull(backlog, room)) {
    const slowest = findSlowest(backlog, full)
    if (slowest === undefined) break
    setBacklog(backlog, slowest, 0)
    backlog.cutTooSlow(slowest)
  }
  backlog.isTrimming = false
}

/** This room where it holds too much; where the process does, the one that holds most: others are not to suffer for it. */
function findFull({ limits, backlogBytes, connections }: Backlog, room: HostedRoom): HostedRoom | undefined {
  if (room.backlogBytes > limits.roomBufferedMaxBytes) return room
  if (backlogBytes <= limits.processBufferedMaxBytes) return undefined
  let fullest = room
  for (const other of connections.values()) {
    if (other !== undefined && other.backlogBytes > fullest.backlogBytes) fullest = other
  }
  return fullest
}

/** Also one that is being closed: what waits for it is in memory until it has read it. */
function findSlowest({ connections }: Backlog, room: HostedRoom): Connection | undefined {
  let slowest: Connection | undefined
  for (const [connection, itsRoom] of connections) {
    if (itsRoom !== room || connection.backlogBytes <= (slowest?.backlogBytes ?? 0)) continue
    slowest = connection
  }
  return slowest
}
