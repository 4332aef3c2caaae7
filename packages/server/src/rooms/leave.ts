import type { CloseName } from '@rollcall/protocol'
import { type Connection, closeSocket } from './connection.ts'
import { forgetIfEmpty, type Hub, mayAdmit, notifyRoom, setState } from './hub.ts'
import type { Ending } from './reporter.ts'

/** Ends a stay: durable before the close is sent, so that whoever is closed finds it in the record. */
export async function leave(
  hub: Hub,
  connection: Connection,
  ending: Ending,
  close: CloseName | 'NORMAL',
): Promise<void> {
  await depart(hub, connection, ending)
  await closeSocket(connection, close, hub.limits)
}

/** Closes a connection that may or may not be inside, at once. `announced`: those who could admit it are notified. */
export function refuse(hub: Hub, connection: Connection, close: CloseName, announced = true): void {
  depart(hub, connection, { reason: toReason(close) }, announced)
  closeSocket(connection, close, hub.limits)
}

/** Destroys a socket: its peer is sent no close, so none has to be answered. */
export function cut(hub: Hub, connection: Connection, close: CloseName): void {
  depart(hub, connection, { reason: toReason(close) })
  connection.closedAs ??= close
  connection.socket.terminate()
}

/** The one end of every connection: the first caller's ending counts. Resolves for each caller when the leave, if there is one, is durable. */
export function depart(hub: Hub, connection: Connection, ending: Ending, announced = true): Promise<void> {
  connection.departed ??= departOnce(hub, connection, ending, announced)
  return connection.departed
}

async function departOnce(hub: Hub, connection: Connection, ending: Ending, announced: boolean): Promise<void> {
  const { state, identity } = connection
  if (state === 'gone') return
  setState(hub, connection, 'gone')
  const room = hub.connections.get(connection)
  if (room === undefined || identity === undefined) return
  room.connections.delete(connection)
  const { participantId } = identity
  if (state === 'waiting' && announced) {
    notifyRoom(hub, room, { type: 'entry-settled', participantId, outcome: 'withdrawn' }, mayAdmit)
  }
  if (state === 'inside') {
    const reason = 'reason' in ending ? ending.reason : ending.inferred
    notifyRoom(hub, room, { type: 'participant-left', participantId, connectionId: connection.id, reason })
  }
  const left = state === 'inside' || state === 'entering' ? hub.reporter.leave(room, connection, ending) : undefined
  forgetIfEmpty(hub, room)
  await left
}

/** A close, as the record names it. */
export function toReason(close: CloseName): string {
  return close.toLowerCase().replaceAll('_', '-')
}
