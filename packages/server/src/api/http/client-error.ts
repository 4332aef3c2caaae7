import type { Socket } from 'node:net'
import { answerBare } from '../../runtime/bare-answer.ts'
import type { Metrics } from '../../runtime/metrics.ts'
import { headersMaxBytes } from '../limits.ts'
import { isAnswered } from './early-answers.ts'

/** Answers what is not HTTP, or came too slowly, and closes: there is no request to log. */
export function createClientErrorHandler(metrics: Metrics) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswered(socket)) {
      socket.destroy()
      return
    }
    const { statusCode, text } = explain(error.code)
    metrics.noteUnreadable(statusCode)
    answerBare(socket, { statusCode, error: text, code: 'BAD_REQUEST' })
  }
}

function explain(code: string | undefined): { statusCode: 400 | 408 | 431; text: string } {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return { statusCode: 431, text: `The headers are larger than ${headersMaxBytes} bytes` }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { statusCode: 408, text: 'The request did not come in time' }
    default:
      return { statusCode: 400, text: 'This is not HTTP' }
  }
}
