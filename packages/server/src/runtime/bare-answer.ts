import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorBody } from '@rollcall/protocol'

/** How long a peer may take to close after its answer, in milliseconds: a connection that is half open costs a descriptor. */
const lingerMs = 500

/** Answers on a connection that has no reply to a request, in the shape of every error, and closes it, whatever the peer does. */
export function answerBare(
  socket: Duplex,
  answer: Omit<ErrorBody, 'requestId'>,
  headers: { [name: string]: string | number } = {},
): void {
  const { statusCode } = answer
  const requestId = randomUUID()
  const body = JSON.stringify({ ...answer, requestId } satisfies ErrorBody)
  const lines = Object.entries({
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-request-id': requestId,
    connection: 'close',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, ...lines, '', body].join('\r\n'))
  // Not at once: what the peer still sends would make its system throw away the answer unread.
  const timer = setTimeout(() => socket.destroy(), lingerMs)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
}
