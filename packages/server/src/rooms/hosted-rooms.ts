import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ClientMessage, type CloseName, JoinMessage, type ServerMessage } from '@rollcall/protocol'
import { Compile } from 'typebox/compile'
import type { RawData, WebSocket } from 'ws'
import type { TokenVerifier } from '../api/auth/token.ts'
import type { Hold, RoomHolds } from '../cluster/room-leases.ts'
import type { Context } from '../context.ts'
import { Refusal } from '../error.ts'
import { createSocketServer, refuseUpgrade, type Upgrade } from '../runtime/upgrades.ts'
import type { CommandedRooms } from '../sources/commanded-rooms.ts'
import { checkJoin } from './admission.ts'
import { type Connection, closeSocket, newConnection, send, takeCredit } from './connection.ts'
import { startHeartbeat } from './heartbeat.ts'
import { type RtcLimits, rtcLimits } from './limits.ts'
import { createQualityIntake } from './quality.ts'
import { createAttendance, type Ending } from './reporter.ts'
import { broadcast, findInside, type HostedRoom, inState, nextMoment, ofParticipant, toPeer } from './room.ts'

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

const messageCheck = Compile(ClientMessage)
const participantIdCheck = Compile(JoinMessage.properties.participantId)
type Parsed = ClientMessage | { wrong: CloseName }

export function createHostedRooms(
  context: Pick<Context, 'config' | 'clock' | 'log' | 'metrics' | 'reads' | 'record'>,
  {
    verifyToken,
    holds,
    limits = rtcLimits,
  }: { verifyToken: TokenVerifier; holds: RoomHolds; limits?: RtcLimits | undefined },
): HostedRooms {
  const { config, clock, log, metrics, reads } = context
  const attendance = createAttendance(context, holds, limits)
  const takeSample = createQualityIntake(context, limits)
  const connections = new Map<Connection, HostedRoom | undefined>()
  const rooms = new Map<string, HostedRoom>()
  const strangers = new Set<Connection>()
  let stopping = false
  // A message beyond this is not read to its end: ws closes with 1009. Up to it, the close has its name.
  const sockets = createSocketServer({ maxPayload: 4 * limits.messageMaxBytes })
  const heartbeat = startHeartbeat(() => connections.keys(), limits, {
    silent,
    joinless: (one) => refuse(one, 'JOIN_TIMEOUT'),
  })

  // ---- sockets

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (stopping) return refuseUpgrade(socket, new Refusal('BUSY', 'The server is stopping'))
    const [oldest] = strangers
    if (oldest !== undefined && strangers.size >= limits.strangersMax) cut(oldest, 'JOIN_TIMEOUT')
    sockets.handleUpgrade(request, socket, head, accept)
  }

  function accept(socket: WebSocket): void {
    const connection = newConnection(socket, clock.now(), heartbeat.now(), limits)
    connections.set(connection, undefined)
    strangers.add(connection)
    const heard = () => {
      connection.heardAt = clock.now()
      connection.heardBeat = heartbeat.now()
    }
    socket.on('pong', heard)
    // ws answers a ping itself, and cuts off whoever does not take the answers: to the rate it is a message like others.
    socket.on('ping', () => {
      if (connection.state !== 'gone' && !takeCredit(connection, limits)) refuse(connection, 'TOO_MANY_MESSAGES')
    })
    socket.on('message', (data, isBinary) => {
      heard()
      receive(connection, data, isBinary)
    })
    socket.on('error', (error) => log.debug({ err: error }, 'a socket failed'))
    socket.on('close', () => {
      metrics.noteSocketEnd(connection.closedAs ?? 'DISCONNECTED')
      depart(connection, { reason: 'disconnected' })
      connections.delete(connection)
    })
  }

  function receive(connection: Connection, data: RawData, isBinary: boolean): void {
    if (connection.state === 'gone') return
    if (!takeCredit(connection, limits)) return refuse(connection, 'TOO_MANY_MESSAGES')
    const message = parse(data, isBinary, limits)
    if ('wrong' in message) return refuse(connection, message.wrong)
    if (message.type === 'ping') return tell(connection, { type: 'pong' })
    if (message.type === 'leave') return void leave(connection, { reason: 'left' }, 'NORMAL')
    if (connection.state === 'stranger') {
      if (message.type !== 'join') return refuse(connection, 'INVALID_MESSAGE')
      join(connection, message).catch((error) => {
        log.error({ err: error }, 'a join failed')
        refuse(connection, 'NOT_RECORDED')
      })
      return
    }
    const room = connections.get(connection)
    if (room === undefined || connection.state !== 'inside') {
      return tell(connection, { type: 'error', code: 'NOT_INSIDE', message: `${message.type} needs you to be inside` })
    }
    act(room, connection, message)
  }

  // ---- coming in

  async function join(connection: Connection, message: ClientMessage & { type: 'join' }): Promise<void> {
    become(connection, 'checked')
    const admission = await checkJoin(context, verifyToken, message)
    if (connection.state !== 'checked') return
    if ('refused' in admission) return refuse(connection, admission.refused)
    const { keyId, identity, mayEnter } = admission
    const hold = await holds.take(keyId, admission.room.roomId)
    if (connection.state !== 'checked') return
    if ('address' in hold) {
      tell(connection, { type: 'redirect', url: `${hold.address.replace(/^http/, 'ws')}/v2/rtc` })
      return refuse(connection, 'MOVED')
    }
    const room = openRoom(keyId, hold.roomId, hold)
    connection.identity = identity
    const older = () => [...ofParticipant(room, identity.participantId, 'waiting', 'entering', 'inside')]
    if (room.connections.size - older().length >= config.roomSocketsMax) {
      forgetIfEmpty(room)
      return refuse(connection, 'MAX_PARTICIPANT_REACHED')
    }
    room.connections.add(connection)
    connections.set(connection, room)
    // Who closes a room disables it, then takes out whom they find in it: whoever came too late to be found finds it disabled.
    const isClosed = (await reads.findRoom(keyId, room.roomId))?.disabled !== false
    if (connection.state !== 'checked') return
    if (isClosed) return refuse(connection, 'INVALID_MEETING_ID')
    if (mayEnter) return enter(room, connection)

    for (const one of older()) if (one.state === 'waiting') refuse(one, 'DUPLICATE_PARTICIPANT')
    become(connection, 'waiting')
    tell(connection, { type: 'waiting', roomId: room.roomId, participantId: identity.participantId })
    tellAll(room, { type: 'entry-requested', participantId: identity.participantId, name: identity.name }, mayAdmit)
  }

  async function enter(room: HostedRoom, connection: Connection): Promise<void> {
    const { participantId = '' } = connection.identity ?? {}
    const older = [...ofParticipant(room, participantId, 'waiting', 'entering', 'inside')]
    become(connection, 'entering')
    const sessionId = await attendance.join(room, connection)
    if (connection.state !== 'entering') return

    // All in one turn of the loop, so that whoever is inside is either in the list or told of later.
    become(connection, 'inside')
    const others = [...inState(room, 'inside')].filter((one) => one.identity?.participantId !== participantId)
    const { roomId } = room
    const { iceServers } = config
    const participants = others.map(toPeer)
    tell(connection, {
      type: 'joined',
      sessionId,
      roomId,
      participantId,
      connectionId: connection.id,
      participants,
      iceServers,
    })
    tellAll(room, { type: 'participant-joined', ...toPeer(connection) }, (one) => one !== connection)
    for (const one of older) if (one !== connection) replace(one)
    if (!mayAdmit(connection)) return
    for (const { identity } of inState(room, 'waiting')) {
      const { participantId = '', name = '' } = identity ?? {}
      tell(connection, { type: 'entry-requested', participantId, name })
    }
  }

  /** A newer connection takes the place of an older one: alive, its stay ends now; silent, it ended at its last pong. */
  function replace(older: Connection): void {
    if (older.replaced || older.state === 'gone') return
    older.replaced = true
    if (older.state === 'waiting') return refuse(older, 'DUPLICATE_PARTICIPANT')
    const { heardAt, heardBeat } = older
    let alive = false
    const settle = () => {
      clearTimeout(timer)
      older.socket.off('pong', answered)
      older.socket.off('message', answered)
      const ending: Ending = alive ? { reason: 'replaced' } : { inferred: 'connection-silent', at: heardAt }
      leave(older, ending, 'DUPLICATE_PARTICIPANT')
    }
    const answered = () => {
      alive = true
      settle()
    }
    const timer = setTimeout(() => {
      // Its answer may lie unread in the socket of a loop that stalled.
      setImmediate(() => {
        alive ||= older.heardBeat > heardBeat
        settle()
      })
    }, limits.probeMs)
    older.socket.on('pong', answered)
    older.socket.on('message', answered)
    if (older.socket.readyState === older.socket.OPEN) older.socket.ping()
  }

  // ---- being inside

  function act(room: HostedRoom, connection: Connection, message: ClientMessage): void {
    const { participantId: from = '', permissions } = connection.identity ?? {}
    const forbidden = (right: string) =>
      tell(connection, { type: 'error', code: 'FORBIDDEN', message: `${message.type} needs the permission ${right}` })
    const nobody = (who: string) =>
      tell(connection, {
        type: 'error',
        code: 'PARTICIPANT_NOT_FOUND',
        message: `${message.type}: ${who} is not there`,
      })

    switch (message.type) {
      case 'signal': {
        const target = findInside(room, message.to)
        if (target === undefined) return nobody(message.to)
        return tell(target, { type: 'signal', from: connection.id, data: message.data })
      }
      case 'mute': {
        if (!permissions?.has('allow_mod')) return forbidden('allow_mod')
        const targets = [...ofParticipant(room, message.participantId, 'inside')]
        if (targets.length === 0) return nobody(message.participantId)
        for (const target of targets) tell(target, { ...message, from })
        return
      }
      case 'remove': {
        if (!permissions?.has('allow_mod')) return forbidden('allow_mod')
        const targets = [...ofParticipant(room, message.participantId, 'inside', 'entering')]
        if (targets.length === 0) return nobody(message.participantId)
        for (const target of targets) leave(target, { reason: 'removed' }, 'REMOVED')
        return
      }
      case 'admit':
      case 'deny': {
        if (!mayAdmit(connection)) return forbidden('allow_join')
        const asking = [...ofParticipant(room, message.participantId, 'waiting')]
        if (asking.length === 0) return nobody(message.participantId)
        const { participantId } = message
        const outcome = message.type === 'admit' ? 'admitted' : 'denied'
        for (const one of asking) {
          if (message.type === 'deny') refuse(one, 'DENIED', false)
          else {
            enter(room, one).catch((error) => {
              log.error({ err: error }, 'a join failed')
              refuse(one, 'NOT_RECORDED')
            })
          }
        }
        return tellAll(room, { type: 'entry-settled', participantId, outcome }, mayAdmit)
      }
      case 'stats': {
        const untaken = takeSample(room, connection, message)
        if (untaken !== undefined) tell(connection, { type: 'error', ...untaken })
        return
      }
      case 'join':
        return tell(connection, { type: 'error', code: 'ALREADY_INSIDE', message: 'join comes once a connection' })
      case 'leave':
      case 'ping':
        return
    }
  }

  function tell(connection: Connection, message: ServerMessage): void {
    if (!send(connection, message, limits)) tooSlow(connection)
  }

  function tellAll(room: HostedRoom, message: ServerMessage, test?: (connection: Connection) => boolean): void {
    for (const connection of broadcast(room, message, limits, test)) tooSlow(connection)
  }

  // ---- going

  function silent(connection: Connection): void {
    leave(connection, { inferred: 'connection-silent', at: connection.heardAt }, 'SILENT')
  }

  function tooSlow(connection: Connection): void {
    leave(connection, { reason: 'too-slow' }, 'TOO_SLOW')
  }

  /** Ends a stay: durable before the close is sent, so that whoever is closed finds it in the record. */
  async function leave(connection: Connection, ending: Ending, close: CloseName | 'NORMAL'): Promise<void> {
    await depart(connection, ending)
    await closeSocket(connection, close, limits)
  }

  /** Sends somebody away, who may or may not have come in. */
  function refuse(connection: Connection, close: CloseName, announced = true): void {
    depart(connection, { reason: toReason(close) }, announced)
    closeSocket(connection, close, limits)
  }

  /** Ends a socket at once: nobody waits for the peer to answer a close. */
  function cut(connection: Connection, close: CloseName): void {
    depart(connection, { reason: toReason(close) })
    connection.closedAs ??= close
    connection.socket.terminate()
  }

  /** The one end of every connection: once, whoever calls. Resolves for each when the leave, if there is one, is durable. */
  function depart(connection: Connection, ending: Ending, announced = true): Promise<void> {
    connection.departed ??= end(connection, ending, announced)
    return connection.departed
  }

  async function end(connection: Connection, ending: Ending, announced: boolean): Promise<void> {
    const { state, identity } = connection
    if (state === 'gone') return
    become(connection, 'gone')
    const room = connections.get(connection)
    if (room === undefined || identity === undefined) return
    room.connections.delete(connection)
    const { participantId } = identity
    if (state === 'waiting' && announced) {
      tellAll(room, { type: 'entry-settled', participantId, outcome: 'withdrawn' }, mayAdmit)
    }
    if (state === 'inside') {
      const reason = 'reason' in ending ? ending.reason : ending.inferred
      tellAll(room, { type: 'participant-left', participantId, connectionId: connection.id, reason })
    }
    const left = state === 'inside' || state === 'entering' ? attendance.leave(room, connection, ending) : undefined
    forgetIfEmpty(room)
    await left
  }

  // ---- rooms

  function openRoom(keyId: number, roomId: string, hold?: Hold): HostedRoom {
    const name = `${keyId} ${roomId}`
    const room = rooms.get(name) ?? { keyId, roomId, connections: new Set(), lastAt: 0, hold }
    rooms.set(name, room)
    return room
  }

  /** Other processes hold the rooms now, and have concluded that everybody left them. */
  function abandonAll(): void {
    for (const room of rooms.values()) {
      for (const connection of room.connections) {
        become(connection, 'gone')
        closeSocket(connection, 'MOVED', limits)
      }
      room.connections.clear()
    }
    rooms.clear()
  }

  function forgetIfEmpty(room: HostedRoom): void {
    if (room.connections.size === 0) rooms.delete(`${room.keyId} ${room.roomId}`)
  }

  function become(connection: Connection, state: Connection['state']): void {
    strangers.delete(connection)
    connection.state = state
  }

  holds.serve({ isInUse: ({ keyId, roomId }) => rooms.has(`${keyId} ${roomId}`), lost: abandonAll })
  return {
    upgrade,
    takeOut(keyId, roomId) {
      const room = openRoom(keyId, roomId)
      const all = [...room.connections]
      const staying = [...inState(room, 'entering', 'inside')]
      for (const connection of all) become(connection, 'gone')
      room.connections.clear()
      forgetIfEmpty(room)
      const close = async (name: CloseName) => {
        await Promise.all(all.map((connection) => closeSocket(connection, name, limits)))
      }
      return {
        at: nextMoment(room, clock.now()),
        close,
        async leave(name) {
          const reason = toReason(name)
          await Promise.all(staying.map((connection) => attendance.leave(room, connection, { reason })))
          await close(name)
        },
      }
    },
    async removeParticipant(keyId, roomId, participantId) {
      const room = rooms.get(`${keyId} ${roomId}`)
      const targets = room === undefined ? [] : [...ofParticipant(room, participantId, 'entering', 'inside')]
      await Promise.all(targets.map((target) => leave(target, { reason: 'removed' }, 'REMOVED')))
      return targets.length > 0
    },
    socketCount: () => connections.size,
    async stop() {
      stopping = true
      heartbeat.stop()
      const all = [...connections.keys()]
      await Promise.all(all.map((one) => leave(one, { reason: 'server-stopping' }, 'SERVER_STOPPING')))
      await attendance.settled()
      sockets.close()
    },
  }
}

/** A close, as the record tells it. */
function toReason(close: CloseName): string {
  return close.toLowerCase().replaceAll('_', '-')
}

function mayAdmit({ identity }: Connection): boolean {
  return identity?.permissions.has('allow_join') === true
}

function parse(data: RawData, isBinary: boolean, limits: RtcLimits): Parsed {
  if (isBinary) return { wrong: 'INVALID_MESSAGE' }
  const bytes = data as Buffer
  if (bytes.length > limits.messageMaxBytes) return { wrong: 'MESSAGE_TOO_BIG' }
  let message: unknown
  try {
    message = JSON.parse(bytes.toString())
  } catch {
    return { wrong: 'INVALID_MESSAGE' }
  }
  if (messageCheck.Check(message)) return message
  const { type, participantId } = (message ?? {}) as { type?: unknown; participantId?: unknown }
  const isWrongId = type === 'join' && participantId !== undefined && !participantIdCheck.Check(participantId)
  return { wrong: isWrongId ? 'INVALID_PARTICIPANT_ID' : 'INVALID_MESSAGE' }
}
