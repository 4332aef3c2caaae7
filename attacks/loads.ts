import { Agent, type OutgoingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { WebSocket } from 'ws'

export type Target = { url: string; token(claims?: object): Promise<string> }

export type Attack = {
  what: string
  /** What is there before it begins. */
  prepare?(target: Target): Promise<void>
  /** Gives in words what came of it. */
  run(target: Target): Promise<string>
}

const unpackedBytes = 32 * 1024 * 1024
const largeSession = 50_000

/** Sends requests, so many at once; counts the statuses. */
async function sendAll(count: number, atOnce: number, send: (n: number) => Promise<string>): Promise<string> {
  const came: { [status: string]: number } = {}
  let next = 0
  const work = async () => {
    while (next < count) {
      const status = await send(next++)
      came[status] = (came[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return Object.entries(came)
    .map(([status, times]) => `${times} × ${status}`)
    .join(', ')
}

type Options = { method?: string; headers?: OutgoingHttpHeaders; body?: Buffer | string }

/** The status; or the code of what broke. */
function send(url: string, { method = 'GET', headers = {}, body }: Options = {}): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method, headers, agent: new Agent({ keepAlive: false }) }, (answer) => {
      answer.resume().on('end', () => resolve(String(answer.statusCode)))
      answer.on('error', () => resolve('broken off'))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    outgoing.end(body)
  })
}

async function call<Body>({ url, token }: Target, method: string, path: string, body?: object): Promise<Body> {
  const headers = { authorization: await token(), 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
  return (await answer.json()) as Body
}

async function openAll(count: number, { url }: Target, text: (n: number) => string): Promise<Socket[]> {
  const { hostname, port } = new URL(url)
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.pause()
      socket.write(text(n))
      return socket
    }),
  )
}

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

/** Asks for a session of 50,000 people, in every way that shows it. */
const large: Attack = {
  what: `a session of ${largeSession.toLocaleString('en')} people, asked for 5 times at once in 4 ways`,
  async prepare(target) {
    const at = Date.now() - 3_600_000
    for (let from = 0; from < largeSession; from += 1000) {
      const events = Array.from({ length: 1000 }, (_, i) => ({
        id: `${from + i}`,
        type: 'participant-joined',
        at: at + from + i,
        roomId: 'hall',
        sessionKey: 's',
        participantId: `p${from + i}`,
        name: `Person ${from + i}`,
      }))
      await call(target, 'POST', '/v2/events', { events })
    }
  },
  async run(target) {
    const { data } = await call<{ data: { id: string }[] }>(target, 'GET', '/v2/sessions?customRoomId=hall&perPage=1')
    const path = `/v2/sessions/${data[0]?.id}`
    const paths = [path, `${path}/participants/active`, `${path}/attendance?format=csv`, '/v2/usage']
    const headers = { authorization: await target.token() }
    return sendAll(20, 20, (n) => send(`${target.url}${paths[n % paths.length]}`, { headers }))
  },
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

  large,

  streams: {
    what: '1,000 streams of one key, and 5,000 changes',
    async run(target) {
      const authorization = await target.token()
      const sockets = await openAll(
        1000,
        target,
        () => `GET /v2/stream HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\n\r\n`,
      )
      let bytes = 0
      for (const socket of sockets) {
        socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        socket.resume()
      }
      for (let batch = 0; batch < 10; batch++) {
        const events = Array.from({ length: 500 }, (_, i) => ({
          id: `${batch}-${i}`,
          type: 'participant-joined',
          at: Date.now(),
          roomId: 'r',
          sessionKey: 's',
          participantId: `${batch}-${i}`,
        }))
        await call(target, 'POST', '/v2/events', { events })
        await delay(500)
      }
      await delay(2000)
      for (const socket of sockets) socket.destroy()
      return `${Math.round(bytes / 1_000_000)} MB were read`
    },
  },
}
