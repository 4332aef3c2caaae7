import assert from 'node:assert/strict'
import { createSign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, describe, type Mock, mock, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ActiveParticipant } from '@rollcall/protocol'
import {
  AccessTokenBuilder,
  AuthenticationError,
  decodeToken,
  Grant,
  generateToken,
  Page,
  ParticipantsResource,
  PermissionError,
  RateLimitError,
  ResourceConflictError,
  RoomNotFoundError,
  RoomsResource,
  SessionsResource,
  ValidationError,
  VideoSDK,
  VideoSDKError,
  WebhooksResource,
  WebhookVerificationError,
} from '@videosdk.live/server-sdk'
import { makeRoom } from '../../support/api-calls.ts'
import { connect, join } from '../../support/clients/rtc-client.ts'
import { describeServer } from '../../support/documents/openapi-check.ts'
import { addNeighbour, recordSession } from '../../support/record-session.ts'
import { runProgram } from '../../support/run-program.ts'
import { signToken } from '../../support/sign-token.ts'
import { send, startServer, type TestServer } from '../../support/start-server.ts'

/** All that the client does for rooms, sessions, participants, tokens and webhooks: each method is called below. */
const covered: [resource: { name: string; prototype: object }, methods: string[]][] = [
  [RoomsResource, ['create', 'list', 'get', 'validate', 'end']],
  [
    SessionsResource,
    [
      'list',
      'get',
      'listParticipants',
      'listActiveParticipants',
      'fetchParticipants',
      'getParticipant',
      'end',
      'removeParticipant',
      'getStats',
      'getParticipantStats',
    ],
  ],
  [ParticipantsResource, ['list', 'get', 'remove', 'fetchActiveParticipants']],
  [WebhooksResource, ['getPublicKey', 'verify', 'verifySync']],
  [AccessTokenBuilder, ['setParticipant', 'grant', 'forRoom', 'forApi', 'expiresIn', 'setClaim', 'toJwt']],
  [VideoSDK, ['generateToken', 'accessToken', 'verifyToken', 'request', 'resolveToken']],
]
/** What of the client is for services that Rollcall has nothing of. */
const notHere = [
  'agents',
  'alertRules',
  'batchcall',
  'connectors',
  'hls',
  'incidents',
  'recordings',
  'resourcePool',
  'rtmp',
  'sip',
  'socketIngress',
  'transcodings',
  'transcription',
  'whep',
  'whip',
]
const calls = new Map<string, Mock<Method>>()

type Method = (...args: never[]) => unknown
type Methods = { [name: string]: Method }

const minuteMs = 60_000
const startAt = Date.now() - 24 * 60 * minuteMs
const unknownId = '621497578bea0d0404c35c4c'
let server: TestServer
let client: VideoSDK
/** A room with five sessions that ended, oldest first, of which the last had five people. */
let past = { roomId: '', sessionIds: [] as string[] }

before(async () => {
  for (const [{ name, prototype }, methods] of covered) {
    for (const method of methods) calls.set(`${name}.${method}`, mock.method(prototype as Methods, method))
  }
  server = await startServer()
  client = clientOf(server)
  const { roomId } = await makeRoom(server, { customRoomId: 'past' })
  past = { roomId, sessionIds: [] }
  for (let i = 0; i < 5; i++) {
    const at = startAt + i * 60 * minuteMs
    const people = Array.from({ length: i + 1 }, (_, n) => `p${n}`)
    const stays = people.map((participantId, n) => ({ participantId, joinedAt: at + n, leftAt: at + minuteMs }))
    past.sessionIds.push(await recordSession(server, { roomId, startAt: at, endAt: at + 2 * minuteMs, stays }))
  }
})
after(async () => {
  await server.stop()
  mock.restoreAll()
})

/** As its documentation has it: only the address is another. */
function clientOf({ url, apiKey, secret }: TestServer, options: object = {}): VideoSDK {
  return new VideoSDK({ apiKey, secret, apiEndpoint: url, ...options })
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

type ErrorClass = new (...args: never[]) => VideoSDKError

/** The error is of exactly this class, and tells what the server said. */
async function assertFails(call: Promise<unknown>, kind: ErrorClass, status: number, code: string): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof kind, String(error))
    const { httpStatus, code: said, requestId, message } = error
    assert.deepEqual([httpStatus, said], [status, code], message)
    assert.match(String(requestId), /^[\w-]{36}$/)
    return true
  })
}

const newestFirst = () => [...past.sessionIds].reverse()
const idOf = ({ id }: { id: string }) => id
const personOf = ({ participantId }: { participantId: string }) => participantId

describe('the official client’s rooms', () => {
  test('are made with all that it can say, of which the server keeps what it knows', async () => {
    const options: Parameters<typeof client.rooms.create>[0] = {
      customRoomId: 'made by the client',
      geoFence: 'eu001',
      webhook: { url: 'https://example.org/hook', events: ['session-*', 'participant-joined'] },
      autoCloseConfig: { afterInactiveSeconds: 3600 },
      autoStartConfig: { recording: { config: {} } },
      multiComposition: { recording: true },
      allowedParticipantIds: ['anna', 'ben'],
    }
    const room = await client.rooms.create(options)
    assert.match(room.roomId, /^[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}$/)
    assert.equal(room.customRoomId, 'made by the client')
    assert.deepEqual(room.webhook, {
      endPoint: 'https://example.org/hook',
      events: ['session-*', 'participant-joined'],
    })
    assert.deepEqual(room.allowedParticipantIds, ['anna', 'ben'])
    assert.deepEqual([room.disabled, room.geoFence], [false, undefined])
    assert.deepEqual(await client.rooms.create({ customRoomId: 'made by the client' }), room)
    assert.notEqual((await client.rooms.create()).roomId, room.roomId)
  })

  test('take its afterInactiveSeconds, which it sends as a duration, for minutes', async () => {
    const { autoCloseConfig } = await client.rooms.create({
      autoCloseConfig: { afterInactiveSeconds: 90, type: 'session-end-and-deactivate' },
    })
    assert.deepEqual(autoCloseConfig, { type: 'session-end-and-deactivate', duration: 90 })
    // A session of that room is over 90 minutes after its start, not 90 seconds.
    const { roomId } = await client.rooms.create({ autoCloseConfig: { afterInactiveSeconds: 90 } })
    const at = Date.now() - 89 * minuteMs
    const stays = [{ participantId: 'anna', joinedAt: at }]
    const id = await recordSession(server, { roomId, startAt: at, stays })
    const due = await server.context.reads.sessions.listToClose(at + 90 * minuteMs, 1)
    assert.deepEqual(
      due.map(({ sessionId }) => sessionId),
      [id],
    )
    assert.deepEqual(await server.context.reads.sessions.listToClose(at + 90 * minuteMs - 1, 1), [])
  })

  test('are listed page after page by iteration, by cursor, and by an exact id', async () => {
    const made: string[] = []
    for (let i = 0; i < 5; i++) made.push((await client.rooms.create()).roomId)
    const first = await client.rooms.list({ perPage: 2 })
    assert.ok(first instanceof Page && first.hasNextPage)
    assert.equal(first.data.length, 2)
    const all = await collect(first)
    assert.equal(all.length, first.total)
    assert.equal(new Set(all.map(({ roomId }) => roomId)).size, all.length)
    assert.ok(made.every((roomId) => all.some((room) => room.roomId === roomId)))
    const second = await client.rooms.list({ ...(first.nextCursor && { cursor: first.nextCursor }) })
    assert.deepEqual(second.data, all.slice(2, 4))
    const found = await client.rooms.list({ query: 'past' })
    assert.deepEqual([found.total, found.data[0]?.roomId, found.hasNextPage], [1, past.roomId, false])
  })

  test('are found by roomId, customRoomId and id, and an unknown one is a RoomNotFoundError', async () => {
    const room = await client.rooms.get(past.roomId)
    assert.deepEqual([await client.rooms.get('past'), await client.rooms.get(room.id)], [room, room])
    await assertFails(client.rooms.get('none-here-atal'), RoomNotFoundError, 404, 'ROOM_NOT_FOUND')
  })

  test('are valid where they are the caller’s, by any name; what is unknown is not, without an error', async () => {
    const room = await client.rooms.get(past.roomId)
    for (const id of [past.roomId, 'past', room.id]) {
      assert.deepEqual(await client.rooms.validate(id), { valid: true, roomId: past.roomId, room })
    }
    for (const id of ['none-here-atal', 'no such/room ü', '%', 'x'.repeat(5000), unknownId]) {
      assert.deepEqual(await client.rooms.validate(id), { valid: false, roomId: id })
    }
  })

  test('end for good: the answer is the disabled room, in the names that the client knows; a customRoomId is 402', async () => {
    const { roomId, id } = await client.rooms.create({ customRoomId: 'to end' })
    await assertFails(client.rooms.end('to end'), RoomNotFoundError, 402, 'ROOM_ID_NEEDED')
    const ended = await client.rooms.end(roomId)
    assert.deepEqual(
      [ended.disabled, ended.roomId, ended.customRoomId, ended.id, ended.meetingId],
      [true, roomId, 'to end', id, roomId],
    )
    await assertFails(client.rooms.end('none-here-atal'), RoomNotFoundError, 404, 'ROOM_NOT_FOUND')
  })
})

describe('the official client’s sessions', () => {
  test('are listed page after page by iteration and by cursor, newest first', async () => {
    const first = await client.sessions.list({ roomId: past.roomId, perPage: 2 })
    assert.deepEqual([first.total, first.hasNextPage, first.data.map(idOf)], [5, true, newestFirst().slice(0, 2)])
    assert.deepEqual((await collect(first)).map(idOf), newestFirst())
    const cursor = first.nextCursor ?? ''
    const second = await client.sessions.list({ roomId: past.roomId, cursor })
    assert.deepEqual(second.data.map(idOf), newestFirst().slice(2, 4))
    const last = await client.sessions.list({ roomId: past.roomId, page: 3, perPage: 2 })
    assert.deepEqual([last.data.map(idOf), last.hasNextPage], [newestFirst().slice(4), false])
  })

  test('are filtered by all that it can say', async () => {
    const idsOf = async (params: Parameters<typeof client.sessions.list>[0]) =>
      (await client.sessions.list(params)).data.map(idOf)
    assert.deepEqual(await idsOf({ customRoomId: 'past' }), newestFirst())
    assert.deepEqual(await idsOf({ query: 'past' }), newestFirst())
    assert.deepEqual(await idsOf({ roomId: past.roomId, status: 'ended' }), newestFirst())
    assert.deepEqual(await idsOf({ roomId: past.roomId, status: 'ongoing' }), [])
    const [from, to] = [startAt + 60 * minuteMs, startAt + 120 * minuteMs]
    assert.deepEqual(await idsOf({ roomId: past.roomId, startDate: from, endDate: to }), newestFirst().slice(2, 4))
    assert.deepEqual(await idsOf({ roomId: 'none-here-atal' }), [])
  })

  test('are found by id, with their people; an unknown one is a RoomNotFoundError', async () => {
    const [newest = ''] = newestFirst()
    const session = await client.sessions.get(newest)
    assert.deepEqual([session.id, session.roomId, session.customRoomId], [newest, past.roomId, 'past'])
    assert.deepEqual([session.status, session.participants?.map(personOf)], ['ended', ['p0', 'p1', 'p2', 'p3', 'p4']])
    const [entry] = session.participants?.[0]?.timelog ?? []
    assert.equal(Date.parse(entry?.end ?? '') - Date.parse(entry?.start ?? ''), minuteMs)
    await assertFails(client.sessions.get(unknownId), RoomNotFoundError, 404, 'SESSION_NOT_FOUND')
  })

  test('give their people page after page, and one by id', async () => {
    const [newest = ''] = newestFirst()
    const first = await client.sessions.listParticipants(newest, { perPage: 2 })
    assert.deepEqual([first.total, first.data.map(personOf)], [5, ['p0', 'p1']])
    assert.deepEqual((await collect(first)).map(personOf), ['p0', 'p1', 'p2', 'p3', 'p4'])
    assert.deepEqual(await client.sessions.getParticipant(newest, 'p1'), first.data[1])
    assert.deepEqual((await client.sessions.listActiveParticipants(newest)).data, [])
    await assertFails(client.sessions.getParticipant(newest, 'p9'), RoomNotFoundError, 404, 'PARTICIPANT_NOT_FOUND')
    await assertFails(client.sessions.listParticipants(unknownId), RoomNotFoundError, 404, 'SESSION_NOT_FOUND')
  })

  test('give those who are inside, page after page', async () => {
    const { roomId } = await client.rooms.create()
    const people = await Promise.all(['ann', 'bob', 'cleo'].map((name) => join(server, roomId, name)))
    const id = people[0]?.joined.sessionId ?? ''
    people[1]?.send({ type: 'leave' })
    await people[1]?.closed
    const first = await client.sessions.listActiveParticipants(id, { perPage: 1 })
    assert.deepEqual([first.total, first.data.length], [2, 1])
    assert.deepEqual((await collect(first)).map(personOf).sort(), ['ann', 'cleo'])
    await client.sessions.end({ roomId })
  })

  test('end by room or session, under either name of the room, and once only', async () => {
    const { roomId } = await client.rooms.create({ customRoomId: 'ends' })
    for (const by of [
      () => ({ roomId }),
      () => ({ roomId: 'ends', force: true }),
      () => ({ meetingId: roomId, force: false }),
      (sessionId: string) => ({ roomId, sessionId, ignoreClosed: false }),
    ]) {
      const { joined, closed } = await join(server, roomId, 'ann')
      const ended = await client.sessions.end(by(joined.sessionId))
      assert.equal(await closed, 'SESSION_ENDED')
      assert.deepEqual([ended.id, ended.status, ended.roomId], [joined.sessionId, 'ended', roomId])
      assert.equal(ended.customRoomId, 'ends')
      assert.match(String(ended.end), /Z$/)

      await assertFails(client.sessions.end({ roomId }), ResourceConflictError, 409, 'NO_SESSION_OPEN')
      assert.deepEqual(await client.sessions.end({ roomId, ignoreClosed: true }), ended)
    }
    await assertFails(client.sessions.end({ roomId: 'none-here-atal' }), RoomNotFoundError, 404, 'ROOM_NOT_FOUND')
    await assert.rejects(client.sessions.end({ sessionId: unknownId }), ValidationError)
  })

  test('lose a person by room or session; the answer is the session, with the confirmation in it', async () => {
    const { roomId } = await client.rooms.create()
    const ann = await join(server, roomId, 'ann')
    for (const where of [
      { roomId },
      { sessionId: ann.joined.sessionId },
      { roomId, sessionId: ann.joined.sessionId },
    ]) {
      const bob = await join(server, roomId, 'bob')
      // It is typed as a text; the hosted documentation and the client itself pass the session on.
      const removed: unknown = await client.sessions.removeParticipant({ participantId: 'bob', ...where })
      assert.equal(await bob.closed, 'REMOVED')
      const { id, status, message } = removed as { id: string; status: string; message: string }
      assert.deepEqual([id, status, message], [ann.joined.sessionId, 'ongoing', 'Participant bob was removed'])
    }
    const again = client.sessions.removeParticipant({ participantId: 'bob', roomId })
    await assertFails(again, RoomNotFoundError, 404, 'PARTICIPANT_NOT_FOUND')
    await assert.rejects(client.sessions.removeParticipant({ participantId: 'bob' }), ValidationError)
    await client.sessions.end({ roomId })
  })
})

describe('the official client’s statistics', () => {
  test('are the series of a session and of one person in it, empty where nobody measured anything', async () => {
    const { roomId } = await client.rooms.create()
    const ann = await join(server, roomId, 'ann')
    await join(server, roomId, 'bob')
    const { sessionId } = ann.joined
    assert.deepEqual(await client.sessions.getStats(sessionId), { sessionId, meetingId: roomId, stats: [] })
    ann.send({ type: 'stats', stats: { recvAudioPacketLost: 3, averageAudioRtt: 24.5, qualityScore: { audio: 4.1 } } })
    const measured = async () => (await client.sessions.getStats(sessionId)).stats as { [name: string]: unknown }[]
    while ((await measured()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    const [point] = await measured()
    assert.deepEqual([point?.recvAudioPacketLost, point?.averageAudioRtt], [3, 24.5])
    const { stats, ...whose } = await client.sessions.getParticipantStats(sessionId, 'ann')
    assert.deepEqual(stats, [point])
    assert.deepEqual([whose.sessionId, whose.meetingId, whose.participantId], [sessionId, roomId, 'ann'])
    assert.deepEqual((await client.sessions.getParticipantStats(sessionId, 'bob')).stats, [])
    await assertFails(client.sessions.getStats(unknownId), RoomNotFoundError, 404, 'SESSION_NOT_FOUND')
    const nobody = client.sessions.getParticipantStats(sessionId, 'nobody')
    await assertFails(nobody, RoomNotFoundError, 404, 'PARTICIPANT_NOT_FOUND')
    await client.sessions.end({ roomId })
  })
})

describe('the official client’s participants', () => {
  test('have all that its documentation shows of who is inside, which is read without asking', async () => {
    const { roomId } = await client.rooms.create()
    const { joined } = await join(server, roomId, 'ann')
    const [ann] = (await client.sessions.listActiveParticipants(joined.sessionId))
      .data as unknown as ActiveParticipant[]
    assert.ok(ann)
    const { mic, webcam, screenShare, screenShareAudio } = ann.events
    assert.deepEqual([...mic, ...webcam, ...screenShare, ...screenShareAudio, ...ann.changeModeHistory], [])
    assert.equal(ann.deviceInfo.browserUserAgent.browser.name.toLowerCase(), '')
    assert.deepEqual([ann.mode, ann.geoLocation.city], ['SEND_AND_RECV', ''])
    await client.sessions.end({ roomId })
  })

  test('are those inside the room’s running session, listed, found and removed by the room', async () => {
    const { roomId } = await client.rooms.create()
    assert.deepEqual((await client.participants.list(roomId)).data, [])
    await assert.rejects(client.participants.get(roomId, 'ann'), RoomNotFoundError)
    const people = await Promise.all(['ann', 'bob', 'cleo'].map((name) => join(server, roomId, name)))
    const first = await client.participants.list(roomId, { perPage: 2 })
    assert.equal(first.total, 3)
    assert.deepEqual((await collect(first)).map(personOf).sort(), ['ann', 'bob', 'cleo'])
    assert.equal((await client.participants.get(roomId, 'ann')).name, 'ann')
    await client.participants.remove(roomId, 'bob')
    assert.equal(await people[1]?.closed, 'REMOVED')
    assert.deepEqual((await client.participants.list(roomId)).data.map(personOf).sort(), ['ann', 'cleo'])
    await assertFails(client.participants.remove(roomId, 'bob'), RoomNotFoundError, 404, 'PARTICIPANT_NOT_FOUND')
    await client.sessions.end({ roomId })
    assert.deepEqual((await client.participants.list(roomId)).data, [])
  })
})

describe('the official client’s tokens', () => {
  const refusalOf = async (token: string, roomId: string, participantId?: string) => {
    const person = await connect(server)
    person.send({ type: 'join', token, roomId, ...(participantId && { participantId }) })
    return person.closed
  }

  test('call the API: its own, those it is given, and those that are signed without it', async () => {
    const { apiKey, secret, url } = server
    const tokens = [
      client.generateToken(),
      client.generateToken({ expiresIn: '10m', permissions: ['allow_join'], roles: ['CRAWLER'] }),
      VideoSDK.generateToken({ apiKey, secretKey: secret }),
      generateToken({ apiKey, secretKey: secret, version: 2, expiresIn: 60 }),
      client.accessToken().forApi().expiresIn('1h').toJwt(),
    ]
    for (const token of tokens) {
      assert.equal(decodeToken(token)?.apikey, apiKey)
      const given = new VideoSDK({ token, apiEndpoint: url })
      assert.equal((await given.rooms.get(past.roomId)).roomId, past.roomId)
    }
  })

  test('join a hosted room as its builder says, and no other room or person', async () => {
    const { roomId } = await client.rooms.create()
    const bound = client
      .accessToken()
      .setParticipant('anna')
      .grant(Grant.AllowJoin, Grant.AllowMod)
      .forRoom(roomId)
      .expiresIn('15m')
      .setClaim('anything', { else: true })
      .toJwt()
    const anna = await join(server, roomId, 'anna', bound)
    assert.equal(anna.joined.participantId, 'anna')
    assert.equal(await refusalOf(bound, roomId, 'ben'), 'INVALID_PARTICIPANT_ID')
    assert.equal(await refusalOf(bound, past.roomId), 'UNAUTHORIZED_ROOM_ID')

    const ben = await join(server, roomId, 'ben', client.accessToken().toJwt())
    const asking = await connect(server)
    const token = client.accessToken().grant(Grant.AskJoin).toJwt()
    asking.send({ type: 'join', token, roomId, participantId: 'cleo' })
    await asking.next('waiting')
    assert.equal(await refusalOf(client.accessToken().forApi().toJwt(), roomId), 'INVALID_TOKEN')
    assert.equal(await refusalOf(client.accessToken().grant(Grant.AllowMod).toJwt(), roomId), 'INVALID_PERMISSIONS')
    for (const { socket } of [anna, ben, asking]) socket.close()
  })

  test('are verified by each side, whichever side signed them', async () => {
    const printed = runProgram('cli.js', server.storeEnv, ['token', '--room', 'past', '--roles', 'rtc'])
    const ours = (await printed.ended).stdout.trim()
    const claims = client.verifyToken(ours)
    assert.deepEqual([claims.apikey, claims.roomId, claims.roles], [server.apiKey, past.roomId, ['rtc']])
    assert.deepEqual(client.verifyToken(await server.sign({ roles: ['crawler'] })).roles, ['crawler'])
    const foreign = generateToken({ apiKey: server.apiKey, secretKey: 'another secret' })
    for (const token of [`${ours.slice(0, -4)}AAAA`, 'nonsense', foreign]) {
      assert.throws(() => client.verifyToken(token), AuthenticationError)
    }
  })

  test('that are wrong fail as its errors have it: by key, secret, time, and role', async () => {
    const { url } = server
    const failing = (token: string) => new VideoSDK({ token, apiEndpoint: url }).sessions.list()
    const wrongSecret = clientOf(server, { secret: 'another secret' }).sessions.list()
    await assertFails(wrongSecret, AuthenticationError, 401, 'TOKEN_INVALID')
    await assertFails(
      clientOf(server, { apiKey: 'unknown' }).rooms.get('past'),
      AuthenticationError,
      401,
      'TOKEN_INVALID',
    )
    const expired = await signToken(server, {}, { now: Date.now() - 60 * minuteMs, lifetimeMs: minuteMs })
    assert.throws(() => client.verifyToken(expired), AuthenticationError)
    await assertFails(failing(expired), AuthenticationError, 401, 'TOKEN_INVALID')
    await assertFails(failing(client.accessToken().toJwt()), PermissionError, 403, 'FORBIDDEN')
  })
})

describe('the official client’s errors and ways around', () => {
  test('a wrong value is a ValidationError, which names it', async () => {
    await assertFails(client.sessions.list({ perPage: 0 }), ValidationError, 400, 'BAD_REQUEST')
    await assertFails(client.rooms.create({ customRoomId: 'x'.repeat(300) }), ValidationError, 400, 'BAD_REQUEST')
    await assert.rejects(client.sessions.list({ page: -1 }), /^ValidationError: page=-1 is not understood: it takes/)
  })

  test('too many requests are a RateLimitError, after which it goes on by itself', async () => {
    const slow = await startServer({ ROLLCALL_RATE_LIMIT: '1' })
    try {
      const impatient = clientOf(slow, { maxRetries: 0 })
      const answers = await Promise.allSettled(Array.from({ length: 5 }, () => impatient.sessions.list()))
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []))
      assert.ok(refused.length > 0)
      for (const error of refused) assert.ok(error instanceof RateLimitError && error.httpStatus === 429)
      assert.equal((await clientOf(slow, { maxRetries: 5 }).sessions.list()).total, 0)
    } finally {
      await slow.stop()
    }
  })

  test('three seconds’ worth of requests at once are all answered, once each: it waits a second, whatever Retry-After says', async () => {
    const slow = await startServer({ ROLLCALL_RATE_LIMIT: '5' })
    try {
      // Its two retries come after a second of its own and two more: each finds a full second's worth.
      const asking = clientOf(slow)
      const names = Array.from({ length: 14 }, (_, i) => `room ${i}`)
      const made = await Promise.all(names.map((customRoomId) => asking.rooms.create({ customRoomId })))
      assert.deepEqual(
        made.map(({ customRoomId }) => customRoomId),
        names,
      )
      const key = await slow.context.reads.keys.find(slow.apiKey)
      const { total } = await slow.context.reads.rooms.list(key?.keyId ?? 0, {}, { page: 1, perPage: 1 })
      assert.equal(total, names.length)
    } finally {
      await slow.stop()
    }
  })

  test('every 402 and 404 is a RoomNotFoundError to it: the code and the text tell what was not found', async () => {
    const { roomId } = await client.rooms.create({ customRoomId: 'found' })
    const [sessionId = ''] = past.sessionIds
    for (const [ask, status, code, text] of [
      [() => client.rooms.get('lost'), 404, 'ROOM_NOT_FOUND', 'Room lost not found'],
      [
        () => client.rooms.end('found'),
        402,
        'ROOM_ID_NEEDED',
        `found is no roomId: deactivating takes the room's own, ${roomId}`,
      ],
      [() => client.sessions.get(unknownId), 404, 'SESSION_NOT_FOUND', `Session ${unknownId} not found`],
      [
        () => client.sessions.end({ roomId, ignoreClosed: true }),
        404,
        'SESSION_NOT_FOUND',
        `Room ${roomId} had no session yet`,
      ],
      [
        () => client.sessions.getParticipant(sessionId, 'lost'),
        404,
        'PARTICIPANT_NOT_FOUND',
        `Participant lost not found in session ${sessionId}`,
      ],
    ] as const) {
      await assertFails(ask(), RoomNotFoundError, status, code)
      await assert.rejects(ask(), ({ message }: Error) => message.startsWith(text))
    }
  })

  test('whatever may not be seen is no valid room to it: unknown, another key’s, or another than the token’s', async () => {
    const { apiKey, secret } = await addNeighbour(server)
    const { roomId } = await client.rooms.create()
    const bound = client.accessToken().forApi().forRoom(roomId).toJwt()
    for (const stranger of [
      new VideoSDK({ apiKey, secret, apiEndpoint: server.url }),
      new VideoSDK({ token: bound, apiEndpoint: server.url }),
    ]) {
      assert.deepEqual(await stranger.rooms.validate(past.roomId), { valid: false, roomId: past.roomId })
      await assertFails(stranger.rooms.get(past.roomId), RoomNotFoundError, 404, 'ROOM_NOT_FOUND')
    }
    // What is wrong with the token is no word about the room.
    const foreign = clientOf(server, { secret: 'another secret' })
    await assertFails(foreign.rooms.validate(past.roomId), AuthenticationError, 401, 'TOKEN_INVALID')
  })

  test('what Rollcall does not do fails at once as NOT_SUPPORTED, and for no room that was not found', async () => {
    const { recordings, hls, rtmp, transcodings, transcription, sip, agents, alertRules, socketIngress } = client
    for (const ask of [
      () => recordings.list(),
      () => recordings.start(past.roomId),
      () => hls.list(),
      () => rtmp.list(),
      () => transcodings.list(),
      () => transcription.realtime.list(),
      () => sip.calls.list(),
      () => agents.deployment.list(),
      () => alertRules.list(),
      () => socketIngress.create(past.roomId),
    ]) {
      await assertFails(ask(), VideoSDKError, 405, 'NOT_SUPPORTED')
      await assert.rejects(ask(), {
        constructor: VideoSDKError,
        message: /^Rollcall does not .* who was in which room/,
      })
    }
  })

  test('every path in its source is one that the server describes, or is answered NOT_SUPPORTED', async () => {
    const source = await readFile(fileURLToPath(import.meta.resolve('@videosdk.live/server-sdk')), 'utf8')
    const literals = source.matchAll(/(["`])(?<path>\/(?:v\d|ai)\/.*?)\1/g)
    const paths = [...new Set([...literals].map(({ groups }) => groups?.path?.replaceAll(/\$\{.*?\}/g, 'some') ?? ''))]
    assert.ok(paths.length > 60, String(paths.length))
    const unlimited = await startServer({ ROLLCALL_RATE_LIMIT: '0' })
    try {
      const { document } = await describeServer(unlimited.url)
      const ours = Object.keys(document.paths).map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`))
      for (const path of paths) {
        if (path !== '/v2/ingest/sessions' && ours.some((pattern) => pattern.test(path))) continue
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
          const { status, body } = await send<{ code: string }>(`${unlimited.url}${path}`, method, {})
          assert.deepEqual([status, body.code], [405, 'NOT_SUPPORTED'], `${method} ${path}`)
        }
      }
    } finally {
      await unlimited.stop()
    }
  })

  test('what it has no method for is called as it is', async () => {
    const { total } = await client.sessions.list()
    const asked = await client.api.get<{ pageInfo: { total: number } }>('/v2/sessions/', { query: { perPage: 1 } })
    assert.equal(asked.pageInfo.total, total)
    const room = await client.request<{ status: string }>('POST', `/v2/rooms/${past.roomId}`, {
      body: { status: 'enabled' },
    })
    assert.equal(room.status, 'enabled')
    await assert.rejects(client.api.delete('/v2/rooms'), VideoSDKError)
  })
})

describe('the official client’s webhooks', () => {
  const body = '{"webhookType":"session-started","data":{"sessionId":"1","meetingId":"2"}}'
  const sign = async (text: string) => {
    const key = await server.context.reads.signingKeys.find()
    return createSign('RSA-SHA256')
      .update(text)
      .sign(key?.privatePem ?? '', 'base64')
  }

  test('are verified by the public key that it fetches, and refused when edited', async () => {
    const publicKey = await client.webhooks.getPublicKey()
    const signature = await sign(body)
    const event = await client.webhooks.verify(Buffer.from(body), signature)
    assert.deepEqual([event.type, event.data], ['session-started', { sessionId: '1', meetingId: '2' }])
    assert.deepEqual(client.webhooks.verifySync(body, [signature], publicKey), event)
    await assert.rejects(client.webhooks.verify(body.replace('1', '3'), signature), WebhookVerificationError)
    await assert.rejects(client.webhooks.verify(body, undefined), WebhookVerificationError)
  })
})

describe('nothing of the official client is left out:', () => {
  test('every resource it has is covered, or listed as nothing of Rollcall’s', () => {
    const classes = new Set(covered.map(([resource]) => resource.name))
    const resources = Object.entries(client).filter(([, part]) => /Resource$/.test(part?.constructor.name ?? ''))
    const uncovered = resources.filter(([, part]) => !classes.has(part.constructor.name)).map(([name]) => name)
    assert.deepEqual(uncovered.sort(), notHere)
  })

  test('every method it has for these resources is listed here', () => {
    for (const [{ name, prototype }, methods] of covered) {
      const has = Object.getOwnPropertyNames(prototype).filter((member) => member !== 'constructor')
      assert.deepEqual([...methods].sort(), has.sort(), name)
    }
  })

  test('every method that is listed here was called', () => {
    const uncalled = [...calls].filter(([, method]) => method.mock.callCount() === 0).map(([name]) => name)
    assert.deepEqual(uncalled, [])
  })
})
