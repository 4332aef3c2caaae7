import type { RoomCloseName } from './closes.ts'

/** A room closed for good before anybody was inside. */
export class RoomClosed extends Error {
  override name = 'RoomClosed'
  /** The code of the WebSocket close; 1006 where no close was heard. */
  code: number
  /** What the code means, such as `INVALID_TOKEN`. */
  closeName: RoomCloseName

  constructor(roomId: string, close: { code: number; name: RoomCloseName; cause?: unknown }) {
    super(`The room ${roomId} was not joined: it closed with ${close.code} ${close.name}`, { cause: close.cause })
    this.code = close.code
    this.closeName = close.name
  }
}

/** Something was to be said in a room by somebody who is not inside at this moment. */
export class NotJoined extends Error {
  override name = 'NotJoined'
}
