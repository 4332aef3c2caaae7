import type { ServerMessage } from '@rollcall/protocol'
import { readToken, type TokenSource } from '../token.ts'
import { mayHeal, nameClose } from './closes.ts'
import type { Join } from './join.ts'
import type { RoomLimits } from './limits.ts'
import type { RoomClose } from './live-room.ts'
import { lostCode, openRoomSocket, type RoomSocket } from './socket.ts'

/** What a connection is made of. */
export type ConnectionOptions = {
  /** Where it is asked for at first: ws or wss. */
  address: string
  token: TokenSource
  /** As it is at the moment of each join. */
  join: Readonly<Join>
  limits: RoomLimits
}

/** What a room says, but for where else it is held. */
export type RoomMessage = Exclude<ServerMessage, { type: 'redirect' }>

/** Why a room, or a connection to it, is over, and what failed. */
export type CausedClose = RoomClose & { cause?: unknown }

/** What a connection tells of itself. `ended` comes once, and nothing after it. */
export type ConnectionListener = {
  heard(message: RoomMessage): void
  /** `mayHeal`: another connection may go better. */
  ended(close: CausedClose, mayHeal: boolean): void
}

/** One connection to a room: a token, the join, the servers that it is sent on to, and the end. */
export type RoomConnection = {
  /** What to send on; undefined while nothing can be sent. */
  openSocket(): RoomSocket | undefined
  /** Asks the server to end it. */
  leave(): void
  /** Ends it without a word: `ended` is not told. */
  abandon(): void
}

export function openRoomConnection(options: ConnectionOptions, tell: ConnectionListener): RoomConnection {
  const { address, join, limits } = options
  let socket: RoomSocket | undefined
  /** How often the join under way was sent on. */
  let redirects = 0
  let isLeaving = false
  let isOver = false
  open(address)

  async function open(to: string): Promise<void> {
    let token: string
    try {
      token = await within(limits.tokenMs, readToken(options.token))
    } catch (cause) {
      return end({ code: lostCode, name: 'TOKEN_UNAVAILABLE', cause }, true)
    }
    if (isOver) return
    const opened = () => socket?.send({ type: 'join', token, ...join })
    try {
      socket = openRoomSocket(to, limits, { opened, heard, closed })
    } catch (cause) {
      // A browser forbids it, as it forbids http from a page of https; or there is no WebSocket here at all.
      end({ code: lostCode, name: 'CONNECTION_LOST', cause }, false)
    }
  }

  function heard(message: ServerMessage): void {
    if (message.type === 'redirect') return follow(message.url)
    if (message.type === 'joined' || message.type === 'waiting') redirects = 0
    tell.heard(message)
  }

  /** The room is held by another server: the same join goes there. */
  function follow(to: string): void {
    redirects += 1
    socket?.abandon()
    socket = undefined
    if (isLeaving || redirects > limits.redirectsMax || !/^wss?:/.test(to)) closed(lostCode)
    else open(to)
  }

  function closed(code: number): void {
    end({ code, name: nameClose(code) }, mayHeal(code))
  }

  function end(close: CausedClose, heals: boolean): void {
    if (isOver) return
    isOver = true
    socket = undefined
    tell.ended(close, heals)
  }

  return {
    openSocket: () => (socket?.isOpen() === true ? socket : undefined),
    leave() {
      isLeaving = true
      socket?.send({ type: 'leave' })
    },
    abandon() {
      isOver = true
      socket?.abandon()
      socket = undefined
    },
  }
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
