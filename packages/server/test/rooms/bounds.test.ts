import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { Socket } from 'node:net'
import { describe, type MockTracker, test } from 'node:test'
import type { ServerMessage } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import { type RtcLimits, rtcLimits } from '../../src/rooms/limits.ts'
import { makeRoom } from '../support/api-calls.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { startServer, type TestServer } from '../support/start-server.ts'
import { inEachTurn } from '../support/turns.ts'

async function withServer(
  { env = {}, limits = {} }: { env?: { [name: string]: string }; limits?: Partial<RtcLimits> },
  work: (server: TestServer, roomId: string) => Promise<void>,
): Promise<void> {
  const server = await startServer(env, { rtcLimits: { ...rtcLimits, closeMs: 300, ...limits } })
  try {
    await work(server, (await makeRoom(server)).roomId)
  } finally {
    await server.stop()
  }
}

/** How a join that is refused is closed. */
async function refusalOf(server: TestServer, message: object, headers = {}): Promise<string> {
  const client = await connect(server, { headers })
  client.send({ type: 'join', ...message })
  return client.closed
}

/** The status that an upgrade is refused with. */
function statusOf(url: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const socket = new WebSocket(url)
  socket.on('error', () => {})
  socket.on('unexpected-response', (_, answer) => {
    answer.resume()
    resolve(answer.statusCode ?? 0)
  })
  return promise
}

/** Asks until an answer is this one; fails where it never is. */
async function untilAnswered<Answer extends string | number>(
  expected: Answer,
  ask: () => Promise<string | number>,
): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const answers = await Promise.all(Array.from({ length: 50 }, ask))
    if (answers.includes(expected)) return
  }
  assert.fail('a flood was taken')
}

describe('an address that sends joins without a good token', () => {
  test('is refused beyond 100 a second, while a good token from there comes in', async () => {
    await withServer({}, async (server, roomId) => {
      const [head, payload] = (await server.sign()).split('.')
      const signature = createHmac('sha256', 'another').update(`${head}.${payload}`).digest('base64url')
      const token = `${head}.${payload}.${signature}`
      assert.equal(await refusalOf(server, { token, roomId }), 'INVALID_TOKEN')
      await untilAnswered('TOO_MANY_JOINS', () => refusalOf(server, { token, roomId }))
      assert.equal((await join(server, roomId, 'ann')).joined.roomId, roomId)
    })
  })

  test('is the one that a trusted proxy names', async () => {
    await withServer({ env: { ROLLCALL_TRUST_PROXY: 'on' } }, async (server, roomId) => {
      const from = (address: string) =>
        refusalOf(server, { token: 'bad', roomId }, { 'x-forwarded-for': `203.0.113.9, ${address}` })
      await untilAnswered('TOO_MANY_JOINS', () => from('198.51.100.7'))
      assert.equal(await from('198.51.100.8'), 'INVALID_TOKEN')
    })
  })

  for (const path of ['/v2/none', '/v2/ingest/none']) {
    test(`is one with those that open sockets on paths that are none: ${path}`, async () => {
      await withServer({}, async (server) => {
        await untilAnswered(429, () => statusOf(`${server.url.replace(/^http/, 'ws')}${path}`))
      })
    })
  }
})

describe('one invite', () => {
  test('brings in so many joins and no more; another token, and another room, are not held up', async () => {
    await withServer(
      { limits: { joinsPerToken: 5, joinsMs: 3_600_000 }, env: { ROLLCALL_ROOM_MAX: '1' } },
      async (server, roomId) => {
        const [invite, other] = [
          await server.sign({ roomId }),
          await server.sign({ roomId, permissions: ['allow_join'] }),
        ]
        const elsewhere = (await makeRoom(server)).roomId
        for (let i = 0; i < 5; i++) {
          const client = await join(server, roomId, `p${i}`, invite)
          client.send({ type: 'leave' })
          await client.closed
        }
        assert.equal(await refusalOf(server, { token: invite, roomId, participantId: 'p6' }), 'TOO_MANY_JOINS')
        await join(server, roomId, 'bob', other)
        await join(server, elsewhere, 'cas', await server.sign())
      },
    )
  })

  test('makes so many people of a session and no more; whoever is one of them may come back', async () => {
    await withServer({ limits: { sessionPeopleMax: 3 }, env: { ROLLCALL_ROOM_MAX: '1' } }, async (server, roomId) => {
      // 20 people for each place in the room.
      for (let i = 0; i < 20; i++) {
        const client = await join(server, roomId, `p${i}`)
        client.send({ type: 'leave' })
        await client.closed
      }
      const token = await server.sign()
      assert.equal(await refusalOf(server, { token, roomId, participantId: 'new' }), 'MAX_PARTICIPANT_REACHED')
      assert.equal((await join(server, roomId, 'p0')).joined.participantId, 'p0')
    })
  })
})

describe('a waiting room', () => {
  async function wait(server: TestServer, roomId: string, participantId: string): Promise<RtcClient> {
    const client = await connect(server)
    client.send({ type: 'join', token: await server.sign({ permissions: ['ask_join'] }), roomId, participantId })
    await client.next('waiting')
    return client
  }

  test('that is full keeps nobody out who may enter, and takes no more', async () => {
    await withServer({ limits: { waitingMax: 3 }, env: { ROLLCALL_ROOM_MAX: '2' } }, async (server, roomId) => {
      for (let i = 0; i < 3; i++) await wait(server, roomId, `guest ${i}`)
      const token = await server.sign({ permissions: ['ask_join'] })
      assert.equal(await refusalOf(server, { token, roomId, participantId: 'one more' }), 'MAX_PARTICIPANT_REACHED')
      await wait(server, roomId, 'guest 0')
      await join(server, roomId, 'host')
      await join(server, roomId, 'second host')
    })
  })

  test('lets nobody into a room that is full: they go on waiting until there is a place', async () => {
    await withServer({ env: { ROLLCALL_ROOM_MAX: '2' } }, async (server, roomId) => {
      const guest = await wait(server, roomId, 'guest')
      const host = await join(server, roomId, 'host')
      const second = await join(server, roomId, 'second host')
      await host.next('entry-requested')
      await host.next('participant-joined')
      host.send({ type: 'admit', participantId: 'guest' })
      assert.equal((await host.next('error')).code, 'ROOM_FULL')
      second.send({ type: 'leave' })
      await host.next('participant-left')
      host.send({ type: 'admit', participantId: 'guest' })
      await guest.next('joined')
    })
  })
})

describe('what waits for readers that do not read', () => {
  const data = 'x'.repeat(50_000)

  /** Sends to those who do not read until one of them is gone; gives who. */
  async function talkUntilGone(
    talker: RtcClient,
    targets: string[],
  ): Promise<ServerMessage & { type: 'participant-left' }> {
    for (let i = 0; i < 4000; i++) {
      talker.send({ type: 'signal', to: targets[i % targets.length], data })
      talker.send({ type: 'ping' })
      for (let message = await talker.any(); message.type !== 'pong'; message = await talker.any()) {
        if (message.type === 'participant-left') return message
      }
    }
    return assert.fail('4,000 messages of 50 kB were taken for readers that read nothing')
  }
  const unlimited = { messagesPerSecond: 1e6, messageBurst: 1e6, bufferedMaxBytes: 1e12 }

  test('has a bound for each room: whoever has the most waiting goes, and those who read stay', async () => {
    await withServer({ limits: { ...unlimited, roomBufferedMaxBytes: 500_000 } }, async (server, roomId) => {
      const slow = [await join(server, roomId, 'slow 1'), await join(server, roomId, 'slow 2')]
      const talker = await join(server, roomId, 'talker')
      for (const { socket } of slow) socket.pause()
      const gone = await talkUntilGone(
        talker,
        slow.map(({ joined }) => joined.connectionId),
      )
      assert.match(`${gone.participantId}: ${gone.reason}`, /^slow \d: too-slow$/)
    })
  })

  test('has a bound for the process: whoever has the most waiting goes, in the room that has the most', async () => {
    await withServer({ limits: { ...unlimited, processBufferedMaxBytes: 500_000 } }, async (server, roomId) => {
      const calm = (await makeRoom(server)).roomId
      const neighbour = await join(server, calm, 'neighbour')
      const slow = await join(server, roomId, 'slow')
      const talker = await join(server, roomId, 'talker')
      slow.socket.pause()
      const gone = await talkUntilGone(talker, [slow.joined.connectionId])
      assert.equal(`${gone.participantId}: ${gone.reason}`, 'slow: too-slow')
      neighbour.send({ type: 'ping' })
      await neighbour.next('pong')
    })
  })
})

describe('what many people say in one moment', () => {
  test('is taken so much a turn of the event loop, whole and in order', async () => {
    await withServer({ limits: { messagesPerTurn: 4 } }, async (server, roomId) => {
      const [people, said] = [10, 20]
      const token = await server.sign()
      const clients: Awaited<ReturnType<typeof join>>[] = []
      for (let n = 0; n < people; n++) clients.push(await join(server, roomId, `p${n}`, token))
      const listener = await join(server, roomId, 'listener', token)

      let turns = 0
      let isOver = false
      const count = () => {
        turns += 1
        if (!isOver) setImmediate(count)
      }
      setImmediate(count)
      for (const { send } of clients) {
        for (let data = 0; data < said; data++) send({ type: 'signal', to: listener.joined.connectionId, data })
      }
      const heard = new Map<string, unknown[]>()
      for (let n = 0; n < people * said; ) {
        const message = await listener.any()
        if (message.type !== 'signal') continue
        heard.set(message.from, [...(heard.get(message.from) ?? []), message.data])
        n += 1
      }
      isOver = true
      const inOrder = Array.from({ length: said }, (_, data) => data)
      assert.deepEqual([...heard.values()], Array(people).fill(inOrder))
      assert.ok(turns >= (people * said) / 4, `all was taken in ${turns} turns`)
    })
  })

  test('and those who come in one moment come in some a turn: each is in the list of the others, or announced to them', async () => {
    await withServer({ limits: { entriesPerTurn: 1 } }, async (server, roomId) => {
      const people = 20
      const token = await server.sign()
      const clients = await Promise.all(Array.from({ length: people }, () => connect(server)))
      const turns = await inEachTurn<unknown>(async (note) => {
        await Promise.all(
          clients.map(async (client, n) => {
            client.send({ type: 'join', token, roomId, participantId: `p${n}` })
            const { participants } = await client.next('joined')
            note(n)
            const known = new Set(participants.map(({ participantId }) => participantId))
            while (known.size < people - 1) {
              const message = await client.any()
              if (message.type === 'participant-joined') known.add(message.participantId)
            }
          }),
        )
      })
      const most = Math.max(...turns.map(({ length }) => length))
      // One a turn, and what was sent in some turns may be read in one.
      assert.ok(most <= 4, `${most} came in in one turn`)
    })
  })

  test('and whoever is told of several who come in one moment is told in one write', async ({ mock }) => {
    await withServer({}, async (server, roomId) => {
      const people = 40
      const token = await server.sign()
      const clients = await Promise.all(Array.from({ length: people }, () => connect(server)))
      const writes = countWrites(mock, server)
      await Promise.all(
        clients.map(async (client, n) => {
          client.send({ type: 'join', token, roomId, participantId: `p${n}` })
          const { participants } = await client.next('joined')
          for (let known = participants.length; known < people - 1; known++) await client.next('participant-joined')
        }),
      )
      const announced = (people * (people - 1)) / 2
      assert.ok(writes() < announced / 2, `${announced} announcements took ${writes()} writes`)
    })
  })
})

type Writing = { _writev(this: Socket, ...args: unknown[]): void }

/** How many writes of several buffers, as a message is one, the sockets of a server have made since. */
function countWrites(mock: MockTracker, { url }: TestServer): () => number {
  const port = Number(new URL(url).port)
  const prototype = Socket.prototype as unknown as Writing
  const write = prototype._writev
  let writes = 0
  mock.method(prototype, '_writev', function (this: Socket, ...args: unknown[]) {
    if (this.localPort === port) writes += 1
    write.apply(this, args)
  })
  return () => writes
}
