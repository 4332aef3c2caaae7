import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { holders } from './holders.ts'
import { type Attack, call, openAll, send, sendAll } from './target.ts'

const unpackedBytes = 32 * 1024 * 1024

/** Forged deliveries, each of which unpacks to a thousand times its size. */
function gzip(type: string, settings: object, headers: OutgoingHttpHeaders): Attack {
  let address = ''
  return {
    what: `80 deliveries of 32 KB that unpack to 32 MiB, to a source of ${type}, without a proof`,
    async prepare(target) {
      address = (await call<{ url: string }>(target, 'POST', '/v2/sources', { type, name: type, ...settings })).url
    },
    run() {
      const body = gzipSync(Buffer.alloc(unpackedBytes))
      return sendAll(80, 80, () =>
        send(address, { method: 'POST', headers: { ...headers, 'content-encoding': 'gzip' }, body }),
      )
    },
  }
}

export const attacks: { [name: string]: Attack } = {
  gzip: gzip('livekit', { apiKey: 'key', secret: 'a secret of LiveKit that is long' }, { authorization: 'a.b.c' }),
  'gzip-by-body': gzip('videosdk', {}, { 'videosdk-signature': 'AAAA' }),

  static: {
    what: '/docs/scalar.js (4.7 MB unpacked) 65 times on each of 50 connections, none of which reads',
    prepare: async ({ url }) => void (await (await fetch(`${url}/docs/scalar.js`)).arrayBuffer()),
    async run(target) {
      const line = 'GET /docs/scalar.js HTTP/1.1\r\nhost: a\r\n\r\n'
      const sockets = await openAll(50, target, () => line.repeat(65))
      await delay(5000)
      for (const socket of sockets) socket.destroy()
      return 'held for 5 s'
    },
  },

  upgrades: {
    what: '2,000 upgrades that are refused, by peers that never close',
    async run(target) {
      const head = 'host: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
      const sockets = await openAll(2000, target, (n) => `GET /none/${n} HTTP/1.1\r\n${head}`)
      for (const socket of sockets) socket.resume()
      await delay(2000)
      const ended = sockets.filter((socket) => socket.readableEnded || socket.destroyed).length
      for (const socket of sockets) socket.destroy()
      return `${ended} ended within 2 s`
    },
  },

  joins: {
    what: '2,000 joins of hosted rooms with a wrong token, 100 at once',
    run: ({ url }) =>
      sendAll(2000, 100, () => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/v2/rtc`)
        return new Promise((resolve) => {
          socket.on('open', () => socket.send(JSON.stringify({ type: 'join', token: 'x.y.z', roomId: 'r' })))
          socket.on('close', (code) => resolve(String(code)))
          socket.on('error', (error) => resolve(error.message))
        })
      }),
  },

  'early-answers': {
    what: '40 bodies of 40 MB without a good token, 10 at once',
    run: ({ url }) =>
      sendAll(40, 10, () =>
        send(`${url}/v2/rooms`, {
          method: 'POST',
          headers: { authorization: 'bad', 'content-type': 'application/json' },
          body: Buffer.alloc(40_000_000),
        }),
      ),
  },

  ...holders,
}
