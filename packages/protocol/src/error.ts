import { Type } from 'typebox'

/** Every error the API answers: a status, a sentence, a code for programs, and the id of the request. */
export const ErrorBody = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The same as the HTTP status.' }),
    error: Type.String({ description: 'A sentence that names what was wrong and what to do.' }),
    code: Type.String({ description: 'A stable name for programs, such as SESSION_NOT_FOUND.' }),
    requestId: Type.String({ description: 'The same as the x-request-id header.' }),
    message: Type.Optional(
      Type.String({
        description: 'Of a token that is not good: `error`, whose words clients match, and after it the cause.',
      }),
    ),
  },
  { $id: 'ErrorBody', description: 'What was wrong, for people and for programs.' },
)
export type ErrorBody = Type.Static<typeof ErrorBody>

/** Words that public clients show or match, kept as the hosted service says them. */
export const tokenMissingMessage =
  "Please login to continue!. Token not provided inside https request headers 'authorization'"
export const tokenInvalidMessage = 'Token is invalid or expired'

/** What may be refused, by name. `statusOf` gives each its HTTP status. */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'TOKEN_MISSING'
  | 'TOKEN_INVALID'
  | 'SIGNATURE_INVALID'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_SUPPORTED'
  | 'UPGRADE_REQUIRED'
  | 'ROOM_NOT_FOUND'
  | 'SESSION_NOT_FOUND'
  | 'PARTICIPANT_NOT_FOUND'
  | 'PERSON_NOT_FOUND'
  | 'KEY_NOT_FOUND'
  | 'USER_NOT_FOUND'
  | 'SIGN_IN_NOT_FOUND'
  | 'SHARE_NOT_FOUND'
  | 'SIGN_IN_REFUSED'
  | 'SCHEDULE_NOT_FOUND'
  | 'SOURCE_NOT_FOUND'
  | 'PROJECT_NOT_FOUND'
  | 'LINK_NOT_FOUND'
  | 'INVITE_NOT_FOUND'
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

/** The HTTP status of each refusal. */
export const statusOf: { [code in ErrorCode]: number } = {
  BAD_REQUEST: 400,
  TOKEN_MISSING: 401,
  TOKEN_INVALID: 401,
  ROOM_ID_NEEDED: 402,
  SIGNATURE_INVALID: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_SUPPORTED: 405,
  UPGRADE_REQUIRED: 426,
  ROOM_NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  PARTICIPANT_NOT_FOUND: 404,
  PERSON_NOT_FOUND: 404,
  KEY_NOT_FOUND: 404,
  USER_NOT_FOUND: 404,
  SIGN_IN_NOT_FOUND: 404,
  SHARE_NOT_FOUND: 404,
  SIGN_IN_REFUSED: 401,
  SCHEDULE_NOT_FOUND: 404,
  SOURCE_NOT_FOUND: 404,
  PROJECT_NOT_FOUND: 404,
  LINK_NOT_FOUND: 404,
  INVITE_NOT_FOUND: 404,
  WEBHOOK_NOT_FOUND: 404,
  DELIVERY_NOT_FOUND: 404,
  NO_SESSION_OPEN: 409,
  CONFLICT: 409,
  ROOM_MOVED: 409,
  TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  BUSY: 503,
}

/** When to try again after a 503 or a 429, in seconds. */
export const retryAfterSeconds = 1
