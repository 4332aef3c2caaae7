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
  /** Whom something was sent to that goes out once what is being done is done. */
  corked: Set<Connection>
  /** Ends a connection at once: what waits for it is to be forgotten. */
  cutTooSlow(connection: Connection): void
}

/**
 * Sends one message. Several to one peer, as when many come in at once, go out in one write: writes are most of what a full room
 * costs. False when the peer reads too slowly to be sent more: the caller ends the connection.
 */
export function send(backlog: Backlog, connection: Connection, message: Buffer): boolean {
  const { socket, stream } = connection
  const { corked, limits } = backlog
  if (socket.readyState !== WebSocket.OPEN) return true
  if (socket.bufferedAmount > limits.bufferedMaxBytes) return false
  if (!corked.has(connection)) {
    if (corked.size === 0) process.nextTick(uncork, backlog)
    corked.add(connection)
    stream.cork()
  }
  socket.send(message, { binary: false }, () => recount(backlog, connection))
  return true
}

/** Writes what was sent. Whoever is cut off for it is announced to others, in a further write. */
function uncork(backlog: Backlog): void {
  const sent = [...backlog.corked]
  const rooms = new Set<HostedRoom>()
  backlog.corked.clear()
  for (const connection of sent) {
    connection.stream.uncork()
    recount(backlog, connection)
    const room = backlog.connections.get(connection)
    if (room !== undefined) rooms.add(room)
  }
  for (const room of rooms) trimBacklog(backlog, room)
}

function recount(backlog: Backlog, connection: Connection): void {
  setBacklog(backlog, connection, connection.socket.bufferedAmount)
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
function trimBacklog(backlog: Backlog, room: HostedRoom): void {
  for (let full = findFull(backlog, room); full !== undefined; full = findFull(backlog, room)) {
    const slowest = findSlowest(backlog, full)
    if (slowest === undefined) return
    setBacklog(backlog, slowest, 0)
    backlog.cutTooSlow(slowest)
  }
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
