import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { turns } from '../../runtime/turns.ts'
import { lingerMaxBytes, lingerMs } from '../limits.ts'

const thrownAway = 'thrown away'
const lingering = new WeakSet<Socket>()

/** Whether a request that still comes was answered on this connection. */
export function isAnswered(socket: Socket): boolean {
  return lingering.has(socket)
}

/**
 * An answer that is given while its request still comes (too large, no token) has to arrive as that answer. Many clients send
 * all of a request before they read, and where the connection is closed before that, their system throws away what came. So the
 * answer is sent at once, whole, and its connection is held, and what comes is thrown away, until the request is over: for so
 * long and so much at most.
 */
export function lingerOverEarlyAnswers(app: FastifyInstance): void {
  app.addHook('onSend', ({ raw, method }, reply, payload, done) => {
    const isWhole = typeof payload === 'string' || payload instanceof Buffer
    if (!isWhole || raw.complete || method === 'HEAD' || !hasBody(raw)) return done(null, payload)
    // To close is left to us: Fastify says that the connection closes, and some clients then close it while they still send.
    reply.removeHeader('connection')
    reply.header('content-length', Buffer.byteLength(payload))
    done(null, Readable.from(linger(raw, payload)))
  })
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

async function* linger(request: IncomingMessage, payload: string | Buffer) {
  yield payload
  const { socket } = request
  lingering.add(socket)
  try {
    if (!(await isOver(request))) socket.destroySoon()
  } finally {
    lingering.delete(socket)
  }
}

/** False where it is not over in time. */
async function isOver(request: IncomingMessage): Promise<boolean> {
  const stop = new AbortController()
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > lingerMaxBytes) stop.abort()
    giveBack(chunk)
    // What is thrown away has no hurry: all of it together takes one piece in a turn of the event loop.
    request.pause()
    turns.next(thrownAway).then(() => request.resume())
  })
  request.resume()
  const timer = setTimeout(() => stop.abort(), lingerMs)
  try {
    if (!request.complete && !request.destroyed) await once(request, 'close', { signal: stop.signal })
    return true
  } catch {
    return !stop.signal.aborted
  } finally {
    clearTimeout(timer)
  }
}

/** Frees what a chunk holds at once: of as much as is thrown away, memory would be full before it is looked at for garbage. */
function giveBack({ buffer, byteLength }: Buffer): void {
  // A small one may share its memory with others.
  if (buffer.byteLength === byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
