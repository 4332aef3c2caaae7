import { checkJoin, type Join } from './admission.ts'
import type { Connection } from './connection.ts'
import { forgetIfEmpty, type Hub, mayAdmit, notify, notifyRoom, openRoom, setState } from './hub.ts'
import { refuse } from './leave.ts'
import { replace } from './replacement.ts'
import { type HostedRoom, inState, ofParticipant, toPeer } from './room.ts'

/** Brings a connection into its room, or lets it wait to be admitted, or refuses it. */
export function join(hub: Hub, connection: Connection, message: Join): void {
  refuseOnFailure(hub, connection, findRoomAndEnter(hub, connection, message))
}

/** Brings in a connection that waited to be admitted. */
export function admit(hub: Hub, room: HostedRoom, connection: Connection): void {
  refuseOnFailure(hub, connection, enter(hub, room, connection))
}

function refuseOnFailure(hub: Hub, connection: Connection, entry: Promise<void>): void {
  entry.catch((error) => {
    hub.log.error({ err: error }, 'join failed')
    refuse(hub, connection, 'NOT_RECORDED')
  })
}

/** After each wait the connection may be gone, or taken out by a command: its state says so. */
async function findRoomAndEnter(hub: Hub, connection: Connection, message: Join): Promise<void> {
  setState(hub, connection, 'checking')
  const admission = await checkJoin(hub, hub.verifyToken, message)
  if (connection.state !== 'checking') return
  if ('refused' in admission) return refuse(hub, connection, admission.refused)
  const { keyId, identity, mayEnter } = admission
  const lease = await hub.leases.take(keyId, admission.room.roomId)
  if (connection.state !== 'checking') return
  if ('address' in lease) {
    notify(hub, connection, { type: 'redirect', url: `${lease.address.replace(/^http/, 'ws')}/v2/rtc` })
    return refuse(hub, connection, 'MOVED')
  }
  const room = openRoom(hub, keyId, lease.roomId, lease)
  connection.identity = identity
  if (room.connections.size - listOwn(room, identity).length >= hub.config.roomSocketsMax) {
    forgetIfEmpty(hub, room)
    return refuse(hub, connection, 'MAX_PARTICIPANT_REACHED')
  }
  room.connections.add(connection)
  hub.connections.set(connection, room)
  // A room is closed by disabling it and then taking out everybody in it: whoever was added too late for that reads here
  // that it is disabled.
  const isClosed = (await hub.reads.rooms.find(keyId, room.roomId))?.disabled !== false
  if (connection.state !== 'checking') return
  if (isClosed) return refuse(hub, connection, 'INVALID_MEETING_ID')
  if (mayEnter) return enter(hub, room, connection)
  wait(hub, room, connection)
}

function wait(hub: Hub, room: HostedRoom, connection: Connection): void {
  const { participantId = '', name = '' } = connection.identity ?? {}
  for (const one of listOwn(room, { participantId })) {
    if (one.state === 'waiting') refuse(hub, one, 'DUPLICATE_PARTICIPANT')
  }
  setState(hub, connection, 'waiting')
  notify(hub, connection, { type: 'waiting', roomId: room.roomId, participantId })
  notifyRoom(hub, room, { type: 'entry-requested', participantId, name }, mayAdmit)
}

async function enter(hub: Hub, room: HostedRoom, connection: Connection): Promise<void> {
  const { participantId = '' } = connection.identity ?? {}
  const older = listOwn(room, { participantId })
  setState(hub, connection, 'entering')
  const sessionId = await hub.reporter.join(room, connection)
  if (connection.state !== 'entering') return

  // All in one turn of the loop: each of the others is either in the list, or announced to this one later.
  setState(hub, connection, 'inside')
  const others = [...inState(room, 'inside')].filter((one) => one.identity?.participantId !== participantId)
  notify(hub, connection, {
    type: 'joined',
    sessionId,
    roomId: room.roomId,
    participantId,
    connectionId: connection.id,
    participants: others.map(toPeer),
    iceServers: hub.config.iceServers,
  })
  notifyRoom(hub, room, { type: 'participant-joined', ...toPeer(connection) }, (one) => one !== connection)
  for (const one of older) if (one !== connection) replace(hub, one)
  if (!mayAdmit(connection)) return
  for (const { identity } of inState(room, 'waiting')) {
    const { participantId = '', name = '' } = identity ?? {}
    notify(hub, connection, { type: 'entry-requested', participantId, name })
  }
}

/** The connections of one participant that count as theirs: a newer one replaces them. */
function listOwn(room: HostedRoom, { participantId }: { participantId: string }): Connection[] {
  return [...ofParticipant(room, participantId, 'waiting', 'entering', 'inside')]
}
