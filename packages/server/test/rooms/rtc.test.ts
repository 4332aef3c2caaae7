import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { join as joinPath } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Participant, Session, SessionPage } from '@rollcall/protocol'
import { createTokenVerifier, signToken } from '../../src/api/auth/token.ts'
import { createRoomLeases } from '../../src/cluster/room-leases.ts'
import type { Context } from '../../src/context.ts'
import { createHostedRooms } from '../../src/rooms/hosted-rooms.ts'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { dataParent } from '../support/data-parent.ts'
import { createServer } from '../support/http.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
let n = 0
before(async () => {
  server = await startServer({ ROLLCALL_ICE_SERVERS: '[{"urls":"stun:stun.example.org"}]', ROLLCALL_ROOM_MAX: '4' })
})
after(() => server.stop())

async function newRoom(body: object = {}, on = server): Promise<string> {
  const { body: room } = await on.call<{ roomId: string }>('POST', '/v2/rooms', body)
  return room.roomId
}

async function sessionsOf(roomId: string, on = server): Promise<Session[]> {
  const { body } = await on.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)
  return body.data
}

/** The record is asked again until it says what is waited for: facts are durable a moment after a socket closes. */
async function untilSession(roomId: string, isSo: (session: Session) => boolean, on = server): Promise<Session> {
  for (;;) {
    const session = (await sessionsOf(roomId, on)).find(isSo)
    if (session !== undefined) return session
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const person = (session: Session | undefined, id: string): Participant | undefined =>
  session?.participants.find((one) => one.participantId === id)

async function refusal(join: object, token?: string, on = server): Promise<string> {
  const client = await connect(on)
  client.send({ type: 'join', token: token ?? (await on.sign()), ...join })
  return client.closed
}

describe('joining a hosted room', () => {
  test('a join is answered with the session, the others inside and the ICE servers, once it is in the record', async () => {
    const roomId = await newRoom({ customRoomId: `custom ${++n}` })
    const ann = await join(server, roomId, 'ann')
    const [session] = await sessionsOf(roomId)
    assert.equal(session?.id, ann.joined.sessionId)
    assert.equal(person(session, 'ann')?.timelog[0]?.end, null)
    assert.deepEqual(ann.joined.participants, [])
    assert.deepEqual(ann.joined.iceServers, [{ urls: 'stun:stun.example.org' }])

    const bob = await join(server, `custom ${n}`, 'bob')
    assert.equal(bob.joined.roomId, roomId)
    assert.equal(bob.joined.sessionId, ann.joined.sessionId)
    const { connectionId } = ann.joined
    const said = { nameSource: 'typed', isHost: true }
    assert.deepEqual(bob.joined.participants, [{ participantId: 'ann', name: 'ann', connectionId, ...said }])
    const seen = await ann.next('participant-joined')
    assert.deepEqual(seen, {
      type: 'participant-joined',
      participantId: 'bob',
      name: 'bob',
      connectionId: bob.joined.connectionId,
      ...said,
    })
  })

  test('a participant without an id is given one of 8 letters of [a-z0-9]', async () => {
    const client = await connect(server)
    client.send({ type: 'join', token: await server.sign(), roomId: await newRoom() })
    assert.match((await client.next('joined')).participantId, /^[a-z0-9]{8}$/)
  })

  test('4001 INVALID_API_KEY: the token names no known key', async () => {
    const token = await server.sign({ apikey: 'unknown' })
    assert.equal(await refusal({ roomId: await newRoom() }, token), 'INVALID_API_KEY')
  })

  test('4002 INVALID_TOKEN: the token is wrong, or not for joining', async () => {
    const roomId = await newRoom()
    assert.equal(await refusal({ roomId }, 'nonsense'), 'INVALID_TOKEN')
    assert.equal(await refusal({ roomId }, `${await server.sign()}x`), 'INVALID_TOKEN')
    assert.equal(await refusal({ roomId }, await server.sign({ roles: ['crawler'] })), 'INVALID_TOKEN')
  })

  test('4003 INVALID_MEETING_ID: the room is unknown, another key’s, or disabled', async () => {
    assert.equal(await refusal({ roomId: 'aaaa-bbbb-cccc' }), 'INVALID_MEETING_ID')
    const { context } = server
    const other = await context.writes.keys.add({ name: null, email: null })
    const theirs = await context.writes.rooms.create({ keyId: other.keyId })
    assert.equal(await refusal({ roomId: theirs.roomId }), 'INVALID_MEETING_ID')
    const roomId = await newRoom()
    const key = await context.reads.keys.find(server.apiKey)
    await context.writes.rooms.setDisabled({ keyId: key?.keyId ?? 0, roomId, disabled: true })
    assert.equal(await refusal({ roomId }), 'INVALID_MEETING_ID')
  })

  test('4004 INVALID_PARTICIPANT_ID: malformed, bound to another, or not allowed in the room', async () => {
    const roomId = await newRoom()
    for (const participantId of ['', 'x'.repeat(257), 'tab\there', 'half \ud800', 7]) {
      assert.equal(await refusal({ roomId, participantId }), 'INVALID_PARTICIPANT_ID', JSON.stringify(participantId))
    }
    const bound = await server.sign({ participantId: 'ann' })
    assert.equal(await refusal({ roomId, participantId: 'bob' }, bound), 'INVALID_PARTICIPANT_ID')
    const closed = await newRoom({ allowedParticipantIds: ['ann'] })
    assert.equal(await refusal({ roomId: closed, participantId: 'bob' }), 'INVALID_PARTICIPANT_ID')
    assert.equal((await join(server, closed, 'ann')).joined.participantId, 'ann')
  })

  test('4008 INVALID_PERMISSIONS: the token may neither join nor ask', async () => {
    const token = await server.sign({ permissions: ['allow_mod'] })
    assert.equal(await refusal({ roomId: await newRoom() }, token), 'INVALID_PERMISSIONS')
  })

  test('4009 MAX_PARTICIPANT_REACHED: the room is full, but whoever is in it may come back', async () => {
    const roomId = await newRoom()
    for (let i = 0; i < 4; i++) await join(server, roomId, `p${i}`)
    assert.equal(await refusal({ roomId, participantId: 'one-more' }), 'MAX_PARTICIPANT_REACHED')
    assert.equal((await join(server, roomId, 'p0')).joined.participantId, 'p0')
  })

  test('4022 UNAUTHORIZED_ROOM_ID: the token is bound to another room', async () => {
    const [roomId, other] = [await newRoom(), await newRoom()]
    assert.equal(await refusal({ roomId }, await server.sign({ roomId: other })), 'UNAUTHORIZED_ROOM_ID')
    assert.equal(
      await refusal({ roomId: 'zzzz-zzzz-zzzz' }, await server.sign({ roomId: other })),
      'UNAUTHORIZED_ROOM_ID',
    )
    assert.ok((await join(server, roomId, 'ann', await server.sign({ roomId }))).joined)
  })

  test('a socket elsewhere than /v2/rtc is answered 404, and /v2/rtc/ is the same as /v2/rtc', async () => {
    const url = new URL(server.url)
    const socket = connectTcp(Number(url.port), url.hostname)
    socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk)
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 404 /)
    const client = await connect({ wsUrl: `${server.wsUrl}/?x=1` })
    client.send({ type: 'ping' })
    await client.next('pong')
    client.socket.close()
  })
})

describe('being inside', () => {
  test('a leave is recorded with its reason, told to the others, and closes with 1000', async () => {
    const roomId = await newRoom()
    const [ann, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    await ann.next('participant-joined')
    bob.send({ type: 'leave' })
    assert.equal(await bob.closed, '1000')
    const told = await ann.next('participant-left')
    assert.deepEqual(told, {
      type: 'participant-left',
      participantId: 'bob',
      connectionId: bob.joined.connectionId,
      reason: 'left',
    })
    const [session] = await sessionsOf(roomId)
    assert.equal(person(session, 'bob')?.timelog[0]?.reason, 'left')
    assert.notEqual(person(session, 'bob')?.timelog[0]?.end, null)
  })

  test('a socket that closes without a word is a leave', async () => {
    const roomId = await newRoom()
    const [ann, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    await ann.next('participant-joined')
    bob.socket.terminate()
    assert.equal((await ann.next('participant-left')).reason, 'disconnected')
    await untilSession(roomId, (one) => person(one, 'bob')?.timelog[0]?.reason === 'disconnected')
  })

  test('coming back within the grace continues the session with one more timelog entry', async () => {
    const roomId = await newRoom()
    const first = await join(server, roomId, 'ann')
    first.socket.terminate()
    await untilSession(roomId, (one) => person(one, 'ann')?.timelog[0]?.end !== null)
    await new Promise((resolve) => setTimeout(resolve, 5))
    const again = await join(server, roomId, 'ann')
    assert.equal(again.joined.sessionId, first.joined.sessionId)
    const [session, ...others] = await sessionsOf(roomId)
    assert.deepEqual(others, [])
    assert.equal(person(session, 'ann')?.timelog.length, 2)
    assert.equal(person(session, 'ann')?.timelog[1]?.end, null)
  })

  test('a signal is carried unread to one connection of the room, and to no other room', async () => {
    const [roomId, elsewhere] = [await newRoom(), await newRoom()]
    const [ann, bob, eve] = [
      await join(server, roomId, 'ann'),
      await join(server, roomId, 'bob'),
      await join(server, elsewhere, 'eve'),
    ]
    await ann.next('participant-joined')
    const data = { sdp: 'v=0', nested: [1, { '': null }], text: 'Ω \u2028' }
    bob.send({ type: 'signal', to: ann.joined.connectionId, data })
    assert.deepEqual(await ann.next('signal'), { type: 'signal', from: bob.joined.connectionId, data })
    eve.send({ type: 'signal', to: ann.joined.connectionId, data })
    assert.equal((await eve.next('error')).code, 'PARTICIPANT_NOT_FOUND')
    eve.send({ type: 'ping' })
    await eve.next('pong')
    assert.deepEqual(ann.unread(), [])
  })

  test('remove and mute need allow_mod, and carry no field that they do not have; a removed participant’s stay has ended before the socket closes', async () => {
    const roomId = await newRoom()
    const plain = await server.sign({ permissions: ['allow_join'] })
    const [mod, bob] = [await join(server, roomId, 'mod'), await join(server, roomId, 'bob', plain)]
    await mod.next('participant-joined')
    for (const type of ['remove', 'mute']) {
      bob.send({ type, participantId: 'mod' })
      assert.equal((await bob.next('error')).code, 'FORBIDDEN')
    }
    // What is no field of it is not carried along.
    mod.send({ type: 'mute', participantId: 'bob', kind: 'audio', forged: 'x' } as never)
    assert.deepEqual(await bob.next('mute'), { type: 'mute', participantId: 'bob', kind: 'audio', from: 'mod' })
    mod.send({ type: 'remove', participantId: 'nobody' })
    assert.equal((await mod.next('error')).code, 'PARTICIPANT_NOT_FOUND')
    mod.send({ type: 'remove', participantId: 'bob' })
    assert.equal(await bob.closed, 'REMOVED')
    assert.equal(person((await sessionsOf(roomId))[0], 'bob')?.timelog[0]?.reason, 'removed')
    assert.equal((await mod.next('participant-left')).reason, 'removed')
  })

  test('4005 DUPLICATE_PARTICIPANT: the older connection goes; alive, its stay ends as the newer begins', async () => {
    const roomId = await newRoom()
    const [older, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    const newer = await join(server, roomId, 'ann')
    assert.equal(await older.closed, 'DUPLICATE_PARTICIPANT')
    assert.deepEqual(
      newer.joined.participants.map((peer) => peer.participantId),
      ['bob'],
    )
    assert.equal((await bob.next('participant-joined')).connectionId, newer.joined.connectionId)
    const left = await bob.next('participant-left')
    assert.deepEqual([left.connectionId, left.reason], [older.joined.connectionId, 'replaced'])
    const session = await untilSession(roomId, () => true)
    assert.equal(person(session, 'ann')?.timelog.length, 1)
    assert.equal(person(session, 'ann')?.timelog[0]?.end, null)
  })

  test('joins and leaves of many at once: everybody ends with the same list of who is inside', async () => {
    const wide = await startServer({ ROLLCALL_ROOM_MAX: '100' })
    try {
      const roomId = await newRoom({}, wide)
      const all = await Promise.all(Array.from({ length: 30 }, (_, i) => join(wide, roomId, `p${i}`)))
      const leaving = all.filter((_, i) => i % 3 === 0)
      for (const client of leaving) client.send({ type: 'leave' })
      await Promise.all(leaving.map((client) => client.closed))
      const staying = all.filter((_, i) => i % 3 !== 0)
      for (const client of staying) {
        client.send({ type: 'ping' })
        const inside = new Set(client.joined.participants.map((peer) => peer.connectionId))
        for (let done = false; !done; ) {
          const message = await client.any()
          if (message.type === 'participant-joined') inside.add(message.connectionId)
          else if (message.type === 'participant-left') inside.delete(message.connectionId)
          else done = message.type === 'pong'
        }
        const expected = staying.filter((one) => one !== client).map((one) => one.joined.connectionId)
        assert.deepEqual([...inside].sort(), expected.sort())
      }
    } finally {
      await wide.stop()
    }
  })
})

describe('the waiting room', () => {
  const ask = { permissions: ['ask_join' as const] }

  async function askToJoin(roomId: string, name: string): Promise<RtcClient> {
    const client = await connect(server)
    client.send({ type: 'join', token: await server.sign(ask), roomId, participantId: name, name })
    await client.next('waiting')
    return client
  }

  test('whoever may only ask waits, outside the record, until somebody inside admits them', async () => {
    const roomId = await newRoom()
    const guest = await askToJoin(roomId, 'guest')
    assert.deepEqual(await sessionsOf(roomId), [])
    const host = await join(server, roomId, 'host')
    assert.deepEqual(await host.next('entry-requested'), {
      type: 'entry-requested',
      participantId: 'guest',
      name: 'guest',
      nameSource: 'typed',
    })
    assert.equal(person((await sessionsOf(roomId))[0], 'guest'), undefined)
    guest.send({ type: 'signal', to: host.joined.connectionId, data: 1 })
    assert.equal((await guest.next('error')).code, 'NOT_INSIDE')
    host.send({ type: 'admit', participantId: 'guest' })
    const joined = await guest.next('joined')
    assert.equal(joined.sessionId, host.joined.sessionId)
    assert.equal((await host.next('entry-settled')).outcome, 'admitted')
    assert.equal((await host.next('participant-joined')).participantId, 'guest')
    assert.notEqual(person((await sessionsOf(roomId))[0], 'guest'), undefined)
    guest.send({ type: 'admit', participantId: 'guest' })
    assert.equal((await guest.next('error')).code, 'FORBIDDEN')
  })

  test('DENIED closes whoever was denied; whoever hangs up is withdrawn', async () => {
    const roomId = await newRoom()
    const host = await join(server, roomId, 'host')
    const guest = await askToJoin(roomId, 'guest')
    await host.next('entry-requested')
    host.send({ type: 'deny', participantId: 'guest' })
    assert.equal(await guest.closed, 'DENIED')
    assert.equal((await host.next('entry-settled')).outcome, 'denied')
    const other = await askToJoin(roomId, 'other')
    await host.next('entry-requested')
    other.socket.terminate()
    assert.equal((await host.next('entry-settled')).outcome, 'withdrawn')
    host.send({ type: 'admit', participantId: 'other' })
    assert.equal((await host.next('error')).code, 'PARTICIPANT_NOT_FOUND')
    assert.deepEqual(
      (await sessionsOf(roomId))[0]?.participants.map((one) => one.participantId),
      ['host'],
    )
  })
})

describe('limits and silence', () => {
  let strict: TestServer
  const limits = {
    ...rtcLimits,
    joinTimeoutMs: 150,
    pingIntervalMs: 100,
    silenceMs: 600,
    probeMs: 150,
    closeMs: 300,
    messageMaxBytes: 2000,
    messagesPerSecond: 5,
    messageBurst: 10,
    bufferedMaxBytes: 100_000,
  }
  before(async () => {
    strict = await startServer({}, { rtcLimits: limits })
  })
  after(() => strict.stop())

  test('JOIN_TIMEOUT: a socket that does not join in time is closed', async () => {
    assert.equal(await (await connect(strict)).closed, 'JOIN_TIMEOUT')
  })

  test('INVALID_MESSAGE: binary, not JSON, of no known type, or anything before the join', async () => {
    for (const message of [
      Buffer.from('{}'),
      'nonsense',
      '[]',
      'null',
      '{"type":"dance"}',
      '{"type":"signal"}',
      '{"type":"join"}',
    ]) {
      const client = await connect(strict)
      client.send(message)
      assert.equal(await client.closed, 'INVALID_MESSAGE', String(message))
    }
    const early = await connect(strict)
    early.send({ type: 'signal', to: 'x', data: 1 })
    assert.equal(await early.closed, 'INVALID_MESSAGE')
  })

  /** Rooms of their own on the server's store, with another way to record. */
  async function withRecord(
    wrap: (record: Context['record']) => Context['record'],
    use: (there: { wsUrl: string }) => Promise<void>,
  ): Promise<void> {
    const { context } = server
    const verifyToken = createTokenVerifier({
      reads: context.reads,
      clock: context.clock,
      strictRoles: false,
      keyUses: { note() {} },
    })
    const rooms = createHostedRooms(
      { ...context, record: wrap(context.record) },
      {
        ...{ verifyToken, countStranger: () => undefined, leases: createRoomLeases(context, undefined), limits },
        endSessions: async () => [],
      },
    )
    const http = createServer().listen(0, '127.0.0.1')
    http.on('upgrade', rooms.upgrade)
    try {
      await once(http, 'listening')
      await use({ wsUrl: `ws://127.0.0.1:${(http.address() as AddressInfo).port}/v2/rtc` })
    } finally {
      await rooms.stop()
      http.close()
    }
  }

  async function joinMessage(roomId: string, participantId: string): Promise<object> {
    const { context, apiKey, secret } = server
    const token = await signToken({ apiKey, secret }, {}, { now: context.clock.now(), lifetimeMs: 60_000 })
    return { type: 'join', token, roomId, participantId }
  }

  test('NOT_RECORDED: a join that cannot be made durable is closed, and nobody else hears of it', async () => {
    const full =
      (record: Context['record']): Context['record'] =>
      async (keyId, facts, about) => {
        if (facts.some(({ type }) => type === 'participant-joined')) throw new Error('the disk is full')
        return record(keyId, facts, about)
      }
    await withRecord(full, async (there) => {
      const roomId = await newRoom()
      const client = await connect(there)
      client.send(await joinMessage(roomId, 'ann'))
      assert.equal(await client.closed, 'NOT_RECORDED')
      assert.deepEqual([client.unread(), await sessionsOf(roomId)], [[], []])
    })
  })

  test('nobody is closed before their leave is durable, however often they are found silent until then', async () => {
    let durable = false
    const slow =
      (record: Context['record']): Context['record'] =>
      async (keyId, facts, about) => {
        const isLeave = facts.some(({ type }) => type === 'participant-left')
        if (isLeave) await new Promise((resolve) => setTimeout(resolve, 5 * limits.pingIntervalMs))
        const recorded = await record(keyId, facts, about)
        durable ||= isLeave
        return recorded
      }
    await withRecord(slow, async (there) => {
      const client = await connect(there, { autoPong: false })
      client.send(await joinMessage(await newRoom(), 'ann'))
      assert.equal(await client.closed, 'SILENT')
      assert.ok(durable)
    })
  })

  test('MESSAGE_TOO_BIG and TOO_MANY_MESSAGES close whoever sends more than the limits', async () => {
    const big = await connect(strict)
    big.send('x'.repeat(2001))
    assert.equal(await big.closed, 'MESSAGE_TOO_BIG')
    const huge = await connect(strict)
    huge.send('x'.repeat(1_000_000))
    assert.equal(await huge.closed, '1009')
    const fast = await join(strict, await newRoom({}, strict), 'fast')
    for (let i = 0; i < 20; i++) fast.send({ type: 'ping' })
    assert.equal(await fast.closed, 'TOO_MANY_MESSAGES')
  })

  test('SILENT: a socket that answers no ping is gone at its last pong, marked as concluded', async () => {
    const roomId = await newRoom({}, strict)
    const witness = await join(strict, roomId, 'witness')
    const quiet = await join(strict, roomId, 'quiet', undefined, { autoPong: false })
    assert.equal(await quiet.closed, 'SILENT')
    const entry = person((await sessionsOf(roomId, strict))[0], 'quiet')?.timelog[0]
    assert.equal(entry?.inferred, true)
    assert.equal(entry?.reason, 'connection-silent')
    // Its last evidence was the join.
    assert.equal(entry?.end, entry?.start)
    assert.equal(witness.socket.readyState, witness.socket.OPEN)
    witness.socket.terminate()
  })

  test('a silent connection that is replaced ends at its last pong, not at the replacement', async () => {
    const roomId = await newRoom({}, strict)
    const quiet = await join(strict, roomId, 'ann', undefined, { autoPong: false })
    await new Promise((resolve) => setTimeout(resolve, 250))
    const replacedAt = Date.now()
    const back = await join(strict, roomId, 'ann')
    assert.equal(back.joined.sessionId, quiet.joined.sessionId)
    assert.equal(await quiet.closed, 'DUPLICATE_PARTICIPANT')
    const session = await untilSession(roomId, (one) => person(one, 'ann')?.timelog.length === 2, strict)
    const [first, second] = person(session, 'ann')?.timelog ?? []
    assert.equal(first?.inferred, true)
    assert.ok(Date.parse(first?.end ?? '') < replacedAt)
    assert.equal(second?.end, null)
    back.socket.terminate()
  })

  test('a stalled event loop invents no leaves: nobody is silent because we did not listen', async () => {
    const roomId = await newRoom({}, strict)
    const ann = await join(strict, roomId, 'ann')
    // The client shares this loop, so its pongs are as late as our reading of them.
    const until = performance.now() + 2 * limits.silenceMs
    while (performance.now() < until);
    ann.send({ type: 'ping' })
    await ann.next('pong')
    await new Promise((resolve) => setTimeout(resolve, limits.silenceMs / 2))
    assert.equal(person((await sessionsOf(roomId, strict))[0], 'ann')?.timelog[0]?.end, null)
    ann.socket.terminate()
  })

  test('TOO_SLOW: whoever does not read is closed, and never buffered without bound', async () => {
    const roomy = await startServer(
      {},
      {
        rtcLimits: { ...rtcLimits, bufferedMaxBytes: 100_000, closeMs: 300, messagesPerSecond: 1e6, messageBurst: 1e6 },
      },
    )
    try {
      const roomId = await newRoom({}, roomy)
      const [slow, talker] = [await join(roomy, roomId, 'slow'), await join(roomy, roomId, 'talker')]
      slow.socket.pause()
      const data = 'x'.repeat(50_000)
      let told: string | undefined
      for (let i = 0; told === undefined; i++) {
        talker.send({ type: 'signal', to: slow.joined.connectionId, data })
        talker.send({ type: 'ping' })
        const message = await talker.any()
        if (message.type === 'participant-left') told = message.reason
        assert.ok(i < 2000, 'two thousand messages of 50 kB were taken for a reader that reads nothing')
      }
      assert.equal(told, 'too-slow')
    } finally {
      await roomy.stop()
    }
  })
})

describe('stopping', () => {
  test('SERVER_STOPPING: everybody is told, and has left in the record before the server is gone', async () => {
    const dataFolder = await mkdtemp(joinPath(dataParent, 'rollcall-test-'))
    try {
      const stopping = await startServer({ ROLLCALL_DATA: dataFolder })
      const roomId = await newRoom({}, stopping)
      const clients = [await join(stopping, roomId, 'ann'), await join(stopping, roomId, 'bob')]
      await stopping.stop()
      assert.deepEqual(await Promise.all(clients.map((client) => client.closed)), [
        'SERVER_STOPPING',
        'SERVER_STOPPING',
      ])
      const again = await startServer({ ROLLCALL_DATA: dataFolder })
      const [session] = await sessionsOf(roomId, again)
      for (const name of ['ann', 'bob']) {
        const entry = person(session, name)?.timelog[0]
        assert.equal(entry?.reason, 'server-stopping')
        assert.notEqual(entry?.end, null)
      }
      await again.stop()
    } finally {
      await rm(dataFolder, { recursive: true })
    }
  })
})
