import type { ClientMessage, ServerMessage } from '@rollcall/protocol'
import type { RoomLimits } from './limits.ts'

/** One socket to a room, from its opening to its end. */
export type RoomSocket = {
  /** True from the moment that it opened. */
  isOpen(): boolean
  send(message: ClientMessage): void
  sendText(text: string): void
  /** Bytes that were sent and are not on the network yet. */
  bufferedBytes(): number
  /** Ends it without a word: `closed` is not told. */
  abandon(): void
}

/** What a socket tells of itself. `closed` comes once, and nothing after it. */
export type SocketListener = {
  opened(): void
  heard(message: ServerMessage): void
  closed(code: number): void
}

/** The code of a close that nobody sent. */
export const lostCode = 1006
/** The code of a close that we conclude where the other side says what no room does. */
const notUnderstoodCode = 1007

/** A browser shows its page neither pings nor a network that is gone, so the room is asked in messages whether it is there. */
export function openRoomSocket(address: string, limits: RoomLimits, tell: SocketListener): RoomSocket {
  const socket = new WebSocket(address)
  const unheard = setTimeout(() => end(lostCode), limits.answerMs)
  let heartbeat: ReturnType<typeof setInterval> | undefined
  let unanswered = 0

  socket.onopen = () => {
    heartbeat = setInterval(beat, limits.pingIntervalMs)
    tell.opened()
  }
  socket.onmessage = ({ data }) => {
    clearTimeout(unheard)
    unanswered = 0
    const message = parse(data)
    if (message === undefined) end(notUnderstoodCode)
    else if (message.type !== 'pong') tell.heard(message)
  }
  socket.onclose = ({ code }) => end(code)
  // Node 22 tells of a connection that did not come about with this alone; later errors are followed by their close.
  socket.onerror = () => {
    if (heartbeat === undefined) end(lostCode)
  }

  /** Counts questions, not time: a page that slept has heard nothing, and is not alone for that. */
  function beat(): void {
    if (unanswered >= limits.unansweredMax) return end(lostCode)
    unanswered += 1
    send({ type: 'ping' })
  }

  /** A browser complains of each message to a socket that the other side has begun to close: nobody would read it. */
  function send(message: ClientMessage): void {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }

  function end(code: number): void {
    abandon()
    tell.closed(code)
  }

  function abandon(): void {
    clearTimeout(unheard)
    clearInterval(heartbeat)
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null
    socket.close()
  }

  return {
    isOpen: () => socket.readyState === WebSocket.OPEN,
    send,
    sendText: (text) => socket.send(text),
    bufferedBytes: () => socket.bufferedAmount,
    abandon,
  }
}

function parse(data: unknown): ServerMessage | undefined {
  try {
    const message = JSON.parse(String(data))
    return typeof message?.type === 'string' ? message : undefined
  } catch {
    return undefined
  }
}
