import type { CloseName } from '@rollcall/protocol'

/** What commands ask of the rooms that this process hosts. */
export type CommandedRooms = {
  /**
   * Takes everybody out of a room, within this turn of the event loop: whoever joins later begins a new session. It records
   * no leaves: the caller records the end of the session, which ends every stay, and then closes the sockets.
   */
  takeOut(keyId: number, roomId: string): TakenOut
  /** Removes a participant: durable and closed when it resolves. False where nobody of that id is inside. */
  removeParticipant(keyId: number, roomId: string, participantId: string): Promise<boolean>
  /** Who may come in is another now: whoever may not be there goes, and everybody inside is told. */
  applyRules(keyId: number, roomId: string): Promise<void>
}

/** People who are out of a room, and whose sockets are still open. */
export type TakenOut = {
  /** No fact of theirs is later than this. */
  at: number
  /** Resolves when every socket is closed. */
  close(close: CloseName): Promise<void>
  /** For people whose stays no end of a session ends: records each leave. Resolves when all are durable, and every socket closed. */
  leave(close: CloseName): Promise<void>
}
