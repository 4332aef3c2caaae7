import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { type JoinOptions, joinRoom, type LiveRoomEvents, Rollcall, type RoomState, signToken } from '@rollcall/client'
import type { TimelogEntry } from '@rollcall/protocol'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { type Network, startNetwork } from './network.ts'
import { nextEvent } from './next-event.ts'

// An event that does not come has to fail here, not to hold up the run.
const guard = { timeout: 300_000 }

// However busy the machine is, whoever comes back comes back in time.
const patient = { ROLLCALL_GRACE_SECONDS: '300' }
const backoff = { baseMs: 20, capMs: 100 }

let server: TestServer
let rollcall: Rollcall
let network: Network
let token: string
let roomId: string
before(async () => {
  server = await startServer(patient)
  rollcall = new Rollcall(server)
  token = await signToken(server, { roles: ['rtc'] })
})
beforeEach(async () => {
  network = await startNetwork(server.url)
  roomId = (await rollcall.rooms.create()).roomId
})
afterEach(() => network.close())
after(() => server.stop())

/** A room over the network that fails. */
function open(options: Partial<JoinOptions> = {}, limits: JoinOptions['limits'] = {}) {
  return joinRoom({ url: network.url, token, roomId, name: 'Ann', ...options, limits: { backoff, ...limits } })
}

/** The one session of the room, and the timelog of the one who was in it. */
async function readRecord(of = rollcall) {
  const { data } = await of.sessions.list({ roomId }).page()
  assert.equal(data.length, 1)
  const [session] = data
  assert.equal(session?.participants.length, 1)
  return { id: session?.id, timelog: session?.participants[0]?.timelog ?? [] }
}

/** Gives the token once, and then not before the gate is opened. */
function startGate() {
  const tokens = [token]
  const { promise, resolve } = Promise.withResolvers<string>()
  return { token: () => tokens.shift() ?? promise, open: () => resolve(token) }
}

const reasonsOf = (timelog: TimelogEntry[]) => timelog.map(({ end, reason }) => (end === null ? 'inside' : reason))

describe('a connection that is lost', guard, () => {
  test('is followed by another of the same participant: one session, one more timelog entry', async () => {
    const room = await open().joined
    const { participantId, sessionId, connectionId } = room
    const lost = nextEvent(room, 'reconnecting')
    const again = nextEvent(room, 'joined')
    network.cut()
    const { code, name, attempt } = await lost
    assert.deepEqual([code, name, attempt], [1006, 'CONNECTION_LOST', 1])
    assert.equal((await again).sessionId, sessionId)
    assert.equal(room.participantId, participantId)
    assert.notEqual(room.connectionId, connectionId)
    const { id, timelog } = await readRecord()
    assert.equal(id, sessionId)
    assert.deepEqual(reasonsOf(timelog), ['disconnected', 'inside'])
    await room.leave()
  })

  test('brings the list of who is inside anew', async () => {
    const direct = { url: server.url, token, roomId }
    const way = startGate()
    const room = await open({ token: way.token }).joined
    const cidCame = nextEvent(room, 'participant-joined', ({ participantId }) => participantId === 'cid')
    const bob = await joinRoom({ ...direct, participantId: 'bob' }).joined
    const cid = await joinRoom({ ...direct, participantId: 'cid' }).joined
    await cidCame
    assert.deepEqual([...room.participants.keys()], ['bob', 'cid'])
    const lost = nextEvent(room, 'reconnecting')
    network.cut()
    await lost
    await bob.leave()
    const dan = await joinRoom({ ...direct, participantId: 'dan' }).joined
    const again = nextEvent(room, 'joined')
    way.open()
    assert.equal((await again).participants.length, 2)
    assert.deepEqual([...room.participants.keys()].sort(), ['cid', 'dan'])
    await Promise.all([room, cid, dan].map((one) => one.leave()))
  })

  test('keeps nothing for later: sending meanwhile is refused by name', async () => {
    const way = startGate()
    const room = await open({ token: way.token }).joined
    const { connectionId = '' } = room
    const lost = nextEvent(room, 'reconnecting')
    network.cut()
    await lost
    for (const say of [() => room.signal(connectionId, 1), () => room.mute('bob'), () => room.remove('bob')]) {
      assert.throws(say, { name: 'NotJoined', message: /^\w+ takes a room that is joined; this one is reconnecting$/ })
    }
    const states: RoomState[] = [room.state]
    const again = nextEvent(room, 'joined')
    way.open()
    await again
    states.push(room.state)
    assert.deepEqual(states, ['reconnecting', 'joined'])
    await room.leave()
  })

  test('asks a token function again, at each connection', async () => {
    let asked = 0
    const room = await open({
      token: async () => {
        asked += 1
        return signToken(server, { roles: ['rtc'] }, { expiresInSeconds: 60 + asked })
      },
    }).joined
    assert.equal(asked, 1)
    for (const times of [2, 3]) {
      const again = nextEvent(room, 'joined')
      network.cut()
      await again
      assert.equal(asked, times)
    }
    await room.leave()
  })

  test('is looked for: a network that carries nothing, and breaks nothing, is given up for another', async () => {
    const room = await open({}, { pingIntervalMs: 100 }).joined
    const again = nextEvent(room, 'joined')
    network.silence()
    await again
    assert.equal(network.connections(), 2)
    // Nor is a connection that answers taken for one that does not.
    const givenUp: unknown[] = []
    room.on('reconnecting', (event) => givenUp.push(event))
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.deepEqual(givenUp, [])
    await room.leave()
  })

  test('is told nothing once the other side began to close it, and is given up where that goes no further', async (t) => {
    const farewell = createServer()
    const held: Socket[] = []
    farewell.on('upgrade', ({ headers }, socket: Socket) => {
      const accept = createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`,
      )
      held.push(socket)
      socket.on('error', () => socket.destroy())
      socket.once('data', () => socket.write(Buffer.from([0x88, 2, 4113 >> 8, 4113 & 0xff])))
    })
    await once(farewell.listen(0, '127.0.0.1'), 'listening')
    const states: number[] = []
    const Native = globalThis.WebSocket
    globalThis.WebSocket = class extends Native {
      override send(data: string) {
        states.push(this.readyState)
        super.send(data)
      }
    }
    t.after(() => {
      globalThis.WebSocket = Native
      for (const socket of held) socket.destroy()
      farewell.close()
    })
    const url = `http://127.0.0.1:${(farewell.address() as AddressInfo).port}`
    const room = open({ url }, { pingIntervalMs: 20, unansweredMax: 5 })
    room.joined.catch(() => {})
    await nextEvent(room, 'reconnecting', ({ attempt }) => attempt === 2)
    await room.leave()
    assert.deepEqual(new Set(states), new Set([Native.OPEN]))
  })

  test('a leave meanwhile ends it: no token is asked for, and no connection tried', async () => {
    let asked = 0
    const askToken = () => {
      asked += 1
      return token
    }
    const room = await open({ token: askToken }).joined
    const lost = nextEvent(room, 'reconnecting')
    network.cut()
    await lost
    const closed = nextEvent(room, 'closed')
    await room.leave()
    assert.deepEqual(await closed, { code: 1000, name: 'LEFT', willReconnect: false })
    await new Promise((resolve) => setTimeout(resolve, 2 * backoff.capMs))
    assert.deepEqual([room.state, asked, network.connections()], ['closed', 1, 1])
  })

  test('whoever waited to be admitted waits again', async () => {
    const room = open({ token: await signToken(server, { roles: 'rtc', permissions: ['ask_join'] }) })
    const { participantId } = await nextEvent(room, 'waiting')
    const again = nextEvent(room, 'waiting')
    network.cut()
    assert.equal((await again).participantId, participantId)
    assert.equal(room.state, 'waiting')
    await room.leave()
  })

  test('that was refused when it came back is closed for good', async () => {
    const tokens = [token]
    const room = await open({ token: () => tokens.shift() ?? 'nonsense' }).joined
    const closed = nextEvent(room, 'closed')
    network.cut()
    assert.deepEqual(await closed, { code: 4002, name: 'INVALID_TOKEN', willReconnect: false })
    assert.equal(network.connections(), 2)
  })
})

describe('a server that restarts', guard, () => {
  test('finds everybody back in the same session, with one more timelog entry', async () => {
    const dataFolder = await mkdtemp(join(tmpdir(), 'rollcall-test-'))
    const first = await startServer({ ...patient, ROLLCALL_DATA: dataFolder })
    try {
      roomId = (await new Rollcall(first).rooms.create()).roomId
      const room = joinRoom({ url: first.url, roomId, token: await signToken(first, { roles: 'rtc' }) })
      await room.joined
      const { participantId, sessionId } = room
      const told: LiveRoomEvents['reconnecting'][] = []
      room.on('reconnecting', (event) => told.push(event))
      const again = nextEvent(room, 'joined')
      await first.stop()
      const second = await startServer({ ...patient, ROLLCALL_DATA: dataFolder, PORT: new URL(first.url).port })
      try {
        assert.deepEqual([(await again).sessionId, room.participantId], [sessionId, participantId])
        const { id, timelog } = await readRecord(new Rollcall(second))
        assert.equal(id, sessionId)
        assert.deepEqual(reasonsOf(timelog), ['server-stopping', 'inside'])
        assert.deepEqual([told[0]?.code, told[0]?.name], [4111, 'SERVER_STOPPING'])
        await room.leave()
      } finally {
        await second.stop()
      }
    } finally {
      await rm(dataFolder, { recursive: true })
    }
  })
})

describe('giving up', guard, () => {
  test('where nobody answers, the room is not joined, and its close says why', async () => {
    const nowhere = await startServer()
    await nowhere.stop()
    const room = open({ url: nowhere.url }, { connectForMs: 100 })
    const closed = nextEvent(room, 'closed')
    await assert.rejects(room.joined, { name: 'RoomClosed', code: 1006, closeName: 'CONNECTION_LOST' })
    assert.deepEqual(await closed, { code: 1006, name: 'CONNECTION_LOST', willReconnect: false })
  })

  test('where what answers is no room, the room is not joined', async () => {
    const room = open({ url: `${server.url}/elsewhere` }, { connectForMs: 50 })
    await assert.rejects(room.joined, { closeName: 'CONNECTION_LOST' })
  })

  test('where a connection opens and nothing comes, it is given up for another', async () => {
    const room = open({}, { answerMs: 40 })
    const silencing = setInterval(() => network.silence(), 1)
    await nextEvent(room, 'reconnecting', ({ attempt }) => attempt === 2)
    clearInterval(silencing)
    assert.ok(network.connections() >= 2)
    await room.leave()
  })

  test('a token function that fails is asked again, and its failure is told', async () => {
    let failures = 2
    const failing = new Error('my server is away')
    const room = open({
      token: async () => {
        if (failures-- > 0) throw failing
        return token
      },
    })
    const { code, name, cause } = await nextEvent(room, 'reconnecting')
    assert.deepEqual([code, name, cause], [1006, 'TOKEN_UNAVAILABLE', failing])
    await room.joined
    await room.leave()

    for (const source of [() => Promise.reject(failing), () => new Promise<string>(() => {}), () => '']) {
      const hopeless = open({ token: source }, { connectForMs: 50, tokenMs: 20 })
      await assert.rejects(hopeless.joined, { name: 'RoomClosed', closeName: 'TOKEN_UNAVAILABLE' })
    }
  })

  test('trouble that comes again at once is the same trouble, and ends the room', async () => {
    const room = await open({}, { steadyMs: 60_000, reconnectForMs: 200 }).joined
    room.on('joined', () => network.cut())
    const closed = nextEvent(room, 'closed')
    network.cut()
    assert.equal((await closed).name, 'CONNECTION_LOST')
  })

  test('trouble after a time that held is a new one', async () => {
    const room = await open({}, { steadyMs: 0, reconnectForMs: 50 }).joined
    for (let i = 0; i < 5; i++) {
      const lost = nextEvent(room, 'reconnecting')
      const again = nextEvent(room, 'joined')
      network.cut()
      assert.equal((await lost).attempt, 1)
      await again
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await room.leave()
  })
})

describe('a network that is slow', guard, () => {
  test('is not given without bound: what does not fit is refused', async () => {
    const room = await open({}, { bufferedMaxBytes: 300_000 }).joined
    const { connectionId = '' } = room
    network.silence()
    assert.throws(
      () => {
        for (let i = 0; i < 1000; i++) room.signal(connectionId, 'x'.repeat(60_000))
      },
      { name: 'RangeError', message: /^300000 bytes wait for the network already: signal is too much$/ },
    )
    network.cut()
    await room.leave()
  })
})
