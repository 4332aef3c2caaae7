import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TokenVerifier } from '../api/auth/token.ts'
import { createTokenBuckets } from '../api/auth/token-bucket.ts'
import { nameOf, type RoomLeases } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { createIntake, createSpread } from '../runtime/turns.ts'
import { type CountStranger, createSocketServer, refuseUpgrade, type Upgrade } from '../runtime/upgrades.ts'
import type { CommandedRooms } from '../sources/commands/commanded-rooms.ts'
import type { Commands } from '../sources/commands/commands.ts'
import { setBacklog } from './backlog.ts'
import { type Accepted, newConnection, takeCredit } from './connection.ts'
import { type Heartbeat, startHeartbeat } from './heartbeat.ts'
import type { Hub } from './hub.ts'
import { cut, depart, leave, refuse } from './leave.ts'
import { type RtcLimits, rtcLimits, scaleLimits } from './limits.ts'
import { receive } from './messages.ts'
import { createSampleIntake } from './quality.ts'
import { abandonRooms, removeParticipant, takeOut } from './removal.ts'
import { createReporter } from './reporter.ts'
import { applyRules } from './rules.ts'

/** The rooms that this process hosts, on `/v2/rtc`. */
export type HostedRooms = CommandedRooms & {
  /** Takes a socket that asks for `hostedRoomPath`. */
  upgrade: Upgrade
  socketCount(): number
  /** Closes every socket; resolves when all leaves are durable. */
  stop(): Promise<void>
}

/** Where hosted rooms are joined. */
export const hostedRoomPath = /^\/v2\/rtc\/?$/

type RoomsContext = Pick<Context, 'config' | 'clock' | 'log' | 'metrics' | 'reads' | 'writes' | 'record'>
type RoomsParts = {
  verifyToken: TokenVerifier
  /** Counts a join whose token is no good. */
  countStranger: CountStranger
  leases: RoomLeases
  endSessions: Commands['endSessions']
  limits?: RtcLimits | undefined
}

/**
 * A socket goes from `accept` here to `receive` (messages.ts), `join` and `enter` (join.ts), the record (reporter.ts),
 * `notifyRoom` (hub.ts) and, while it is inside, `act` (actions/); whatever ends it comes through `depart` (leave.ts).
 */
export function createHostedRooms(context: RoomsContext, parts: RoomsParts): HostedRooms {
  const hub = createHub(context, parts)
  const { connections, pending, limits } = hub
  // A message above this is not read to its end: ws closes with 1009. Up to it, the close has a name of ours.
  const sockets = createSocketServer({ maxPayload: 4 * limits.messageMaxBytes })
  const heartbeat = startHeartbeat(() => connections.keys(), limits, {
    silent: (one) => leave(hub, one, { inferred: 'connection-silent', at: one.lastSeenAt }, 'SILENT'),
    joinTimeout: (one) => refuse(hub, one, 'JOIN_TIMEOUT'),
  })
  parts.leases.serve({ isInUse: (lease) => hub.rooms.has(nameOf(lease)), lost: () => abandonRooms(hub) })
  let isStopping = false

  return {
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
      if (isStopping) return refuseUpgrade(socket, new Refusal('BUSY', 'The server is stopping'))
      const [oldest] = pending
      if (oldest !== undefined && pending.size >= limits.pendingMax) cut(hub, oldest, 'JOIN_TIMEOUT')
      sockets.handleUpgrade(request, socket, head, (accepted) =>
        accept(hub, heartbeat, { socket: accepted, stream: socket }, () => parts.countStranger(request) !== undefined),
      )
    },
    takeOut: (keyId, roomId) => takeOut(hub, keyId, roomId),
    applyRules: (keyId, roomId) => applyRules(hub, keyId, roomId),
    removeParticipant: (keyId, roomId, participantId) => removeParticipant(hub, keyId, roomId, participantId),
    socketCount: () => connections.size,
    async stop() {
      isStopping = true
      heartbeat.stop()
      const all = [...connections.keys()]
      await Promise.all(all.map((one) => leave(hub, one, { reason: 'server-stopping' }, 'SERVER_STOPPING')))
      await hub.reporter.settled()
      sockets.close()
    },
  }
}

function createHub(
  context: RoomsContext,
  { verifyToken, leases, endSessions, limits: unscaled = rtcLimits }: RoomsParts,
): Hub {
  const limits = scaleLimits(unscaled, context.config)
  const hub: Hub = {
    ...context,
    limits,
    verifyToken,
    leases,
    endSessions,
    reporter: createReporter(context, leases, limits),
    takeSample: createSampleIntake(context, limits),
    connections: new Map(),
    rooms: new Map(),
    pending: new Set(),
    intake: createIntake({ messagesMax: limits.messagesPerTurn, bytesMax: limits.bytesPerTurn }),
    spreadEntries: createSpread(limits.entriesPerTurn),
    // What a key's own servers sign has no end either: only who holds a secret has a bucket here.
    joins: createTokenBuckets(limits.joinsPerToken, Number.POSITIVE_INFINITY, limits.joinsMs),
    backlogBytes: 0,
    corked: new Set(),
    endTooSlow: (connection) => leave(hub, connection, { reason: 'too-slow' }, 'TOO_SLOW'),
    cutTooSlow: (connection) => cut(hub, connection, 'TOO_SLOW'),
  }
  return hub
}

function accept(hub: Hub, heartbeat: Heartbeat, accepted: Accepted, isStrangerTooMany: () => boolean): void {
  const { socket } = accepted
  const { clock, log, metrics } = hub
  const connection = newConnection(accepted, { now: clock.now(), beat: heartbeat.now(), isStrangerTooMany }, hub.limits)
  hub.connections.set(connection, undefined)
  hub.pending.add(connection)
  const touch = () => {
    connection.lastSeenAt = clock.now()
    connection.lastSeenBeat = heartbeat.now()
  }
  socket.on('pong', touch)
  // ws answers pings itself, and cuts off a peer that does not read the answers. Against the rate a ping is a message.
  socket.on('ping', () => {
    if (connection.state !== 'gone' && !takeCredit(connection, hub.limits)) refuse(hub, connection, 'TOO_MANY_MESSAGES')
  })
  socket.on('message', (data, isBinary) => {
    touch()
    hub.intake.take(socket, (data as Buffer).length, () => receive(hub, connection, data, isBinary))
  })
  socket.on('error', (error) => log.debug({ err: error }, 'socket failed'))
  socket.on('close', () => {
    hub.intake.finish(socket)
    metrics.noteSocketEnd(connection.closedAs ?? 'DISCONNECTED')
    depart(hub, connection, { reason: 'disconnected' })
    setBacklog(hub, connection, 0)
    hub.connections.delete(connection)
  })
}
