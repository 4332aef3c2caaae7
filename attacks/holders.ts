import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type Attack, call, openAll, send, sendAll, type Target } from './target.ts'

// What somebody with a good token, or an invite, may do.

const largeSession = 50_000
const privateAddresses = { ROLLCALL_ALLOW_PRIVATE_ADDRESSES: 'on' }

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

async function openStreams(target: Target, count: number): Promise<Socket[]> {
  const authorization = await target.token()
  return openAll(count, target, () => `GET /v2/stream HTTP/1.1\r\nhost: a\r\nauthorization: ${authorization}\r\n\r\n`)
}

/** 5,000 changes. */
async function tellMuch(target: Target, name = ''): Promise<void> {
  for (let batch = 0; batch < 10; batch++) {
    const events = Array.from({ length: 500 }, (_, i) => ({
      id: `${batch}-${i}`,
      type: 'participant-joined',
      at: Date.now(),
      roomId: 'r',
      sessionKey: 's',
      participantId: `${batch}-${i}`,
      ...(name !== '' && { name }),
    }))
    await call(target, 'POST', '/v2/events', { events })
    await delay(500)
  }
  await delay(2000)
}

/** `inside`: the id of its connection; undefined where it was not let in. */
type Guest = { socket: WebSocket; inside: Promise<string | undefined> }

function enter({ url }: Target, token: string, roomId: string, participantId: string): Guest {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v2/rtc`)
  const inside = new Promise<string | undefined>((resolve) => {
    socket.on('open', () => socket.send(JSON.stringify({ type: 'join', token, roomId, participantId })))
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; connectionId?: string }
      if (message.type === 'joined') resolve(message.connectionId)
    })
    socket.on('close', () => resolve(undefined))
    socket.on('error', () => resolve(undefined))
  })
  return { socket, inside }
}

async function invite(target: Target): Promise<{ roomId: string; token: string }> {
  const { roomId } = await call<{ roomId: string }>(target, 'POST', '/v2/rooms', {})
  const { token } = await call<{ token: string }>(target, 'POST', `/v2/rooms/${roomId}/invites`, {})
  return { roomId, token }
}

export const holders: { [name: string]: Attack } = {
  large,

  streams: {
    what: '1,000 streams of one key, and 5,000 changes',
    async run(target) {
      const sockets = await openStreams(target, 1000)
      let bytes = 0
      for (const socket of sockets) {
        socket.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        socket.resume()
      }
      await tellMuch(target)
      for (const socket of sockets) socket.destroy()
      return `${Math.round(bytes / 1_000_000)} MB were read`
    },
  },

  'slow-streams': {
    what: '500 streams that nobody reads, and 5,000 changes of 500 characters each',
    async run(target) {
      const sockets = await openStreams(target, 500)
      await tellMuch(target, 'x'.repeat(500))
      for (const socket of sockets) socket.destroy()
      return 'held for 7 s'
    },
  },

  invite: {
    what: 'one invite, used 3,000 times by people of other names, 50 at once',
    async run(target) {
      const { roomId, token } = await invite(target)
      return sendAll(3000, 50, async (n) => {
        const { socket, inside } = enter(target, token, roomId, `p${n}`)
        const isIn = (await inside) !== undefined
        socket.terminate()
        return isIn ? 'let in' : 'refused'
      })
    },
  },

  'slow-rooms': {
    what: '40 people in one room by one invite, who send one another 8,000 signals of 60 KB and read nothing',
    async run(target) {
      const { roomId, token } = await invite(target)
      const guests = Array.from({ length: 40 }, (_, n) => enter(target, token, roomId, `p${n}`))
      const came = await Promise.all(guests.map(({ inside }) => inside))
      for (const { socket } of guests) socket.pause()
      const data = 'x'.repeat(60_000)
      for (let round = 0; round < 200; round++) {
        for (const [n, { socket }] of guests.entries()) {
          if (socket.readyState !== WebSocket.OPEN) continue
          socket.send(JSON.stringify({ type: 'signal', to: came[(n + 1) % came.length], data }))
        }
        await delay(20)
      }
      await delay(1000)
      for (const { socket } of guests) socket.resume()
      await delay(500)
      const left = guests.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length
      for (const { socket } of guests) socket.terminate()
      return `${came.filter(Boolean).length} came, ${left} were not cut off`
    },
  },

  'look-ups': {
    what: '50 media servers and 20 webhook endpoints that answer 101 to everything, and 200 sessions',
    env: privateAddresses,
    async run(target) {
      const switching = await switchProtocols()
      const credentials = { apiKey: 'key', secret: 'a secret of LiveKit that is long' }
      for (let n = 0; n < 50; n++) {
        await call(target, 'POST', '/v2/sources', {
          type: 'livekit',
          name: `l${n}`,
          url: switching.url,
          ...credentials,
        })
      }
      for (let n = 0; n < 20; n++)
        await call(target, 'POST', '/v2/webhooks', { endPoint: `${switching.url}/${n}`, events: ['*'] })
      await tellSessions(target, 200)
      await delay(10_000)
      switching.stop()
      return `${switching.count()} requests reached them`
    },
  },

  'webhook-loop': {
    what: '10 webhook endpoints that are an ingest of the same server, and 200 sessions',
    env: privateAddresses,
    async run(target) {
      const before = await countSessions(target)
      const publicKeyUrl = `${target.url}/v2/public/rsa-public-key`
      for (let n = 0; n < 10; n++) {
        const source = await call<{ url: string }>(target, 'POST', '/v2/sources', {
          type: 'videosdk',
          name: `${n}`,
          publicKeyUrl,
        })
        await call(target, 'POST', '/v2/webhooks', { endPoint: source.url, events: ['*'] })
      }
      await tellSessions(target, 200)
      await delay(10_000)
      return `${(await countSessions(target)) - before} sessions came of it`
    },
  },
}

async function countSessions(target: Target): Promise<number> {
  const { pageInfo } = await call<{ pageInfo: { total: number } }>(target, 'GET', '/v2/sessions?perPage=1')
  return pageInfo.total
}

/** Answers 101 to whatever is asked. */
async function switchProtocols(): Promise<{ url: string; count(): number; stop(): void }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: () => sockets.length,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function tellSessions(target: Target, count: number): Promise<void> {
  const at = Date.now()
  const events = Array.from({ length: count }, (_, n) => {
    const of = { at, roomId: `r${n}`, sessionKey: `s${n}` }
    return { ...of, id: `${n}`, type: 'participant-joined', participantId: 'p' }
  })
  await call(target, 'POST', '/v2/events', { events })
}
