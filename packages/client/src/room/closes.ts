// By their own paths: the rest of the protocol brings its schemas and their validator, which a browser has no use for.
import { type CloseName, closeNameOf } from '@rollcall/protocol/close-codes'

/**
 * Why a room closed. `LEFT`: you left; `CONNECTION_LOST`: nothing more was heard; `TOKEN_UNAVAILABLE`: the token function
 * failed; `UNKNOWN`: a code that this client does not know; the others are the server's.
 */
export type RoomCloseName = CloseName | 'LEFT' | 'CONNECTION_LOST' | 'TOKEN_UNAVAILABLE' | 'UNKNOWN'

/** Whether another connection may go better, for each close that a server can name. */
const fates: { [name in CloseName]: 'heals' | 'final' } = {
  // The next answer would be the same: the token, the room or the request has to change first.
  INVALID_API_KEY: 'final',
  INVALID_TOKEN: 'final',
  INVALID_MEETING_ID: 'final',
  INVALID_PARTICIPANT_ID: 'final',
  INVALID_PERMISSIONS: 'final',
  UNAUTHORIZED_ROOM_ID: 'final',
  // Whether to stand in line for a full room is for people to say.
  MAX_PARTICIPANT_REACHED: 'final',
  // Two connections of one participant would push each other out without end.
  DUPLICATE_PARTICIPANT: 'final',
  // Somebody decided it.
  REMOVED: 'final',
  DENIED: 'final',
  SESSION_ENDED: 'final',
  ROOM_CLOSED: 'final',
  ROOM_LOCKED: 'final',
  KEPT_OUT: 'final',
  // A mistake of the program, which it would make again.
  MESSAGE_TOO_BIG: 'final',
  TOO_MANY_MESSAGES: 'final',
  INVALID_MESSAGE: 'final',
  // The network was slow or gone for a while.
  TOO_SLOW: 'heals',
  JOIN_TIMEOUT: 'heals',
  SILENT: 'heals',
  // The server asks to be tried again.
  NOT_RECORDED: 'heals',
  SERVER_STOPPING: 'heals',
  MOVED: 'heals',
  TOO_MANY_JOINS: 'heals',
}

/** The closes without a name of ours that may heal: what a lost network, a proxy or a server in trouble looks like. */
const healingCodes = new Set([
  1001, // going away
  1005, // closed without a code, as proxies do
  1006, // no close was heard, or no connection came about
  1011, // the server failed
  1012, // it restarts
  1013, // it is busy
  1014, // a gateway got no good answer
])

/** False where another connection would end the same way, or must not be tried. */
export function mayHeal(code: number): boolean {
  const name = closeNameOf(code)
  return name === undefined ? healingCodes.has(code) : fates[name] === 'heals'
}

export function nameClose(code: number): RoomCloseName {
  return closeNameOf(code) ?? (healingCodes.has(code) ? 'CONNECTION_LOST' : 'UNKNOWN')
}
