import type { ClientMessage, QualityReport } from '@rollcall/protocol'
import { describeDevice } from './device.ts'
import { NotJoined } from './error.ts'
import type { RoomLimits } from './limits.ts'
import type { Reconnection } from './reconnection.ts'

/** What the room is told. */
export type RoomSender = {
  /** @throws NotJoined while not inside. RangeError where it is too large, or too much waits for the network */
  say(message: ClientMessage): void
  /** Says how the media went, where that can be said at once: it is nothing to say later. */
  sayQuality(report: QualityReport): void
}

export function createRoomSender(reconnection: Reconnection, limits: RoomLimits): RoomSender {
  /** The connection on which the room was told what measures. */
  let describedOn: string | undefined

  function say(message: ClientMessage): void {
    const socket = reconnection.openSocket()
    if (socket === undefined) {
      throw new NotJoined(`${message.type} takes a room that is joined; this one is ${explain(reconnection)}`)
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

  return {
    say,
    sayQuality(report) {
      if (reconnection.openSocket()?.bufferedBytes() !== 0) return
      const connectionId = reconnection.inside?.connectionId
      const isDescribed = describedOn === connectionId
      describedOn = connectionId
      say({ type: 'stats', ...report, ...(!isDescribed && describeDevice(globalThis.navigator?.userAgent)) })
    },
  }
}

function explain({ state, isLeaving }: Reconnection): string {
  if (isLeaving) return 'leaving'
  return state === 'joined' ? 'losing its connection' : state
}
