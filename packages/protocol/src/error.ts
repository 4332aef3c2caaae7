import { Type } from 'typebox'

/** Every error the API answers: a status, a sentence, a code for programs, and the id of the request. */
export const ErrorBody = Type.Object(
  {
    statusCode: Type.Integer({ description: 'The same as the HTTP status.' }),
    error: Type.String({ description: 'A sentence that names what was wrong and what to do.' }),
    code: Type.String({ description: 'A stable name for programs, such as SESSION_NOT_FOUND.' }),
    requestId: Type.String({ description: 'The same as the x-request-id header.' }),
  },
  { $id: 'ErrorBody', description: 'What was wrong, for people and for programs.' },
)
export type ErrorBody = Type.Static<typeof ErrorBody>

/** Words that public clients show or match, kept as the hosted service says them. */
export const tokenMissingMessage =
  "Please login to continue!. Token not provided inside https request headers 'authorization'"
export const tokenInvalidMessage = 'Token is invalid or expired'
