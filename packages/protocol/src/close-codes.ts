/**
 * Why a hosted room closed a socket: the code and reason of the WebSocket close frame.
 * 4001 to 4022 are numbers that VideoSDK documents; from 4100 up they are Rollcall's own.
 */
export const closeCodes = {
  /** The token names no known, enabled API key. */
  INVALID_API_KEY: { code: 4001, reason: 'INVALID_API_KEY' },
  /** The token is malformed, expired, wrongly signed, or not made for joining. */
  INVALID_TOKEN: { code: 4002, reason: 'INVALID_TOKEN' },
  /** No such room, or the room is disabled. */
  INVALID_MEETING_ID: { code: 4003, reason: 'INVALID_MEETING_ID' },
  /** The participant id is malformed, or the room or token does not allow it. */
  INVALID_PARTICIPANT_ID: { code: 4004, reason: 'INVALID_PARTICIPANT_ID' },
  /** The same participant joined on another connection; this, the older one, goes. */
  DUPLICATE_PARTICIPANT: { code: 4005, reason: 'DUPLICATE_PARTICIPANT' },
  /** The token's permissions allow neither `allow_join` nor `ask_join`. */
  INVALID_PERMISSIONS: { code: 4008, reason: 'INVALID_PERMISSIONS' },
  /** The room holds as many connections as it may, or its waiting room does, or its session has as many people. */
  MAX_PARTICIPANT_REACHED: { code: 4009, reason: 'MAX_PARTICIPANT_REACHED' },
  /** The token is bound to another room. */
  UNAUTHORIZED_ROOM_ID: { code: 4022, reason: 'UNAUTHORIZED_ROOM_ID' },

  /** A moderator or the API removed this participant. */
  REMOVED: { code: 4100, reason: 'REMOVED' },
  /** The session was ended by a command. */
  SESSION_ENDED: { code: 4101, reason: 'SESSION_ENDED' },
  /** The room was disabled. */
  ROOM_CLOSED: { code: 4102, reason: 'ROOM_CLOSED' },
  /** The socket read more slowly than the room spoke. */
  TOO_SLOW: { code: 4103, reason: 'TOO_SLOW' },
  /** A message was larger than the limit. */
  MESSAGE_TOO_BIG: { code: 4104, reason: 'MESSAGE_TOO_BIG' },
  /** More messages a second than the limit. */
  TOO_MANY_MESSAGES: { code: 4105, reason: 'TOO_MANY_MESSAGES' },
  /** A message was not JSON, not of a known type, or lacked a field. */
  INVALID_MESSAGE: { code: 4106, reason: 'INVALID_MESSAGE' },
  /** No `join` came in time. */
  JOIN_TIMEOUT: { code: 4107, reason: 'JOIN_TIMEOUT' },
  /** No pong came for 30 s. */
  SILENT: { code: 4108, reason: 'SILENT' },
  /** A moderator denied entry from the waiting room. */
  DENIED: { code: 4109, reason: 'DENIED' },
  /** The join could not be made durable; join again. */
  NOT_RECORDED: { code: 4110, reason: 'NOT_RECORDED' },
  /** The server is stopping; join again in a moment. */
  SERVER_STOPPING: { code: 4111, reason: 'SERVER_STOPPING' },
  /** Another process holds the room: `redirect`, if it came before, said where. Join again. */
  MOVED: { code: 4112, reason: 'MOVED' },
  /** The token joined this room more often than it may, or the address sent more joins without a good token: join again later. */
  TOO_MANY_JOINS: { code: 4113, reason: 'TOO_MANY_JOINS' },
  /** The room is locked: nobody comes in who was not in its session before, but for hosts. */
  ROOM_LOCKED: { code: 4114, reason: 'ROOM_LOCKED' },
  /** A moderator or the API keeps this participant out of the room, until one of them lifts it. */
  KEPT_OUT: { code: 4115, reason: 'KEPT_OUT' },
} as const

export type CloseName = keyof typeof closeCodes

/** The name of a close code, or undefined for a code that is not Rollcall's (such as 1006). */
export function closeNameOf(code: number): CloseName | undefined {
  for (const [name, close] of Object.entries(closeCodes)) if (close.code === code) return name as CloseName
  return undefined
}
