import type { CloseName, ServerMessage } from '@rollcall/protocol'
import { nameOf } from '../cluster/room-leases.ts'
import { checkJoin, type Join } from './admission.ts'
import type { Connection, Identity } from './connection.ts'
import { forgetIfEmpty, type Hub, mayAdmit, notify, notifyRoom, openRoom, seat, setState } from './hub.ts'
import { refuse } from './leave.ts'
import { replace } from './replacement.ts'
import { isMoved } from './reporter.ts'
import { countInside, type HostedRoom, inState, ofParticipant, toPeer } from './room.ts'
import { tellRules } from './rules.ts'
import { toTurnServer } from './turn.ts'

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
    // Whoever joins again is told where the room is by then.
    if (isMoved(error)) return refuse(hub, connection, 'MOVED')
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
  const { keyId, identity, mayEnter, counted } = admission
  if (!hub.joins.count(`${nameOf({ keyId, roomId: admission.room.roomId })} ${counted}`).allowed) {
    return refuse(hub, connection, 'TOO_MANY_JOINS')
  }
  const lease = await hub.leases.take(keyId, admission.room.roomId)
  if (connection.state !== 'checking') return
  if ('address' in lease) {
    notify(hub, connection, { type: 'redirect', url: `${lease.address.replace(/^http/, 'ws')}/v2/rtc` })
    return refuse(hub, connection, 'MOVED')
  }
  const room = openRoom(hub, keyId, lease.roomId, lease)
  room.name = admission.room.customRoomId
  connection.identity = identity
  if (mayEnter ? isFull(hub, room, identity) : isWaitingRoomFull(hub, room, identity)) {
    forgetIfEmpty(hub, room)
    return refuse(hub, connection, 'MAX_PARTICIPANT_REACHED')
  }
  seat(hub, room, connection)
  const { rulesTold } = room
  const standing = await readStanding(hub, room, identity)
  if (connection.state !== 'checking') return
  if ('refused' in standing) return refuse(hub, connection, standing.refused)
  if (standing.isOpen) connection.foundOpenAt = rulesTold
  if (mayEnter && !standing.hasToAsk) return enter(hub, room, connection)
  if (mayEnter && isWaitingRoomFull(hub, room, identity)) return refuse(hub, connection, 'MAX_PARTICIPANT_REACHED')
  wait(hub, room, connection)
}

/**
 * Whether the room takes this person now. It is read once they have their seat: whoever closes or locks a room, or keeps somebody
 * out, writes that down and then looks who is there, so that of the two one sees the other. `isOpen`: it has no rules to tell of.
 */
async function readStanding(
  { reads, limits }: Hub,
  { keyId, roomId }: HostedRoom,
  { participantId, link, permissions }: Identity,
): Promise<{ refused: CloseName } | { hasToAsk: boolean; isOpen: boolean }> {
  const standing = await reads.keptOut.standing({ keyId, roomId, participantId, link })
  if (standing?.disabled !== false) return { refused: 'INVALID_MEETING_ID' }
  const { session, locked, keptOut } = standing
  if (keptOut === 'they') return { refused: 'KEPT_OUT' }
  const isCrowded = session !== undefined && session.people >= limits.sessionPeopleMax
  const isLocked = locked && !permissions.has('allow_mod')
  const isOpen = !locked && keptOut === undefined
  if (!isCrowded && !isLocked && keptOut !== 'link') return { hasToAsk: false, isOpen }
  // Whoever was inside before may come back.
  if (session !== undefined && (await reads.sessions.getParticipant(keyId, session.id, participantId)) !== undefined) {
    return { hasToAsk: false, isOpen }
  }
  if (isLocked) return { refused: 'ROOM_LOCKED' }
  return isCrowded ? { refused: 'MAX_PARTICIPANT_REACHED' } : { hasToAsk: true, isOpen }
}

function wait(hub: Hub, room: HostedRoom, connection: Connection): void {
  const { participantId = '' } = connection.identity ?? {}
  for (const one of listOwn(room, { participantId })) {
    if (one.state === 'waiting') refuse(hub, one, 'DUPLICATE_PARTICIPANT')
  }
  setState(hub, connection, 'waiting')
  notify(hub, connection, { type: 'waiting', roomId: room.roomId, participantId })
  notifyRoom(hub, room, toRequest(connection), mayAdmit)
}

function toRequest(connection: Connection): ServerMessage & { type: 'entry-requested' } {
  const { participantId, name, nameSource } = toPeer(connection)
  return { type: 'entry-requested', participantId, name, ...(nameSource !== undefined && { nameSource }) }
}

async function enter(hub: Hub, room: HostedRoom, connection: Connection): Promise<void> {
  const { participantId = '' } = connection.identity ?? {}
  const older = listOwn(room, { participantId })
  setState(hub, connection, 'entering')
  markAlike(hub, room, connection)
  const sessionId = await hub.reporter.join(room, connection)
  await new Promise<void>(hub.spreadEntries)
  if (connection.state !== 'entering') return
  connection.sessionId = sessionId

  // All in one turn of the loop: each of the others is either in the list, or announced to this one later.
  setState(hub, connection, 'inside')
  const others = [...inState(room, 'inside')].filter((one) => one.identity?.participantId !== participantId)
  const { name, nameSource } = toPeer(connection)
  notify(hub, connection, {
    type: 'joined',
    sessionId,
    roomId: room.roomId,
    participantId,
    connectionId: connection.id,
    name,
    ...(nameSource !== undefined && { nameSource }),
    roomName: room.name,
    participants: others.map(toPeer),
    iceServers: listIceServers(hub, connection),
  })
  notifyRoom(hub, room, { type: 'participant-joined', ...toPeer(connection) }, (one) => one !== connection)
  for (const one of older) if (one !== connection) replace(hub, one)
  if (connection.foundOpenAt !== room.rulesTold) {
    tellRules(hub, room, connection).catch((err) => hub.log.error({ err }, 'rules of a room not told'))
  }
  if (!mayAdmit(connection)) return
  for (const one of inState(room, 'waiting')) notify(hub, connection, toRequest(one))
}

/** Of two inside whose names look alike one says itself what it is called: everybody sees which. */
function markAlike(hub: Hub, room: HostedRoom, { identity }: Connection): void {
  if (identity === undefined) return
  const others = [...inState(room, 'entering', 'inside')].filter(
    (one) => one.identity?.participantId !== identity.participantId && one.identity?.look === identity.look,
  )
  if (identity.nameSource !== 'bound') {
    if (others.length > 0) identity.nameSource = 'alike'
    return
  }
  for (const other of others) {
    if (other.identity?.nameSource !== 'typed') continue
    other.identity.nameSource = 'alike'
    const { participantId } = other.identity
    notifyRoom(hub, room, { type: 'name-marked', participantId, nameSource: 'alike' })
    hub.reporter.tellName(room, other)
  }
}

function listIceServers({ config, clock }: Hub, { id }: Connection): unknown[] {
  const { iceServers, turn } = config
  return turn === undefined ? iceServers : [...iceServers, toTurnServer(turn, id, clock.now())]
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

/** The connections of one participant that count as theirs: a newer one replaces them. */
function listOwn(room: HostedRoom, { participantId }: { participantId: string }): Connection[] {
  return [...ofParticipant(room, participantId, 'waiting', 'entering', 'inside')]
}
