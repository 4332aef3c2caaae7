import type { ClientMessage, Peer, QualityReport, ServerMessage } from '@rollcall/protocol'
// By their own path: the rest of the protocol brings its schemas and their validator, which a browser has no use for.
import { nameMaxLength, participantIdMaxLength } from '@rollcall/protocol/ids'
import { backoffMs } from './backoff.ts'
import { parseBaseUrl } from './base-url.ts'
import { describeDevice } from './device.ts'
import { createEvents, type Events } from './events.ts'
import { createQualityWatch, type Measurable } from './quality-watch.ts'
import { mayHeal, nameClose, type RoomCloseName } from './room-closes.ts'
import { NotJoined, RoomClosed } from './room-error.ts'
import { type RoomLimits, roomLimits } from './room-limits.ts'
import { lostCode, openRoomSocket, type RoomSocket } from './room-socket.ts'
import { requireText } from './text.ts'
import { readToken, type TokenSource } from './token.ts'

/** Who joins which room. */
export type JoinOptions = {
  /** The server's address, as for the API: http or https. */
  url: string
  /** A token with the role `rtc`, or a function that is asked for a fresh one at each connection. */
  token: TokenSource
  /** The room's `roomId` or `customRoomId`. */
  roomId: string
  /** At most 256 characters. Where it is not given, the token's, or one that the server makes. */
  participantId?: string
  /** As others see it: at most 512 characters. */
  name?: string
  /** Anything JSON can say in 8,192 characters, nested at most 32 deep; the others get it with `participant-joined`. */
  metadata?: unknown
  /** Other times and sizes than `roomLimits`. */
  limits?: Partial<RoomLimits>
}

/**
 * connecting: the first connection is on its way; waiting: somebody inside has to admit; joined: inside; reconnecting: a
 * connection was lost or did not come about, and another is tried; closed: for good.
 */
export type RoomState = 'connecting' | 'waiting' | 'joined' | 'reconnecting' | 'closed'

type Message<Type extends ServerMessage['type']> = ServerMessage & { type: Type }

/** Why a connection, or the room, is over. */
export type RoomClose = { code: number; name: RoomCloseName }

/** What happens in a room, as listeners get it. */
export type LiveRoomEvents = {
  /** You are inside, for the first time or again: `participants` is the list to go on from, and `connectionId` is new. */
  joined: Message<'joined'>
  /** Your token may only ask to come in, and somebody inside was asked. */
  waiting: Message<'waiting'>
  /** Somebody else came in. A connection that takes the place of an older one comes before the older one leaves. */
  'participant-joined': Message<'participant-joined'>
  'participant-left': Message<'participant-left'>
  signal: Message<'signal'>
  /** A moderator asks you to mute; it is your program that does it. Without a `kind`: everything. */
  mute: Message<'mute'>
  /** Somebody asks to come in: `admit` or `deny` them. Told to those who may. */
  'entry-requested': Message<'entry-requested'>
  'entry-settled': Message<'entry-settled'>
  /** A connection ended, or did not come about: another is tried after `delayMs`. */
  reconnecting: RoomClose & { attempt: number; delayMs: number; cause?: unknown }
  /** The room is over for you. */
  closed: RoomClose & { willReconnect: false; cause?: unknown }
  /** The server could not do what was asked; you are still inside. */
  error: Message<'error'>
}

/** Somebody's place in a hosted room: it outlives the single connections. */
export type LiveRoom = Pick<Events<LiveRoomEvents>, 'on'> & {
  readonly state: RoomState
  /** As it was given; the room's own id once the server said it. */
  readonly roomId: string
  /** Undefined until the server gave one, where none was asked for. */
  readonly participantId: string | undefined
  /** Undefined while not inside. */
  readonly sessionId: string | undefined
  /** Where signals for you are sent; each connection has its own. Undefined while not inside. */
  readonly connectionId: string | undefined
  /** The others inside, by participant id. While reconnecting: as last heard. */
  readonly participants: ReadonlyMap<string, Peer>
  /** For `new RTCPeerConnection({ iceServers })`. Empty while not inside. */
  readonly iceServers: IceServer[]
  /** Resolves with the room when you are inside for the first time; rejects with a `RoomClosed` where it closed before. */
  readonly joined: Promise<LiveRoom>
  /**
   * Sends anything JSON can say to one connection, whose room carries it unread: it gets `signal`, with `from`.
   * @throws NotJoined while not inside: nothing is kept for later. RangeError where it is larger than 64 KiB
   */
  signal(connectionId: string, data: unknown): void
  /** Asks somebody to mute. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  mute(participantId: string, kind?: 'audio' | 'video'): void
  /** Removes somebody from the room. Takes `allow_mod`, otherwise `error` comes. @throws NotJoined while not inside */
  remove(participantId: string): void
  /** Lets somebody in who waits. Takes `allow_join`, otherwise `error` comes. @throws NotJoined while not inside */
  admit(participantId: string): void
  /** Sends somebody away who waits. Takes `allow_join`, otherwise `error` comes. @throws NotJoined while not inside */
  deny(participantId: string): void
  /**
   * Leaves, and never rejects. Resolves when the room is closed: with the leave in the server's record, or without its
   * answer after 5 s, or at once where there is no connection to tell it on.
   */
  leave(): Promise<void>
  /**
   * Measures a peer connection's media while you are inside, every 10 s and together with the others that are given, and
   * tells the room: it keeps what it is told with your part of the session. It goes on until the connection is closed.
   * @param connection an `RTCPeerConnection`, or what has its `getStats` and `connectionState`
   * @returns a function that ends it
   * @throws TypeError where there is no `getStats`
   * @example
   * const stop = room.watchQuality(new RTCPeerConnection({ iceServers: room.iceServers }))
   */
  watchQuality(connection: Measurable): () => void
}

/** As `RTCPeerConnection` takes it. */
export type IceServer = { urls: string | string[]; username?: string; credential?: string }

/**
 * Joins a hosted room. The room comes at once, so that you can listen while it connects or waits; `joined` resolves when you
 * are inside.
 *
 * A connection that is lost is followed by another, as the same participant, so that the session goes on: after a
 * random wait that doubles each time up to 10 s, for 5 minutes (before the first join: 30 s). Closes that would only come
 * again are final: `closed` tells their name.
 *
 * @throws TypeError where an option is not usable, naming it and what it takes
 * @example
 * const room = joinRoom({ url: 'https://rooms.example.org', token, roomId: 'standup', name: 'Ann' })
 * room.on('waiting', () => console.log('somebody has to let you in'))
 * room.on('participant-joined', ({ name }) => console.log(`${name} is here`))
 * room.on('closed', ({ name }) => console.log(`over: ${name}`))
 * await room.joined
 * for (const { connectionId } of room.participants.values()) room.signal(connectionId, { hello: 'world' })
 * await room.leave()
 */
export function joinRoom(options: JoinOptions): LiveRoom {
  const join = toJoin(options)
  const address = `${parseBaseUrl(options.url).replace(/^http/, 'ws')}/v2/rtc`
  const limits = { ...roomLimits, ...options.limits }
  const { on, emit } = createEvents<LiveRoomEvents>()
  const joined = Promise.withResolvers<LiveRoom>()
  const over = Promise.withResolvers<void>()
  const others = new Map<string, Peer>()
  const quality = createQualityWatch(limits.qualityIntervalMs, tellQuality)

  let state: RoomState = 'connecting'
  let inside: Message<'joined'> | undefined
  let wasTaken = false
  let socket: RoomSocket | undefined
  let next: ReturnType<typeof setTimeout> | undefined
  /** Set while a leave waits for the server. */
  let leaving: ReturnType<typeof setTimeout> | undefined
  /** The connection on which the room was told what measures. */
  let describedOn: string | undefined
  /** When the server last took us in, as somebody inside or waiting. */
  let takenAt: number | undefined
  /** How often the join under way was sent on. */
  let redirects = 0
  let trouble = { since: performance.now(), failures: 0 }

  // Who listens for `closed` need not await `joined`: its rejection is nobody's oversight.
  joined.promise.catch(() => {})
  connect()

  // ---- connections

  async function connect(to = address): Promise<void> {
    let token: string
    try {
      token = await within(limits.tokenMs, readToken(options.token))
    } catch (cause) {
      return retry({ code: lostCode, name: 'TOKEN_UNAVAILABLE', cause })
    }
    if (state === 'closed') return
    const opened = () => socket?.send({ type: 'join', token, ...join })
    try {
      socket = openRoomSocket(to, limits, { opened, heard, closed: lose })
    } catch (cause) {
      // A browser forbids it, as it forbids http from a page of https; or there is no WebSocket here at all.
      finish({ code: lostCode, name: 'CONNECTION_LOST', cause })
    }
  }

  /** The room is held by another server: the same join goes there. Later connections ask at the given address again. */
  function follow(to: string): void {
    redirects += 1
    socket?.abandon()
    socket = undefined
    if (redirects > limits.redirectsMax || !/^wss?:/.test(to)) lose(lostCode)
    else if (leaving !== undefined) finish({ code: lostCode, name: 'LEFT' })
    else connect(to)
  }

  function lose(code: number): void {
    socket = undefined
    const name = nameClose(code)
    if (leaving !== undefined) finish({ code, name: name === 'CONNECTION_LOST' || code === 1000 ? 'LEFT' : name })
    else if (mayHeal(code)) retry({ code, name })
    else finish({ code, name })
  }

  function retry(close: RoomClose & { cause?: unknown }): void {
    if (state === 'closed') return
    const now = performance.now()
    if (takenAt !== undefined && now - takenAt >= limits.steadyMs) trouble = { since: now, failures: 0 }
    takenAt = undefined
    inside = undefined
    redirects = 0
    trouble.failures += 1
    if (now - trouble.since > (wasTaken ? limits.reconnectForMs : limits.connectForMs)) return finish(close)
    state = 'reconnecting'
    const delayMs = backoffMs(trouble.failures, limits.backoff)
    next = setTimeout(() => connect(), delayMs)
    emit('reconnecting', { ...close, attempt: trouble.failures, delayMs })
  }

  function finish(close: RoomClose & { cause?: unknown }): void {
    state = 'closed'
    clearTimeout(next)
    clearTimeout(leaving)
    quality.stop()
    socket?.abandon()
    socket = undefined
    inside = undefined
    others.clear()
    joined.reject(new RoomClosed(join.roomId, close))
    over.resolve()
    emit('closed', { ...close, willReconnect: false })
  }

  // ---- what the room says

  function heard(message: ServerMessage): void {
    switch (message.type) {
      case 'joined':
        take(message, 'joined')
        inside = message
        others.clear()
        for (const peer of message.participants) others.set(peer.participantId, peer)
        joined.resolve(room)
        return emit('joined', message)
      case 'waiting':
        take(message, 'waiting')
        return emit('waiting', message)
      case 'participant-joined': {
        const { type, ...peer } = message
        if (peer.participantId === join.participantId) return
        others.set(peer.participantId, peer)
        return emit(type, message)
      }
      case 'participant-left': {
        const { type, participantId, connectionId } = message
        if (participantId === join.participantId) return
        // An older connection of somebody who is inside on a newer one leaves them inside.
        if (others.get(participantId)?.connectionId === connectionId) others.delete(participantId)
        return emit(type, message)
      }
      case 'signal':
        return emit('signal', message)
      case 'mute':
        return emit('mute', message)
      case 'entry-requested':
        return emit('entry-requested', message)
      case 'entry-settled':
        return emit('entry-settled', message)
      case 'error':
        return emit('error', message)
      case 'redirect':
        return follow(message.url)
      case 'pong':
        return
      default:
        // What a newer server may say is nothing to this client.
        return message satisfies never
    }
  }

  function take({ roomId, participantId }: { roomId: string; participantId: string }, as: 'joined' | 'waiting'): void {
    state = as
    redirects = 0
    takenAt = performance.now()
    wasTaken = true
    join.roomId = roomId
    // Coming back as the same participant is what lets the session go on.
    join.participantId = participantId
  }

  // ---- what the room is told

  function say(message: ClientMessage): void {
    if (state !== 'joined' || leaving !== undefined || socket?.isOpen() !== true) {
      const now = leaving !== undefined ? 'leaving' : state === 'joined' ? 'losing its connection' : state
      throw new NotJoined(`${message.type} takes a room that is joined; this one is ${now}`)
    }
    const text = JSON.stringify(message)
    const bytes = new TextEncoder().encode(text).length
    if (bytes > limits.messageMaxBytes) {
      throw new RangeError(`${message.type} is ${bytes} bytes: a message takes at most ${limits.messageMaxBytes}`)
    }
    if (socket.bufferedBytes() + bytes > limits.bufferedMaxBytes) {
      throw new RangeError(`${limits.bufferedMaxBytes} bytes wait for the network already: ${message.type} is too much`)
    }
    socket.sendText(text)
  }

  function tellQuality(report: QualityReport): void {
    // What cannot be told at once is nothing to tell later.
    if (state !== 'joined' || leaving !== undefined || socket?.isOpen() !== true || socket.bufferedBytes() > 0) return
    const isDescribed = describedOn === inside?.connectionId
    describedOn = inside?.connectionId
    say({ type: 'stats', ...report, ...(!isDescribed && describeDevice(globalThis.navigator?.userAgent)) })
  }

  function leave(): Promise<void> {
    if (state === 'closed' || leaving !== undefined) return over.promise
    if (socket?.isOpen() === true) {
      leaving = setTimeout(() => finish({ code: lostCode, name: 'LEFT' }), limits.leaveMs)
      socket.send({ type: 'leave' })
    } else finish({ code: 1000, name: 'LEFT' })
    return over.promise
  }

  const room: LiveRoom = {
    on,
    get state() {
      return state
    },
    get roomId() {
      return join.roomId
    },
    get participantId() {
      return join.participantId
    },
    get sessionId() {
      return inside?.sessionId
    },
    get connectionId() {
      return inside?.connectionId
    },
    participants: others,
    get iceServers() {
      return (inside?.iceServers ?? []) as IceServer[]
    },
    joined: joined.promise,
    signal(connectionId, data) {
      say({ type: 'signal', to: requireText('connectionId', connectionId), data: requireJson('data', data) })
    },
    mute(participantId, kind) {
      if (kind !== undefined && kind !== 'audio' && kind !== 'video') {
        throw new TypeError(`kind=${kind} is not understood: it takes audio, video or nothing`)
      }
      say({ type: 'mute', participantId: requireId(participantId), ...(kind && { kind }) })
    },
    remove: (participantId) => say({ type: 'remove', participantId: requireId(participantId) }),
    admit: (participantId) => say({ type: 'admit', participantId: requireId(participantId) }),
    deny: (participantId) => say({ type: 'deny', participantId: requireId(participantId) }),
    leave,
    watchQuality(connection) {
      if (typeof connection?.getStats !== 'function') {
        throw new TypeError(`connection is ${typeof connection}: it takes an RTCPeerConnection`)
      }
      return state === 'closed' ? () => {} : quality.add(connection)
    },
  }
  return room
}

type Join = Pick<JoinOptions, 'roomId' | 'participantId' | 'name' | 'metadata'>

function toJoin({ token, roomId, participantId, name, metadata }: JoinOptions): Join {
  if (typeof token !== 'function') requireText('token', token)
  return {
    roomId: requireText('roomId', roomId),
    ...(participantId !== undefined && { participantId: requireId(participantId) }),
    ...(name !== undefined && { name: requireText('name', name, nameMaxLength) }),
    ...(metadata !== undefined && { metadata: requireJson('metadata', metadata) }),
  }
}

function requireId(participantId: string): string {
  return requireText('participantId', participantId, participantIdMaxLength)
}

function requireJson(name: string, value: unknown): unknown {
  if (JSON.stringify(value) !== undefined) return value
  throw new TypeError(`${name} is ${typeof value}: it takes what JSON can say`)
}

/** Rejects where the promise takes longer. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no token came within ${timeoutMs} ms`)), timeoutMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
