import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import { createSpread } from '../../runtime/turns.ts'
import { headersMaxBytes, type Timeouts } from '../limits.ts'
import { inOrder } from './go-on.ts'
import { cutStalledReaders } from './stalled-readers.ts'

/** Requests that are begun in one turn of the event loop: each takes some tens of microseconds until it waits for something. */
const begunInTurn = 50

/** The server that listens, with TLS where the settings have it, and with a bound on how long anybody may take. */
export function createHttpServer({ tls }: Pick<Config, 'tls'>, timeouts: Timeouts, answer: RequestListener): Server {
  const { listener, goOn } = inOrder(spreadRequests(answer))
  const options: ServerOptions = {
    maxHeaderSize: headersMaxBytes,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: timeouts.checkMs,
    // Some clients offer HTTP/2 with their first request, which is to be answered all the same.
    shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
  }
  const server = tls
    ? createTlsServer({ ...options, ...tls, handshakeTimeout: timeouts.headersMs }, listener)
    : createServer(options, listener)
  // Whatever a caller expects of a server, it is answered as if it did not say so.
  server.on('checkExpectation', listener)
  server.on('checkContinue', goOn)
  cutStalledReaders(server, timeouts)
  return server
}

/** However many connections say something in one moment, or one says ahead: whether the server lives is answered all the same. */
function spreadRequests(answer: RequestListener): RequestListener {
  const spread = createSpread(begunInTurn)
  return (request, reply) => {
    if (request.url === '/livez') answer(request, reply)
    else spread(() => answer(request, reply))
  }
}

/** What came as HEAD, until its route is found. */
const heads = new WeakSet<IncomingMessage>()

/** HEAD is answered by the route of GET: there is none of its own. Node sends no body, since the request began as HEAD. */
export function routeHeadAsGet(answer: RequestListener): RequestListener {
  return (request, reply) => {
    if (request.method === 'HEAD') {
      heads.add(request)
      request.method = 'GET'
    }
    answer(request, reply)
  }
}

/** From here on what came as HEAD is one again, for whoever logs, counts or answers it. */
export function restoreHead(app: FastifyInstance): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.method === 'GET' && heads.delete(raw)) raw.method = 'HEAD'
    done()
  })
}
