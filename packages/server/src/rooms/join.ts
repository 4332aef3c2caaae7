import { createHash } from 'node:crypto'
import { hostedSource } from '@rollcall/protocol'
import { checkJoin, type Join } from './admission.ts'
import type { Connection, Identity } from './connection.ts'
import { forgetIfEmpty, type Hub, mayAdmit, nameOf, notify, notifyRoom, openRoom, seat, setState } from './hub.ts'
import { refuse } from './leave.ts'
import { replace } from './replacement.ts'
import { countInside, type HostedRoom, inState, ofParticipant, toPeer } from './room.ts'
import { toTurnServer } from './turn.ts'

/** Sessions that are looked through for the hosted one of a room: other reporters may name the same room. */
const runningMax = 10

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
  if ('refused' in admission) {
    const isStranger = admission.refused === 'INVALID_TOKEN' || admission.refused === 'INVALID_API_KEY'
    const isTooMany = isStranger && connection.isStrangerTooMany()
    return refuse(hub, connection, isTooMany ? 'TOO_MANY_JOINS' : admission.refused)
  }
  const { keyId, identity, mayEnter } = admission
  if (!countJoin(hub, message.token, { keyId, roomId: admission.room.roomId })) {
    return refuse(hub, connection, 'TOO_MANY_JOINS')
  }
  const lease = await hub.leases.take(keyId, admission.room.roomId)
  if (connection.state !== 'checking') return
  if ('address' in lease) {
    notify(hub, connection, { type: 'redirect', url: `${lease.address.replace(/^http/, 'ws')}/v2/rtc` })
    return refuse(hub, connection, 'MOVED')
  }
  const room = openRoom(hub, keyId, lease.roomId, lease)
  connection.identity = identity
  if (mayEnter ? isFull(hub, room, identity) : isWaitingRoomFull(hub, room, identity)) {
    forgetIfEmpty(hub, room)
    return refuse(hub, connection, 'MAX_PARTICIPANT_REACHED')
  }
  seat(hub, room, connection)
  // A room is closed by disabling it and then taking out everybody in it: whoever was added too late for that reads here
  // that it is disabled.
  const [found, isCrowded] = await Promise.all([
    hub.reads.rooms.find(keyId, room.roomId),
    isSessionCrowded(hub, room, identity),
  ])
  if (connection.state !== 'checking') return
  if (found?.disabled !== false) return refuse(hub, connection, 'INVALID_MEETING_ID')
  if (isCrowded) return refuse(hub, connection, 'MAX_PARTICIPANT_REACHED')
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
    iceServers: listIceServers(hub, connection),
  })
  notifyRoom(hub, room, { type: 'participant-joined', ...toPeer(connection) }, (one) => one !== connection)
  for (const one of older) if (one !== connection) replace(hub, one)
  if (!mayAdmit(connection)) return
  for (const { identity } of inState(room, 'waiting')) {
    const { participantId = '', name = '' } = identity ?? {}
    notify(hub, connection, { type: 'entry-requested', participantId, name })
  }
}

function listIceServers({ config, clock }: Hub, { id }: Connection): unknown[] {
  const { iceServers, turn } = config
  return turn === undefined ? iceServers : [...iceServers, toTurnServer(turn, id, clock.now())]
}

/** Counts a join of a token, by what of it is signed: a signature can be written in several ways. False where it made too many. */
function countJoin({ joins }: Hub, token: string, room: Pick<HostedRoom, 'keyId' | 'roomId'>): boolean {
  const signed = createHash('sha256')
    .update(token.slice(0, token.lastIndexOf('.')))
    .digest('base64')
  return joins.count(`${nameOf(room)} ${signed}`).allowed
}

/** Whether there is no place inside for one more. Their older connections make way for them, and count for nothing. */
export function isFull({ config }: Hub, room: HostedRoom, { participantId }: Identity): boolean {
  const own = [...ofParticipant(room, participantId, 'entering', 'inside')].length
  return countInside(room) - own >= config.roomSocketsMax
}

function isWaitingRoomFull({ limits }: Hub, room: HostedRoom, { participantId }: Identity): boolean {
  const own = [...ofParticipant(room, participantId, 'waiting')].length
  return room.connections.size - countInside(room) - own >= limits.waitingMax
}

/** Whether the session that runs in the room has as many people as it may, and this is none of them. */
async function isSessionCrowded(
  { reads, limits }: Hub,
  room: HostedRoom,
  { participantId }: Identity,
): Promise<boolean> {
  const running = await reads.sessions.listRunningInRoom(room.keyId, room.roomId, runningMax)
  const session = running.find(({ source }) => source === hostedSource)
  if (session === undefined || session.people < limits.sessionPeopleMax) return false
  return (await reads.sessions.getParticipant(room.keyId, session.id, participantId)) === undefined
}

/** The connections of one participant that count as theirs: a newer one replaces them. */
function listOwn(room: HostedRoom, { participantId }: { participantId: string }): Connection[] {
  return [...ofParticipant(room, participantId, 'waiting', 'entering', 'inside')]
}
