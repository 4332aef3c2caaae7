import { WebSocket } from 'ws'
import type { Connection } from './connection.ts'
import type { Hub } from './hub.ts'
import type { HostedRoom } from './room.ts'

// What is sent and not read yet waits in memory: it is counted for each connection, its room and the process.

/** Sends one message. False when the peer reads too slowly to be sent more: the caller ends the connection. */
export function send(hub: Hub, connection: Connection, message: Buffer): boolean {
  const { socket } = connection
  if (socket.readyState !== WebSocket.OPEN) return true
  if (socket.bufferedAmount > hub.limits.bufferedMaxBytes) return false
  const recount = () => setBacklog(hub, connection, socket.bufferedAmount)
  socket.send(message, { binary: false }, recount)
  recount()
  return true
}

/** Counts the bytes that wait for a connection; 0 once it is closed. */
export function setBacklog(hub: Hub, connection: Connection, bytes: number): void {
  const added = bytes - connection.backlogBytes
  if (added === 0) return
  connection.backlogBytes = bytes
  hub.backlogBytes += added
  const room = hub.connections.get(connection)
  if (room !== undefined) room.backlogBytes += added
}

/** Cuts off whoever has the most waiting, for as long as a room or the process holds more for its readers than it may. */
export function trimBacklog(hub: Hub, room: HostedRoom): void {
  // A cut is announced to the others, who may be slow too: the loop that cut sees to them.
  if (hub.isTrimming) return
  hub.isTrimming = true
  for (let full = findFull(hub, room); full !== undefined; full = findFull(hub, room)) {
    const slowest = findSlowest(hub, full)
    if (slowest === undefined) break
    setBacklog(hub, slowest, 0)
    hub.cutTooSlow(slowest)
  }
  hub.isTrimming = false
}

/** This room where it holds too much; where the process does, the one that holds most: others are not to suffer for it. */
function findFull({ limits, backlogBytes, connections }: Hub, room: HostedRoom): HostedRoom | undefined {
  if (room.backlogBytes > limits.roomBufferedMaxBytes) return room
  if (backlogBytes <= limits.processBufferedMaxBytes) return undefined
  let fullest = room
  for (const other of connections.values()) {
    if (other !== undefined && other.backlogBytes > fullest.backlogBytes) fullest = other
  }
  return fullest
}

/** Also one that is being closed: what waits for it is in memory until it has read it. */
function findSlowest({ connections }: Hub, room: HostedRoom): Connection | undefined {
  let slowest: Connection | undefined
  for (const [connection, itsRoom] of connections) {
    if (itsRoom !== room || connection.backlogBytes <= (slowest?.backlogBytes ?? 0)) continue
    slowest = connection
  }
  return slowest
}
