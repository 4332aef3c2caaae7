/** The API answered with an error, or did not answer. */
export class RollcallError extends Error {
  override name = 'RollcallError'
  /** The HTTP status; undefined where no answer came. */
  statusCode: number | undefined
  /**
   * A stable name for programs, such as `SESSION_NOT_FOUND`. `UNREACHABLE`: no answer came; `UNEXPECTED_ANSWER`: what
   * answered was not Rollcall.
   */
  code: string
  /** The id under which the server's log has the request. */
  requestId: string | undefined
  /** When the server asks to try again, in seconds. */
  retryAfterSeconds: number | undefined

  constructor(
    message: string,
    {
      cause,
      ...fields
    }: { statusCode?: number; code: string; requestId?: string; retryAfterSeconds?: number; cause?: unknown },
  ) {
    super(message, { cause })
    this.statusCode = fields.statusCode
    this.code = fields.code
    this.requestId = fields.requestId
    this.retryAfterSeconds = fields.retryAfterSeconds
  }
}
