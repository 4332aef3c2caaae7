import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { createClientErrorHandler } from '../../src/api/http/client-error.ts'
import { Refusal } from '../../src/error.ts'
import { createMetrics } from '../../src/runtime/metrics.ts'
import { createSocketServer, refuseUpgrade, routeUpgrades, type Upgrade } from '../../src/runtime/upgrades.ts'
import { inEachTurn } from '../support/turns.ts'

const upgrade = (path: string, ...extra: string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'host: a', 'connection: upgrade', 'upgrade: websocket', ...extra].join('\r\n')}\r\n\r\n`

describe('a connection that was refused', () => {
  let server: Server
  const sockets: Socket[] = []
  before(async () => {
    const webSockets = createSocketServer({})
    server = createServer({ headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 })
    server.on('connection', (socket) => sockets.push(socket))
    server.on('clientError', createClientErrorHandler(createMetrics()))
    const routes: { path: RegExp; upgrade: Upgrade }[] = [
      { path: /^\/busy$/, upgrade: (_, socket) => refuseUpgrade(socket, new Refusal('BUSY', 'no')) },
      {
        path: /^\/handshake$/,
        upgrade: (request, socket, head) => webSockets.handleUpgrade(request, socket, head, () => {}),
      },
    ]
    routeUpgrades(server, routes, () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  const refusals: [what: string, sent: string, status: string][] = [
    ['as its path is none', upgrade('/none'), '404'],
    ['by its route', upgrade('/busy'), '503'],
    ['as it is no handshake', upgrade('/handshake'), '400'],
    ['as it is no HTTP', 'hello\r\n\r\n', '400'],
    ['as it came too slowly', 'GET / HTTP/1.1\r\nhost:', '408'],
  ]
  for (const [what, sent, status] of refusals) {
    for (const reads of [true, false]) {
      const title = `${what} is gone soon after, though its peer ${reads ? 'never closes' : 'does not even read'}`
      test(title, { timeout: 5000 }, async () => {
        const { port } = server.address() as AddressInfo
        const gone = once(server, 'connection').then(([socket]) => once(socket, 'close'))
        const peer = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
        sockets.push(peer)
        peer.on('error', () => {})
        await once(peer, 'connect')
        peer.write(sent)
        if (reads) {
          const [answer] = await once(peer, 'data')
          assert.match(String(answer), new RegExp(`^HTTP/1\\.1 ${status} `))
          await once(peer, 'end')
        }
        await gone
      })
    }
  }
})

test('upgrades that are asked for in one moment are begun some in a turn of the event loop', async () => {
  const count = 200
  const turns = await inEachTurn<number>(async (note) => {
    const server = createServer()
    const begun = Promise.withResolvers<void>()
    const take: Upgrade = ({ url }) => {
      const n = Number(url?.slice('/rtc?'.length))
      note(n)
      if (n === count - 1) begun.resolve()
    }
    routeUpgrades(server, [{ path: /^\/rtc$/, upgrade: take }], () => undefined)
    for (let n = 0; n < count; n++) {
      const request = Object.assign(new IncomingMessage(new Socket()), { url: `/rtc?${n}` })
      server.emit('upgrade', request, request.socket, Buffer.alloc(0))
    }
    await begun.promise
  })
  assert.deepEqual(
    turns.flat(),
    Array.from({ length: count }, (_, n) => n),
  )
  const most = Math.max(...turns.map(({ length }) => length))
  assert.ok(most <= 25, `${most} were begun in one turn`)
})
