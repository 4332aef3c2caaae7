import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type JoinOptions, joinRoom, NotJoined, Rollcall, RoomClosed, roomLimits, signToken } from '@rollcall/client'
import { rtcMessageMaxBytes, type Session } from '@rollcall/protocol'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { startNetwork } from './network.ts'
import { nextEvent } from './next-event.ts'

// An event that does not come has to fail here, not to hold up the run.
const guard = { timeout: 300_000 }

let server: TestServer
let rollcall: Rollcall
let token: string
before(async () => {
  server = await startServer({ ROLLCALL_ICE_SERVERS: '[{"urls":"stun:stun.example.org"}]' })
  rollcall = new Rollcall(server)
  token = await signToken(server, { roles: ['rtc'] })
})
after(() => server.stop())

async function newRoom(): Promise<string> {
  return (await rollcall.rooms.create()).roomId
}

function open(roomId: string, name: string, options: Partial<JoinOptions> = {}) {
  return joinRoom({ url: server.url, token, roomId, participantId: name, name, ...options })
}

/** Joins, and waits until inside. */
const enter = (...args: Parameters<typeof open>) => open(...args).joined

async function sessionOf(roomId: string): Promise<Session | undefined> {
  return (await rollcall.sessions.list({ roomId }).page()).data[0]
}

describe('joining', guard, () => {
  test('a room is there at once, connecting, and joined once the server has the join in its record', async () => {
    const { roomId } = await rollcall.rooms.create({ customRoomId: 'standup' })
    const room = joinRoom({ url: `${server.url}/`, token, roomId: 'standup', name: 'Ann' })
    const { state, participantId, sessionId, connectionId } = room
    assert.deepEqual([state, participantId, sessionId, connectionId], ['connecting', undefined, undefined, undefined])
    assert.equal(await room.joined, room)
    assert.equal(room.state, 'joined')
    assert.equal(room.roomId, roomId)
    const session = await sessionOf(roomId)
    assert.equal(session?.id, room.sessionId)
    assert.deepEqual(
      session?.participants.map(({ participantId, name, timelog }) => [participantId, name, timelog[0]?.end]),
      [[room.participantId, 'Ann', null]],
    )
    assert.match(room.participantId ?? '', /^[a-z0-9]{8}$/)
    assert.deepEqual(room.iceServers, [{ urls: 'stun:stun.example.org' }])
    await room.leave()
  })

  test('participants are the others inside, as they come and go', async () => {
    const roomId = await newRoom()
    const ann = await enter(roomId, 'ann')
    assert.equal(ann.participants.size, 0)
    const bob = open(roomId, 'bob', { metadata: { role: 'host' } })
    const came = await nextEvent(ann, 'participant-joined')
    await bob.joined
    const { connectionId = '' } = bob
    const who = { name: 'bob', nameSource: 'typed', isHost: true }
    const peer = { participantId: 'bob', connectionId, metadata: { role: 'host' }, ...who }
    assert.deepEqual(came, { type: 'participant-joined', ...peer })
    assert.deepEqual([...ann.participants], [['bob', peer]])
    assert.deepEqual(
      [...bob.participants.values()].map((one) => [one.participantId, one.connectionId]),
      [['ann', ann.connectionId]],
    )
    const left = nextEvent(ann, 'participant-left')
    await bob.leave()
    assert.deepEqual(await left, { type: 'participant-left', participantId: 'bob', connectionId, reason: 'left' })
    assert.equal(ann.participants.size, 0)
    await ann.leave()
  })

  test('somebody whose newer connection takes the place of an older one stays among the participants', async () => {
    const roomId = await newRoom()
    const [ann, older] = [await enter(roomId, 'ann'), await enter(roomId, 'bob')]
    const { connectionId } = older
    const replaced = nextEvent(ann, 'participant-left')
    const newer = await enter(roomId, 'bob')
    const left = { type: 'participant-left', participantId: 'bob', connectionId, reason: 'replaced' }
    assert.deepEqual(await replaced, left)
    assert.equal(ann.participants.get('bob')?.connectionId, newer.connectionId)
    assert.deepEqual([...newer.participants.keys()], ['ann'])
    await Promise.all([ann.leave(), newer.leave()])
  })

  test('an option that is not usable is refused at once, by name', () => {
    const usable = { url: server.url, token, roomId: 'x' }
    for (const [options, message] of [
      [{ url: 'rooms.example.org' }, /^url=rooms\.example\.org is not understood: it takes an http or https address/],
      [{ token: '' }, 'token is a text of 0: it takes a text that is not empty'],
      [{ token: undefined }, 'token is undefined: it takes a text that is not empty'],
      [{ roomId: '' }, 'roomId is a text of 0: it takes a text that is not empty'],
      [{ participantId: 'x'.repeat(257) }, 'participantId is a text of 257: it takes a text of 1 to 256 characters'],
      [{ name: 'x'.repeat(513) }, 'name is a text of 513: it takes a text of 1 to 512 characters'],
      [{ metadata: () => 1 }, 'metadata is function: it takes what JSON can say'],
    ] as const) {
      assert.throws(() => joinRoom({ ...usable, ...options } as JoinOptions), { name: 'TypeError', message })
    }
  })
})

describe('being refused', guard, () => {
  test('rejects `joined` with the name of the close, tells `closed`, and is not tried again', async () => {
    const network = await startNetwork(server.url)
    const roomId = await newRoom()
    for (const [options, code, name] of [
      [{ token: await signToken({ ...server, apiKey: 'unknown' }, { roles: 'rtc' }) }, 4001, 'INVALID_API_KEY'],
      [{ token: 'nonsense' }, 4002, 'INVALID_TOKEN'],
      [{ roomId: 'none' }, 4003, 'INVALID_MEETING_ID'],
      [{ participantId: 'tab\there' }, 4004, 'INVALID_PARTICIPANT_ID'],
      [{ token: await signToken(server, { roles: 'rtc', permissions: [] }) }, 4008, 'INVALID_PERMISSIONS'],
      [{ token: await signToken(server, { roles: 'rtc', roomId: 'other' }) }, 4022, 'UNAUTHORIZED_ROOM_ID'],
      [{ metadata: 'x'.repeat(70_000) }, 4104, 'MESSAGE_TOO_BIG'],
    ] as const) {
      const before = network.connections()
      const room = open(roomId, 'ann', { url: network.url, ...options })
      const closed = nextEvent(room, 'closed')
      await assert.rejects(room.joined, (error) => {
        assert.ok(error instanceof RoomClosed)
        assert.deepEqual([error.code, error.closeName], [code, name])
        assert.match(error.message, new RegExp(`^The room \\S+ was not joined: it closed with ${code} ${name}$`))
        return true
      })
      assert.deepEqual(await closed, { code, name, willReconnect: false })
      assert.equal(room.state, 'closed')
      assert.equal(network.connections(), before + 1)
    }
    await network.close()
  })

  test('of a room that nobody awaits is no unhandled rejection', async () => {
    const room = open(await newRoom(), 'ann', { token: 'nonsense' })
    assert.equal((await nextEvent(room, 'closed')).name, 'INVALID_TOKEN')
    await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('being inside', guard, () => {
  test('a signal reaches one connection, with whatever JSON can say', async () => {
    const roomId = await newRoom()
    const [ann, bob, eve] = [await enter(roomId, 'ann'), await enter(roomId, 'bob'), await enter(roomId, 'eve')]
    const overheard: unknown[] = []
    eve.on('signal', (event) => overheard.push(event))
    const { connectionId: from = '' } = bob
    for (const data of [{ sdp: 'v=0', nested: [1, { '': null }] }, 'Ω \u2028', 0, null, false]) {
      const heard = nextEvent(ann, 'signal')
      bob.signal(ann.connectionId ?? '', data)
      assert.deepEqual(await heard, { type: 'signal', from, data })
    }
    const refused = nextEvent(bob, 'error')
    bob.signal('nobody', 1)
    assert.equal((await refused).code, 'PARTICIPANT_NOT_FOUND')
    assert.equal(bob.state, 'joined')
    await Promise.all([ann.leave(), bob.leave(), eve.leave()])
    assert.deepEqual(overheard, [])
  })

  test('what cannot be said is refused here, by name, and does not cost the room', async () => {
    const room = await enter(await newRoom(), 'ann')
    const { connectionId = '' } = room
    for (const data of [undefined, () => 1, Symbol('x')]) {
      assert.throws(() => room.signal(connectionId, data), { name: 'TypeError', message: /^data is \w+: it takes/ })
    }
    assert.throws(() => room.signal(connectionId, 'Ω'.repeat(40_000)), {
      name: 'RangeError',
      message: /^signal is 80\d{3} bytes: a message takes at most 65536$/,
    })
    assert.throws(() => room.signal('', 1), { message: /^connectionId is / })
    for (const say of ['mute', 'remove', 'admit', 'deny'] as const) {
      assert.throws(() => room[say](''), { name: 'TypeError', message: /^participantId is / })
    }
    assert.throws(() => room.mute('bob', 'everything' as 'audio'), {
      message: 'kind=everything is not understood: it takes audio, video or nothing',
    })
    const back = nextEvent(room, 'signal')
    room.signal(connectionId, 'x'.repeat(60_000))
    assert.equal((await back).from, connectionId)
    await room.leave()
  })

  test('holds to the largest message that a server takes', () => {
    assert.equal(roomLimits.messageMaxBytes, rtcMessageMaxBytes)
  })

  test('mute asks, remove removes; both need allow_mod', async () => {
    const roomId = await newRoom()
    const mod = await enter(roomId, 'mod')
    const bob = await enter(roomId, 'bob', {
      token: await signToken(server, { roles: 'rtc', permissions: ['allow_join'] }),
    })
    for (const say of ['mute', 'remove'] as const) {
      const refused = nextEvent(bob, 'error')
      bob[say]('mod')
      assert.equal((await refused).code, 'FORBIDDEN')
    }
    for (const kind of ['audio', 'video'] as const) {
      const asked = nextEvent(bob, 'mute')
      mod.mute('bob', kind)
      assert.deepEqual(await asked, { type: 'mute', participantId: 'bob', kind, from: 'mod' })
    }
    const asked = nextEvent(bob, 'mute')
    mod.mute('bob')
    assert.deepEqual(await asked, { type: 'mute', participantId: 'bob', from: 'mod' })

    const closed = nextEvent(bob, 'closed')
    mod.remove('bob')
    assert.deepEqual(await closed, { code: 4100, name: 'REMOVED', willReconnect: false })
    assert.equal(bob.state, 'closed')
    await mod.leave()
  })

  test('a listener is not called after it stopped, and one that throws keeps nothing from the others', async (t) => {
    const roomId = await newRoom()
    const [ann, bob] = [await enter(roomId, 'ann'), await enter(roomId, 'bob')]
    const heard: unknown[] = []
    const thrown: unknown[] = []
    const { queueMicrotask } = globalThis
    t.mock.method(globalThis, 'queueMicrotask', (work: () => void) =>
      queueMicrotask(() => {
        try {
          work()
        } catch (error) {
          thrown.push(error)
        }
      }),
    )
    const stop = ann.on('signal', () => heard.push('stopped'))
    ann.on('signal', () => {
      throw new Error('a mistake')
    })
    ann.on('signal', ({ data }) => heard.push(data))
    stop()
    const told = nextEvent(ann, 'signal')
    bob.signal(ann.connectionId ?? '', 1)
    await told
    assert.deepEqual(heard, [1])
    await Promise.resolve()
    assert.deepEqual(thrown, [new Error('a mistake')])
    assert.equal(ann.state, 'joined')
    await Promise.all([ann.leave(), bob.leave()])
  })

  test('the end of the session by a command closes the room for good', async () => {
    const roomId = await newRoom()
    const room = await enter(roomId, 'ann')
    const closed = nextEvent(room, 'closed')
    await server.call('POST', '/v2/sessions/end', { roomId })
    assert.deepEqual(await closed, { code: 4101, name: 'SESSION_ENDED', willReconnect: false })
  })

  test('a newer connection of the same participant closes this one for good, and neither is told of itself', async () => {
    const network = await startNetwork(server.url)
    const roomId = await newRoom()
    const older = await enter(roomId, 'ann', { url: network.url })
    const closed = nextEvent(older, 'closed')
    const told: unknown[] = []
    older.on('participant-joined', (event) => told.push(event))
    const newer = open(roomId, 'ann')
    newer.on('participant-left', (event) => told.push(event))
    await newer.joined
    assert.equal((await closed).name, 'DUPLICATE_PARTICIPANT')
    const caughtUp = nextEvent(newer, 'signal')
    newer.signal(newer.connectionId ?? '', 'caught up')
    await caughtUp
    assert.deepEqual(told, [])
    assert.deepEqual([older.state, newer.state, network.connections()], ['closed', 'joined', 1])
    await newer.leave()
    await network.close()
  })
})

describe('the waiting room', guard, () => {
  const askToJoin = async (roomId: string, name: string) =>
    open(roomId, name, { token: await signToken(server, { roles: 'rtc', permissions: ['ask_join'] }) })

  test('whoever may only ask waits, with the room at hand, until somebody admits them', async () => {
    const roomId = await newRoom()
    const host = await enter(roomId, 'host')
    const asked = nextEvent(host, 'entry-requested')
    const guest = await askToJoin(roomId, 'guest')
    assert.deepEqual(await nextEvent(guest, 'waiting'), { type: 'waiting', roomId, participantId: 'guest' })
    assert.equal(guest.state, 'waiting')
    const who = { participantId: 'guest', name: 'guest', nameSource: 'typed' }
    assert.deepEqual(await asked, { type: 'entry-requested', ...who })
    assert.throws(() => guest.signal('x', 1), {
      name: 'NotJoined',
      message: 'signal takes a room that is joined; this one is waiting',
    })
    const settled = nextEvent(host, 'entry-settled')
    host.admit('guest')
    assert.equal((await settled).outcome, 'admitted')
    assert.equal((await guest.joined).state, 'joined')
    await Promise.all([guest.leave(), host.leave()])
  })

  test('whoever is denied is told so, and may not come again by themselves', async () => {
    const roomId = await newRoom()
    const host = await enter(roomId, 'host')
    const asked = nextEvent(host, 'entry-requested')
    const guest = await askToJoin(roomId, 'guest')
    await asked
    host.deny('guest')
    await assert.rejects(guest.joined, { name: 'RoomClosed', code: 4109, closeName: 'DENIED' })
    await host.leave()
  })

  test('whoever leaves while waiting has withdrawn', async () => {
    const roomId = await newRoom()
    const host = await enter(roomId, 'host')
    const guest = await askToJoin(roomId, 'guest')
    await nextEvent(guest, 'waiting')
    const settled = nextEvent(host, 'entry-settled')
    await guest.leave()
    assert.equal((await settled).outcome, 'withdrawn')
    await assert.rejects(guest.joined, { closeName: 'LEFT' })
    await host.leave()
  })
})

describe('leaving', guard, () => {
  test('resolves when the leave is in the record, once, whoever asks how often', async () => {
    const roomId = await newRoom()
    const room = await enter(roomId, 'ann')
    const closed: unknown[] = []
    room.on('closed', (event) => closed.push(event))
    const leaves = [room.leave(), room.leave()]
    assert.throws(() => room.mute('ann'), {
      name: 'NotJoined',
      message: 'mute takes a room that is joined; this one is leaving',
    })
    await Promise.all(leaves)
    await room.leave()
    const [entry] = (await sessionOf(roomId))?.participants[0]?.timelog ?? []
    assert.equal(entry?.reason, 'left')
    assert.notEqual(entry?.end, null)
    assert.deepEqual(closed, [{ code: 1000, name: 'LEFT', willReconnect: false }])
    assert.deepEqual([room.state, room.participants.size, room.connectionId], ['closed', 0, undefined])
    assert.throws(() => room.signal('x', 1), NotJoined)
  })

  test('before anything came about leaves nothing behind', async () => {
    const roomId = await newRoom()
    const room = open(roomId, 'ann')
    await room.leave()
    await assert.rejects(room.joined, { name: 'RoomClosed', closeName: 'LEFT' })
    assert.equal(await sessionOf(roomId), undefined)
  })

  test('through a network that carries nothing is over all the same', async () => {
    const network = await startNetwork(server.url)
    const room = await enter(await newRoom(), 'ann', { url: network.url, limits: { leaveMs: 50 } })
    network.silence()
    const closed = nextEvent(room, 'closed')
    await room.leave()
    assert.deepEqual(await closed, { code: 1006, name: 'LEFT', willReconnect: false })
    await network.close()
  })
})
