import { type ErrorBody, retryAfterSeconds, statusOf } from '@rollcall/protocol'
import type { Logger } from 'pino'
import { Refusal } from '../../error.ts'
import { bodyMaxBytes } from '../limits.ts'
import { type ErrorDialect, ourWords, type RefusalCode } from './refusals.ts'

type Answer = Omit<ErrorBody, 'requestId' | 'code'> & { code: RefusalCode }

type Request = { id: string; routeOptions?: { bodyLimit?: number | undefined } }
type Reply = {
  code(statusCode: number): unknown
  header(name: string, value: string | number): unknown
  send(body: object): unknown
}

/** The one place where an error becomes an answer. An error that is no refusal is a fault of the server: it is logged, and not shown. */
export function createErrorHandler(log: Logger, dialect: ErrorDialect = ourWords) {
  return (error: unknown, request: Request, reply: Reply): void => {
    const answer = toAnswer(error, request)
    if (answer.statusCode === 500) log.error({ requestId: request.id, err: error }, 'request failed')
    if (answer.statusCode === 503 || answer.statusCode === 429) reply.header('retry-after', retryAfterSeconds)
    const { message, ...rest } = answer
    const body = { ...rest, requestId: request.id, ...(message !== undefined && { message }) }
    const { status, name } = dialect.toNamed(answer.code, answer.statusCode)
    reply.code(status)
    reply.header('x-request-id', request.id)
    reply.send(dialect.toBody(name, body))
  }
}

function toAnswer(error: unknown, { routeOptions }: Request): Answer {
  if (error instanceof Refusal) {
    const { code, message, explained } = error
    return { statusCode: statusOf[code], error: message, code, ...(explained !== undefined && { message: explained }) }
  }
  const { statusCode, message } = error as { statusCode?: unknown; message?: unknown }
  // Fastify's own: what it could not read.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    if (statusCode === 413) {
      const maxBytes = routeOptions?.bodyLimit ?? bodyMaxBytes
      return { statusCode, error: `The body is larger than ${maxBytes} bytes`, code: 'TOO_LARGE' }
    }
    if (statusCode === 415) {
      const takes = 'it takes a media type, such as application/json'
      return { statusCode, error: `The content-type is not understood: ${takes}`, code: 'UNSUPPORTED_MEDIA_TYPE' }
    }
    return { statusCode, error: String(message), code: 'BAD_REQUEST' }
  }
  return { statusCode: 500, error: 'Something went wrong on the server; its log has this requestId', code: 'INTERNAL' }
}
