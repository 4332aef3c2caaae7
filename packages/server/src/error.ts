/** What may be refused, by name. `api/errors.ts` gives each its HTTP status. */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'TOKEN_MISSING'
  | 'TOKEN_INVALID'
  | 'SIGNATURE_INVALID'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'ROOM_NOT_FOUND'
  | 'SESSION_NOT_FOUND'
  | 'PARTICIPANT_NOT_FOUND'
  | 'SOURCE_NOT_FOUND'
  | 'LINK_NOT_FOUND'
  | 'WEBHOOK_NOT_FOUND'
  | 'DELIVERY_NOT_FOUND'
  | 'NO_SESSION_OPEN'
  | 'ROOM_ID_NEEDED'
  | 'CONFLICT'
  | 'ROOM_MOVED'
  | 'TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'TOO_MANY_REQUESTS'
  | 'BUSY'

/** A refusal that the caller is told about, in words that name the thing and what to do. */
export class Refusal extends Error {
  override name = 'Refusal'
  code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A reason not to start: one clear line for the terminal. */
export class StartRefusal extends Error {
  override name = 'StartRefusal'
}
