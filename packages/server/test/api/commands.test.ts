import assert from 'node:assert/strict'
import { connect as connectTcp } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { DeactivatedRoom, Room, Session } from '@rollcall/protocol'
import { WebSocket } from 'ws'
import { rtcLimits } from '../../src/rooms/limits.ts'
import { form, insideOf, listSessions, makeRoom } from '../support/api-calls.ts'
import { connect, join, type RtcClient } from '../support/clients/rtc-client.ts'
import { addNeighbour, recordSession } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Commanded = Session & { enforced: boolean; message?: string; meetingId?: string; userMeetingId?: string | null }

const minuteMs = 60_000
let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

const end = (body: unknown, token?: string) =>
  server.call<Commanded>('POST', '/v2/sessions/end', body, token === undefined ? {} : { token })
const remove = (body: unknown, token?: string) =>
  server.call<Commanded>('POST', '/v2/sessions/participants/remove', body, token === undefined ? {} : { token })
const deactivate = (body: unknown, token?: string) =>
  server.call<DeactivatedRoom>('POST', '/v2/rooms/deactivate', body, token === undefined ? {} : { token })

async function newRoom(body: object = {}): Promise<string> {
  return (await makeRoom(server, body)).roomId
}

/** A running session that a media server reported, begun so many minutes ago. */
function report(roomId: string, minutesAgo: number, participantIds: string[] = ['anna']): Promise<string> {
  const startAt = Date.now() - minutesAgo * minuteMs
  const stays = participantIds.map((participantId, i) => ({ participantId, joinedAt: startAt + i }))
  return recordSession(server, { roomId, startAt, stays })
}

/** Connects and asks to come in; whether it does is told later. */
async function ask(roomId: string, participantId: string, token?: string): Promise<RtcClient> {
  const client = await connect(server)
  client.send({ type: 'join', token: token ?? (await server.sign()), roomId, participantId })
  return client
}

async function assertRefused(answer: Promise<{ status: number; body: object }>, status: number, error: RegExp) {
  const { status: got, body } = await answer
  assert.equal(got, status)
  assert.match(String((body as { error?: string }).error), error)
}

type Answered = { status: number; body: Commanded }

/** Several requests in one packet: they are all there before the first is looked at. */
async function sendTogether(path: string, bodies: object[]): Promise<Answered[]> {
  const { hostname, port } = new URL(server.url)
  const token = await server.sign()
  const socket = connectTcp(Number(port), hostname)
  const requests = bodies.map((body, i) => {
    const text = JSON.stringify(body)
    const connection = i === bodies.length - 1 ? 'close' : 'keep-alive'
    const headers = [`host: ${hostname}`, `authorization: ${token}`, `connection: ${connection}`]
    return [`POST ${path} HTTP/1.1`, ...headers, `content-length: ${text.length}`, '', text].join('\r\n')
  })
  socket.write(requests.join(''))
  let received = ''
  for await (const chunk of socket) received += chunk
  return received.split(/(?=HTTP\/1\.1 )/).map((answer) => {
    const [head = '', text = ''] = answer.split('\r\n\r\n')
    return { status: Number(head.split(' ')[1]), body: JSON.parse(text) }
  })
}

/** Every change of the server's key of one type, of one session. */
async function changesOf(sessionId: string, type: string) {
  const key = await server.context.reads.keys.find(server.apiKey)
  const changes = await server.context.reads.changes.after(key?.keyId ?? 0, 0, 100_000)
  return changes.filter((change) => change.sessionId === sessionId && change.type === type)
}

describe('POST /v2/rooms/deactivate', () => {
  test('answers the room in its old names, in the documented order', async () => {
    const webhook = { endPoint: 'https://example.org/hook', events: ['session-*'] }
    const room = await makeRoom(server, { customRoomId: 'old names', webhook })
    const { status, body } = await deactivate({ roomId: room.roomId })
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), [
      'webhook',
      'disabled',
      'meetingId',
      'userMeetingId',
      'userId',
      'createdAt',
      'updatedAt',
      'user',
      'id',
      'roomId',
      'customRoomId',
    ])
    const { updatedAt, user, ...rest } = body
    assert.deepEqual(rest, {
      webhook,
      disabled: true,
      meetingId: room.roomId,
      userMeetingId: 'old names',
      userId: room.userId,
      createdAt: room.createdAt,
      id: room.id,
      roomId: room.roomId,
      customRoomId: 'old names',
    })
    assert.ok(updatedAt >= room.updatedAt)
    assert.deepEqual(user, { id: room.userId, name: 'Owner', email: null })
    assert.ok(!('webhook' in (await deactivate({ roomId: await newRoom() })).body))
  })

  test('ends what runs in the room, and has closed its sockets as ROOM_CLOSED, before it answers', async () => {
    const roomId = await newRoom()
    const [ann, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    const reported = await report(roomId, 2)
    await deactivate({ roomId })
    for (const { socket } of [ann, bob]) assert.notEqual(socket.readyState, WebSocket.OPEN)
    assert.deepEqual([await ann.closed, await bob.closed], ['ROOM_CLOSED', 'ROOM_CLOSED'])
    const sessions = await listSessions(server, roomId)
    assert.deepEqual(
      sessions.map(({ id, status }) => [id, status]),
      [
        [ann.joined.sessionId, 'ended'],
        [reported, 'ended'],
      ],
    )
    assert.deepEqual(sessions.flatMap(insideOf), [])
  })

  test('refuses every later join as INVALID_MEETING_ID, and sends away who waits to be let in', async () => {
    const roomId = await newRoom()
    const waiting = await ask(roomId, 'ann', await server.sign({ permissions: ['ask_join'] }))
    await waiting.next('waiting')
    await deactivate({ roomId })
    assert.equal(await waiting.closed, 'ROOM_CLOSED')
    assert.equal(await (await ask(roomId, 'bob')).closed, 'INVALID_MEETING_ID')
  })

  test('leaves nobody inside whose join was on the way', async () => {
    const token = await server.sign()
    for (let round = 0; round < 30; round++) {
      const roomId = await newRoom()
      const client = await connect(server)
      const deactivated = deactivate({ roomId })
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate)
      client.send({ type: 'join', token, roomId, participantId: 'ann' })
      assert.equal((await deactivated).status, 200)
      assert.match(await client.closed, /^(ROOM_CLOSED|INVALID_MEETING_ID)$/)
      assert.deepEqual((await listSessions(server, roomId)).flatMap(insideOf), [])
    }
  })

  test('takes the roomId alone: 402 for the room’s other ids, 404 for what is unknown, 400 for none', async () => {
    const { roomId, id } = await makeRoom(server, { customRoomId: 'a custom one' })
    for (const other of ['a custom one', id]) {
      const { status, body } = await server.call('POST', '/v2/rooms/deactivate', { roomId: other })
      assert.deepEqual([status, body.code], [402, 'ROOM_ID_NEEDED'])
      assert.equal(body.error, `${other} is no roomId: deactivating takes the room's own, ${roomId}`)
    }
    await assertRefused(deactivate({ roomId: 'none-here-atal' }), 404, /^Room none-here-atal not found$/)
    await assertRefused(deactivate({}), 400, /^roomId is missing: it takes the roomId, not a customRoomId$/)
    assert.equal((await server.call<Room>('GET', `/v2/rooms/${roomId}`)).body.disabled, false)
  })

  test('twice is once', async () => {
    const roomId = await newRoom()
    const first = await deactivate({ roomId })
    assert.deepEqual((await deactivate({ roomId })).body, first.body)
  })

  test('takes a form', async () => {
    const roomId = await newRoom()
    const { status, body } = await server.call('POST', '/v2/rooms/deactivate', `roomId=${roomId}`, { headers: form })
    assert.deepEqual([status, body.disabled], [200, true])
  })
})

describe('ending, removing and deactivating', () => {
  test('are answered once the record says so and the last socket is closed, however late its client takes leave', async () => {
    const patient = await startServer({}, { rtcLimits: { ...rtcLimits, closeMs: 60_000 } })
    const sockets: WebSocket[] = []
    try {
      for (const [path, name] of [
        ['/v2/sessions/end', 'SESSION_ENDED'],
        ['/v2/sessions/participants/remove', 'REMOVED'],
        ['/v2/rooms/deactivate', 'ROOM_CLOSED'],
      ] as const) {
        const { roomId } = await makeRoom(patient)
        const ann = await join(patient, roomId, 'ann')
        sockets.push(ann.socket)
        ann.socket.pause()
        let isAnswered = false
        const answer = patient.call('POST', path, { roomId, participantId: 'ann' }).then(({ status }) => {
          isAnswered = true
          return status
        })
        while ((await listSessions(patient, roomId)).flatMap(insideOf).length > 0);
        for (let again = 0; again < 3; again++) await listSessions(patient, roomId)
        assert.equal(isAnswered, false)
        ann.socket.resume()
        assert.deepEqual([await ann.closed, await answer], [name, 200])
      }
    } finally {
      for (const socket of sockets) socket.terminate()
      await patient.stop()
    }
  })
})

describe('POST /v2/rooms/:id', () => {
  const setStatus = (id: string, status: unknown) =>
    server.call<Room & { status: string }>('POST', `/v2/rooms/${id}`, { status })

  test('disables a room and ends what runs in it, until it is enabled again', async () => {
    const room = await makeRoom(server, { customRoomId: 'on and off' })
    const ann = await join(server, room.roomId, 'ann')
    const disabled = await setStatus(room.roomId, 'disabled')
    assert.deepEqual(Object.keys(disabled.body), [...Object.keys(room), 'status'])
    assert.deepEqual([disabled.body.disabled, disabled.body.status], [true, 'disabled'])
    assert.notEqual(ann.socket.readyState, WebSocket.OPEN)
    assert.equal(await ann.closed, 'ROOM_CLOSED')
    assert.equal(await (await ask(room.roomId, 'ann')).closed, 'INVALID_MEETING_ID')

    const enabled = await setStatus('on%20and%20off', 'enabled')
    assert.deepEqual([enabled.body.disabled, enabled.body.status], [false, 'enabled'])
    const again = await join(server, room.roomId, 'ann')
    assert.notEqual(again.joined.sessionId, ann.joined.sessionId)
    await setStatus(room.id, 'disabled')
    assert.equal(await again.closed, 'ROOM_CLOSED')
  })

  test('of an unknown room is 404; a status it does not know is 400, naming it; a form will do', async () => {
    const roomId = await newRoom()
    await assertRefused(setStatus('none-here-atal', 'disabled'), 404, /^Room none-here-atal not found$/)
    await assertRefused(setStatus(roomId, 'off'), 400, /^status=off is not understood: it takes enabled or disabled$/)
    await assertRefused(setStatus(roomId, undefined), 400, /^status is missing: it takes enabled or disabled$/)
    const { status, body } = await server.call('POST', `/v2/rooms/${roomId}`, 'status=disabled', { headers: form })
    assert.deepEqual([status, body.disabled], [200, true])
  })
})

describe('POST /v2/sessions/end', () => {
  test('ends a hosted session, and has closed its sockets as SESSION_ENDED, before it answers', async () => {
    const roomId = await newRoom()
    const [ann, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    const running = (await listSessions(server, roomId))[0]
    const { status, body } = await end({ roomId })
    for (const { socket } of [ann, bob]) assert.notEqual(socket.readyState, WebSocket.OPEN)
    assert.deepEqual([await ann.closed, await bob.closed], ['SESSION_ENDED', 'SESSION_ENDED'])
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), [...Object.keys(running ?? {}), 'enforced', 'meetingId', 'userMeetingId'])
    assert.deepEqual([body.id, body.status, body.enforced], [ann.joined.sessionId, 'ended', true])
    for (const { timelog } of body.participants) {
      assert.deepEqual(
        timelog.map(({ end, reason }) => ({ end, reason })),
        [{ end: body.end, reason: 'session-ended' }],
      )
    }
    const { enforced: _, meetingId, userMeetingId, ...session } = body
    assert.deepEqual([meetingId, userMeetingId], [roomId, null])
    assert.deepEqual(await listSessions(server, roomId), [session])
  })

  test('finds the session by roomId, customRoomId or id of the room, as meetingId, and by sessionId alone', async () => {
    const { roomId, id } = await makeRoom(server, { customRoomId: 'found by many names' })
    for (const by of [
      () => ({ roomId }),
      () => ({ roomId: 'found by many names' }),
      () => ({ roomId: id }),
      () => ({ meetingId: roomId }),
      () => ({ meetingId: 'found by many names' }),
      (sessionId: string) => ({ sessionId }),
      (sessionId: string) => ({ roomId, sessionId, force: true, vsdkForceKill: false, ignoreClosed: null }),
    ]) {
      const { joined, closed } = await join(server, roomId, 'ann')
      const { status, body } = await end(by(joined.sessionId))
      assert.deepEqual([status, body.id, body.status], [200, joined.sessionId, 'ended'])
      assert.equal(await closed, 'SESSION_ENDED')
    }
  })

  test('where nothing runs is 409, or with ignoreClosed the last session', async () => {
    const roomId = await newRoom()
    await assertRefused(end({ roomId, ignoreClosed: true }), 404, /^Room \S+ had no session yet$/)
    const sessionId = await report(roomId, 9)
    const ended = (await end({ roomId })).body
    const { status, body } = await server.call('POST', '/v2/sessions/end', { roomId })
    assert.deepEqual([status, body.code], [409, 'NO_SESSION_OPEN'])
    assert.equal(body.error, `No session of room ${roomId} is running: with ignoreClosed the last one is answered`)
    await assertRefused(end({ sessionId }), 409, new RegExp(`^Session ${sessionId} has ended: with ignoreClosed`))
    for (const body of [{ roomId }, { sessionId }]) {
      const again = await end({ ...body, ignoreClosed: true })
      assert.deepEqual([again.status, again.body], [200, { ...ended, enforced: true }])
    }
  })

  test('of several that run in the room ends all, and answers the newest', async () => {
    const roomId = await newRoom()
    const [oldest, newest, middle] = [await report(roomId, 9), await report(roomId, 1), await report(roomId, 5)]
    const { body } = await end({ roomId })
    assert.deepEqual([body.id, body.enforced], [newest, false])
    assert.deepEqual(
      (await listSessions(server, roomId)).map(({ id, status }) => [id, status]),
      [
        [newest, 'ended'],
        [middle, 'ended'],
        [oldest, 'ended'],
      ],
    )
  })

  test('with a sessionId ends that one alone', async () => {
    const roomId = await newRoom()
    const [one, other] = [await report(roomId, 9), await report(roomId, 1)]
    const ann = await join(server, roomId, 'ann')
    assert.equal((await end({ roomId, sessionId: one })).body.id, one)
    assert.deepEqual(
      (await listSessions(server, roomId)).map(({ id, status }) => [id, status]),
      [
        [ann.joined.sessionId, 'ongoing'],
        [other, 'ongoing'],
        [one, 'ended'],
      ],
    )
    assert.equal(ann.socket.readyState, WebSocket.OPEN)
    ann.socket.close()
  })

  test('says that it was not enforced where whoever runs the session takes no orders', async () => {
    const roomId = await newRoom()
    const sessionId = await report(roomId, 3, ['anna', 'ben'])
    const { body } = await end({ roomId })
    assert.deepEqual([body.id, body.status, body.enforced], [sessionId, 'ended', false])
    assert.deepEqual(insideOf(body), [])
  })

  test('ends a session whose source’s clock runs ahead of ours', async () => {
    const roomId = await newRoom()
    const at = Date.now() + 4 * minuteMs
    const person = { source: 'janus', roomId, participantId: 'anna', connectionId: '1', at, receivedAt: Date.now() }
    const key = await server.context.reads.keys.find(server.apiKey)
    await server.context.record(key?.keyId ?? 0, [{ type: 'participant-joined', id: 'ahead', ...person }])
    const { status, body } = await end({ roomId })
    assert.deepEqual([status, body.status, body.enforced], [200, 'ended', false])
    assert.deepEqual([body.start, body.end], [new Date(at).toISOString(), new Date(at).toISOString()])
  })

  test('twice at the same moment changes the record once, and both are answered the ended session', async () => {
    const roomId = await newRoom()
    const { joined, closed } = await join(server, roomId, 'ann')
    const answers = await sendTogether('/v2/sessions/end', [{ roomId }, { roomId }])
    assert.deepEqual(answers[1], answers[0])
    const [{ status, body }] = answers as [Answered]
    assert.deepEqual([status, body.id, body.status, body.enforced], [200, joined.sessionId, 'ended', true])
    assert.equal(await closed, 'SESSION_ENDED')
    assert.equal((await changesOf(joined.sessionId, 'session.ended')).length, 1)
    const [session] = await listSessions(server, roomId)
    assert.deepEqual([session?.revision, session?.end], [0, body.end])
  })

  test('is followed by a new session for whoever joins in the same millisecond', async () => {
    const frozen = await startServer({}, { clock: { now: () => Date.parse('2026-01-15T12:00:00.000Z') } })
    try {
      const { roomId } = await makeRoom(frozen)
      const ann = await join(frozen, roomId, 'ann')
      await frozen.call('POST', '/v2/sessions/end', { roomId })
      const again = await join(frozen, roomId, 'ann')
      assert.notEqual(again.joined.sessionId, ann.joined.sessionId)
      const sessions = await listSessions(frozen, roomId)
      assert.deepEqual(sessions.map(({ status }) => status).sort(), ['ended', 'ongoing'])
      assert.deepEqual(sessions.flatMap(insideOf), ['ann'])
    } finally {
      await frozen.stop()
    }
  })

  test('leaves the sockets and the record of one mind, whoever joins between several ends', async () => {
    for (let round = 0; round < 20; round++) {
      const roomId = await newRoom()
      await join(server, roomId, 'ann')
      const clients = await Promise.all(
        ['bob', 'cleo', 'dan'].map(async (name) => ({ name, ...(await connect(server)) })),
      )
      const token = await server.sign()
      const joins = clients.map(async ({ name, send, any, closed }, i) => {
        for (let turn = 0; turn < 2 * i + (round % 4); turn++) await new Promise(setImmediate)
        send({ type: 'join', token, roomId, participantId: name })
        await Promise.race([any().catch(() => undefined), closed])
      })
      await Promise.all([end({ roomId }), end({ roomId }), end({ roomId }), ...joins])
      const isOpen = clients.filter(({ socket }) => socket.readyState === WebSocket.OPEN).map(({ name }) => name)
      assert.deepEqual((await listSessions(server, roomId)).flatMap(insideOf).sort(), isOpen)
      for (const { socket } of clients) socket.close()
    }
  })

  test('needs to be told which: 400 for none, 404 for what is unknown or belongs to another room or key', async () => {
    const [roomId, otherRoomId] = [await newRoom(), await newRoom()]
    const sessionId = await report(roomId, 2)
    await assertRefused(end({}), 400, /^The body takes a roomId \(or customRoomId in its place\), or a sessionId$/)
    await assertRefused(
      end({ roomId, ignoreClosed: 'maybe' }),
      400,
      /^ignoreClosed=maybe is not understood: it takes true/,
    )
    await assertRefused(end({ roomId, force: 1 }), 400, /^force=1 is not understood: it takes true or false$/)
    await assertRefused(end({ roomId: 'none-here-atal' }), 404, /^Room none-here-atal not found$/)
    await assertRefused(
      end({ sessionId: '621497578bea0d0404c35c4c' }),
      404,
      /^Session 621497578bea0d0404c35c4c not found$/,
    )
    await assertRefused(end({ roomId: otherRoomId, sessionId }), 404, /^Session \S+ not found in room \S+$/)
    const token = await signToken(await addNeighbour(server), {}, { now: Date.now(), lifetimeMs: 60_000 })
    await assertRefused(end({ roomId }, token), 404, new RegExp(`^Room ${roomId} not found$`))
    await assertRefused(end({ sessionId }, token), 404, new RegExp(`^Session ${sessionId} not found$`))
    assert.equal((await listSessions(server, roomId))[0]?.status, 'ongoing')
  })

  test('by a token that is bound to a room ends what runs in that room alone', async () => {
    const [own, other] = [await newRoom(), await newRoom()]
    const [ownSession, otherSession] = [await report(own, 2), await report(other, 2)]
    const token = await server.sign({ roomId: own })
    await assertRefused(end({ roomId: other }, token), 404, /^Room \S+ not found$/)
    await assertRefused(end({ sessionId: otherSession }, token), 404, /^Session \S+ not found$/)
    assert.equal((await end({ sessionId: ownSession }, token)).status, 200)
    assert.equal((await listSessions(server, other))[0]?.status, 'ongoing')
  })

  test('takes a form', async () => {
    const roomId = await newRoom()
    await report(roomId, 2)
    for (const text of [`roomId=${roomId}`, `roomId=${roomId}&ignoreClosed=true&force=false`]) {
      const { status, body } = await server.call('POST', '/v2/sessions/end', text, { headers: form })
      assert.deepEqual([status, body.status], [200, 'ended'])
    }
  })
})

describe('POST /v2/sessions/participants/remove', () => {
  test('has closed that person’s socket as REMOVED, and nobody else’s, before it answers', async () => {
    const roomId = await newRoom()
    const [ann, bob] = [await join(server, roomId, 'ann'), await join(server, roomId, 'bob')]
    const running = (await listSessions(server, roomId))[0]
    const { status, body } = await remove({ roomId, participantId: 'bob' })
    assert.notEqual(bob.socket.readyState, WebSocket.OPEN)
    assert.equal(await bob.closed, 'REMOVED')
    assert.equal(ann.socket.readyState, WebSocket.OPEN)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), [
      ...Object.keys(running ?? {}),
      'message',
      'enforced',
      'meetingId',
      'userMeetingId',
    ])
    assert.deepEqual(
      [body.id, body.status, body.message, body.enforced],
      [ann.joined.sessionId, 'ongoing', 'Participant bob was removed', true],
    )
    assert.deepEqual(insideOf(body), ['ann'])
    const [entry] = body.participants.find(({ participantId }) => participantId === 'bob')?.timelog ?? []
    assert.deepEqual([entry?.reason, entry?.inferred], ['removed', undefined])
    ann.socket.close()
  })

  test('of a reported session ends every connection of theirs, and says that it was not enforced', async () => {
    const roomId = await newRoom()
    const startAt = Date.now() - 5 * minuteMs
    const sessionId = await recordSession(server, {
      roomId,
      startAt,
      stays: [
        { participantId: 'anna', joinedAt: startAt },
        { participantId: 'anna', joinedAt: startAt + minuteMs },
        { participantId: 'ben', joinedAt: startAt + 1 },
      ],
    })
    const { status, body } = await remove({ sessionId, participantId: 'anna' })
    assert.deepEqual([status, body.id, body.enforced], [200, sessionId, false])
    assert.deepEqual(insideOf(body), ['ben'])
    await assertRefused(remove({ sessionId, participantId: 'anna' }), 404, /^Participant anna is not inside room/)
  })

  test('at the same moment twice changes the record once', async () => {
    const roomId = await newRoom()
    const sessionId = await report(roomId, 5, ['anna', 'ben'])
    const answers = await Promise.all([1, 2, 3].map(() => remove({ roomId, participantId: 'anna' })))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404, 404])
    assert.equal((await changesOf(sessionId, 'participant.left')).length, 1)
  })

  test('who comes back right after it is inside, by the record too', async () => {
    const roomId = await newRoom()
    await join(server, roomId, 'ann')
    const bob = await join(server, roomId, 'bob')
    const removed = remove({ roomId, participantId: 'bob' })
    await bob.closed
    const again = await join(server, roomId, 'bob')
    assert.equal((await removed).status, 200)
    assert.equal(again.joined.sessionId, bob.joined.sessionId)
    assert.equal(again.socket.readyState, WebSocket.OPEN)
    const [session] = await listSessions(server, roomId)
    assert.deepEqual(session && insideOf(session), ['ann', 'bob'])
    await end({ roomId })
  })

  test('of somebody who is not inside is 404: never there, gone, or waiting to be let in', async () => {
    const roomId = await newRoom()
    await join(server, roomId, 'ann')
    const bob = await join(server, roomId, 'bob')
    bob.send({ type: 'leave' })
    await bob.closed
    const waiting = await ask(roomId, 'cleo', await server.sign({ permissions: ['ask_join'] }))
    await waiting.next('waiting')
    for (const participantId of ['nobody', 'bob', 'cleo']) {
      const { status, body } = await server.call('POST', '/v2/sessions/participants/remove', { roomId, participantId })
      assert.deepEqual([status, body.code], [404, 'PARTICIPANT_NOT_FOUND'])
      assert.equal(body.error, `Participant ${participantId} is not inside room ${roomId}`)
    }
    await end({ roomId })
    await assertRefused(remove({ roomId, participantId: 'ann' }), 404, /^Participant ann is not inside/)
  })

  test('needs to be told who and where, and finds no other key’s or room’s people', async () => {
    const [roomId, otherRoomId] = [await newRoom({ customRoomId: 'removal' }), await newRoom()]
    const sessionId = await report(roomId, 2)
    await assertRefused(remove({ roomId }), 400, /^participantId is missing: it takes one exact id$/)
    await assertRefused(remove({ participantId: 'anna' }), 400, /^The body takes a roomId .* or a sessionId$/)
    await assertRefused(remove({ participantId: 'anna', roomId: 'none' }), 404, /^Room none not found$/)
    await assertRefused(
      remove({ participantId: 'anna', roomId: otherRoomId, sessionId }),
      404,
      /^Session \S+ not found in/,
    )
    const bound = await server.sign({ roomId: otherRoomId })
    await assertRefused(remove({ participantId: 'anna', roomId }, bound), 404, /^Room \S+ not found$/)
    const token = await signToken(await addNeighbour(server), {}, { now: Date.now(), lifetimeMs: 60_000 })
    await assertRefused(remove({ participantId: 'anna', sessionId }, token), 404, /^Session \S+ not found$/)
    assert.equal((await remove({ participantId: 'anna', roomId: 'removal' })).status, 200)
  })

  test('takes a form', async () => {
    const roomId = await newRoom()
    const sessionId = await report(roomId, 2, ['anna', 'ben'])
    const text = `participantId=anna&sessionId=${sessionId}`
    const { status, body } = await server.call('POST', '/v2/sessions/participants/remove', text, { headers: form })
    assert.deepEqual([status, body.message], [200, 'Participant anna was removed'])
  })
})
