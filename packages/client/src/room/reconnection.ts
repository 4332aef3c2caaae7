import {
  type CausedClose,
  type ConnectionOptions,
  openRoomConnection,
  type RoomConnection,
  type RoomMessage,
} from './connection.ts'
import type { Join } from './join.ts'
import type { LiveRoomEvents, Message, RoomState } from './live-room.ts'
import { createRetries } from './retries.ts'
import { lostCode, type RoomSocket } from './socket.ts'

/** The way into a room: a connection that is lost is followed by another, until the room is over. */
export type Reconnection = {
  readonly state: RoomState
  /** True while a leave waits for the server. */
  readonly isLeaving: boolean
  /** What the server said as it let us in; undefined while not inside. */
  readonly inside: Message<'joined'> | undefined
  /** What to send on while inside; undefined while nothing can be sent. */
  openSocket(): RoomSocket | undefined
  /** Never rejects. Resolves when the room is over. */
  leave(): Promise<void>
}

/** What happens on the way. `closed` comes once, and nothing after it. */
export type ReconnectionListener = {
  heard(message: RoomMessage): void
  reconnecting(event: LiveRoomEvents['reconnecting']): void
  closed(close: CausedClose): void
}

/** @param options of each connection; its `join` is told which room it is, and who we are, once the server said so */
export function keepConnected(options: ConnectionOptions & { join: Join }, tell: ReconnectionListener): Reconnection {
  const { join, limits } = options
  const over = Promise.withResolvers<void>()
  const retries = createRetries(limits)
  let state: RoomState = 'connecting'
  let inside: Message<'joined'> | undefined
  let connection: RoomConnection | undefined
  let next: ReturnType<typeof setTimeout> | undefined
  /** Set while a leave waits for the server. */
  let leaving: ReturnType<typeof setTimeout> | undefined
  connect()

  function connect(): void {
    connection = openRoomConnection(options, { heard, ended })
  }

  function heard(message: RoomMessage): void {
    if (message.type === 'joined' || message.type === 'waiting') {
      state = message.type
      retries.succeed()
      join.roomId = message.roomId
      // Coming back as the same participant is what lets the session go on.
      join.participantId = message.participantId
    }
    if (message.type === 'joined') inside = message
    tell.heard(message)
  }

  function ended(close: CausedClose, mayHeal: boolean): void {
    const hasLeft = leaving !== undefined && (close.name === 'CONNECTION_LOST' || close.code === 1000)
    if (hasLeft) finish({ ...close, name: 'LEFT' })
    else if (mayHeal && leaving === undefined) retry(close)
    else finish(close)
  }

  function retry(close: CausedClose): void {
    inside = undefined
    const again = retries.next()
    if (again === undefined) return finish(close)
    state = 'reconnecting'
    next = setTimeout(connect, again.delayMs)
    tell.reconnecting({ ...close, ...again })
  }

  function finish(close: CausedClose): void {
    state = 'closed'
    clearTimeout(next)
    clearTimeout(leaving)
    connection?.abandon()
    inside = undefined
    tell.closed(close)
    over.resolve()
  }

  function leave(): Promise<void> {
    if (state === 'closed' || leaving !== undefined) return over.promise
    if (connection?.openSocket() !== undefined) {
      leaving = setTimeout(() => finish({ code: lostCode, name: 'LEFT' }), limits.leaveMs)
      connection.leave()
    } else finish({ code: 1000, name: 'LEFT' })
    return over.promise
  }

  return {
    get state() {
      return state
    },
    get isLeaving() {
      return leaving !== undefined
    },
    get inside() {
      return inside
    },
    openSocket: () => (state === 'joined' && leaving === undefined ? connection?.openSocket() : undefined),
    leave,
  }
}
