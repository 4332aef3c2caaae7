import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { roomIdPattern } from '@rollcall/protocol'
import { form, withoutTime } from '../support/api-calls.ts'
import { connect } from '../support/clients/rtc-client.ts'
import { addNeighbour } from '../support/record-session.ts'
import { signToken } from '../support/sign-token.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

const webhook = { endPoint: 'https://example.org/hook', events: ['session-started', 'participant-*'] }
const autoCloseConfig = { type: 'session-ends', duration: 60 }

async function makeRoom(body?: unknown, token?: string): Promise<{ [key: string]: unknown }> {
  const answer = await server.call('POST', '/v2/rooms', body, token === undefined ? {} : { token })
  assert.equal(answer.status, 200, answer.text)
  return answer.body
}

describe('POST /v2/rooms', () => {
  test('answers 200 with the documented keys in the documented order', async () => {
    const room = await makeRoom()
    assert.deepEqual(Object.keys(room), [
      'roomId',
      'customRoomId',
      'userId',
      'disabled',
      'createdAt',
      'updatedAt',
      'id',
      'links',
    ])
    assert.match(String(room.roomId), roomIdPattern)
    assert.match(String(room.id), /^[0-9a-f]{24}$/)
    assert.match(String(room.userId), /^[0-9a-f]{24}$/)
    assert.match(String(room.createdAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const createdSecond = Math.floor(Date.parse(String(room.createdAt)) / 1000)
    assert.equal(Number.parseInt(String(room.id).slice(0, 8), 16), createdSecond)
    assert.equal(room.updatedAt, room.createdAt)
    assert.equal(room.disabled, false)
    assert.equal(room.customRoomId, null)
    assert.deepEqual(room.links, {
      get_room: `${server.url}/v2/rooms/${room.roomId}`,
      get_session: `${server.url}/v2/sessions/?roomId=${room.roomId}`,
    })
  })

  test('keeps what it was given, and nothing that it does not know', async () => {
    const room = await makeRoom({
      unknown: 1,
      allowedParticipantIds: ['anna', 'ben'],
      autoCloseConfig: { ...autoCloseConfig, unknown: 2 },
      webhook: { events: webhook.events, endPoint: webhook.endPoint, unknown: 3 },
      customRoomId: 'with everything',
    })
    assert.deepEqual(Object.keys(room).slice(6), ['id', 'webhook', 'autoCloseConfig', 'allowedParticipantIds', 'links'])
    assert.equal(JSON.stringify(room.webhook), JSON.stringify(webhook))
    assert.deepEqual(room.autoCloseConfig, autoCloseConfig)
    assert.deepEqual(room.allowedParticipantIds, ['anna', 'ben'])
  })

  test('takes null, an empty text, and an object without fields, which PHP writes [], for a field left out', async () => {
    for (const none of [null, '', [], {}, { type: '', endPoint: null }]) {
      const room = await makeRoom({ webhook: none, autoCloseConfig: none })
      assert.ok(!('webhook' in room) && !('autoCloseConfig' in room), JSON.stringify(none))
    }
    for (const none of [null, '']) {
      assert.equal((await makeRoom({ customRoomId: none, allowedParticipantIds: none })).customRoomId, null)
    }
    const partly = await makeRoom({ webhook: [], autoCloseConfig: { ...autoCloseConfig, duration: null } })
    assert.deepEqual(partly.autoCloseConfig, { type: autoCloseConfig.type })
  })

  test('with an empty list of allowedParticipantIds restricts nobody, and answers the empty list', async () => {
    const { roomId } = await makeRoom({ allowedParticipantIds: [] })
    const { body } = await server.call('GET', `/v2/rooms/${roomId}`)
    assert.deepEqual(body.allowedParticipantIds, [])
    const client = await connect(server)
    client.send({ type: 'join', token: await server.sign(), roomId: String(roomId), participantId: 'anybody' })
    assert.equal((await client.next('joined')).participantId, 'anybody')
    client.socket.close()
  })

  test('with a customRoomId that exists answers that room unchanged, also to many at once', async () => {
    const rooms = await Promise.all(Array.from({ length: 10 }, () => makeRoom({ customRoomId: 'daily', webhook })))
    const again = await makeRoom({ customRoomId: 'daily', autoCloseConfig, webhook: { ...webhook, events: ['*'] } })
    for (const room of rooms) assert.deepEqual(room, again)
  })

  test('with a customRoomId of somebody else’s makes a room of one’s own', async () => {
    const mine = await makeRoom({ customRoomId: 'shared name' })
    const neighbour = await addNeighbour(server)
    const token = await signToken(neighbour, {}, { now: Date.now(), lifetimeMs: 60_000 })
    assert.notEqual((await makeRoom({ customRoomId: 'shared name' }, token)).roomId, mine.roomId)
  })

  test('takes a form, whose lists are a name repeated, or one that ends in []', async () => {
    const post = async (text: string) => (await server.call('POST', '/v2/rooms', text, { headers: form })).body
    assert.equal((await post('customRoomId=of+a+form')).customRoomId, 'of a form')
    const both = await post('allowedParticipantIds=anna&allowedParticipantIds=ben')
    assert.deepEqual(both.allowedParticipantIds, ['anna', 'ben'])
    assert.deepEqual((await post('allowedParticipantIds%5B%5D=anna')).allowedParticipantIds, ['anna'])
  })

  test('with allowedParticipantIds lets in those alone, also by a token that is bound to another', async () => {
    const { roomId } = await makeRoom({ allowedParticipantIds: ['anna'] })
    const ask = async (participantId: string | undefined, token?: string) => {
      const client = await connect(server)
      const join = {
        type: 'join',
        token: token ?? (await server.sign()),
        roomId,
        ...(participantId && { participantId }),
      }
      client.send(join)
      return client
    }
    for (const [participantId, token] of [
      ['ben', undefined],
      [undefined, undefined],
      [undefined, await server.sign({ participantId: 'ben' })],
    ]) {
      assert.equal(await (await ask(participantId, token)).closed, 'INVALID_PARTICIPANT_ID')
    }
    const anna = await ask(undefined, await server.sign({ participantId: 'anna' }))
    assert.equal((await anna.next('joined')).participantId, 'anna')
    anna.socket.close()
  })

  test('refuses a wrong value, naming the field and what it takes', async () => {
    const wrong: [{ [field: string]: unknown }, RegExp][] = [
      [
        { customRoomId: 'a\0b' },
        /^customRoomId=a\0b is not understood: it takes a text of 1 to 256 characters, none of them a control character$/,
      ],
      [{ customRoomId: 7 }, /^customRoomId=7 is not understood: it takes a text/],
      [{ customRoomId: 'x'.repeat(257) }, /^customRoomId=x{60}… is not understood: it takes a text/],
      [{ webhook: 'see example' }, /^webhook=see example is not understood: it takes an object such as \{"endPoint":/],
      [{ webhook: [webhook] }, /^webhook=.* is not understood: it takes an object/],
      [{ webhook: { url: webhook.endPoint } }, /^webhook=.* is not understood: it takes an object/],
      [{ webhook: { endPoint: '', events: [] } }, /^webhook=.* is not understood: it takes an object/],
      [{ webhook: { endPoint: 'no address', events: [] } }, /^webhook=.* at webhook\.endPoint: it takes an object/],
      [{ webhook: { endPoint: 'ftp://a.example/', events: [] } }, /^webhook=.* at webhook\.endPoint: /],
      [{ webhook: { endPoint: 'file:///etc/passwd', events: [] } }, /^webhook=/],
      [{ webhook: { endPoint: webhook.endPoint, events: 'session-started' } }, /^webhook=.* at webhook\.events: /],
      [{ webhook: { endPoint: webhook.endPoint, events: [7] } }, /^webhook=/],
      [{ autoCloseConfig: 'see example' }, /^autoCloseConfig=see example is not understood: it takes an object/],
      [{ autoCloseConfig: { type: 'never' } }, /^autoCloseConfig=/],
      [{ autoCloseConfig: { ...autoCloseConfig, duration: 0 } }, /^autoCloseConfig=/],
      [{ autoCloseConfig: { ...autoCloseConfig, duration: 1.5 } }, /^autoCloseConfig=.* in whole minutes$/],
      [{ autoCloseConfig: { ...autoCloseConfig, duration: -5 } }, /^autoCloseConfig=/],
      [
        { autoCloseConfig: { ...autoCloseConfig, duration: 'an hour' } },
        /^autoCloseConfig=.* at autoCloseConfig\.duration: /,
      ],
      [{ allowedParticipantIds: 'anna' }, /^allowedParticipantIds=anna is not understood: it takes a list/],
      [{ allowedParticipantIds: ['anna', 7] }, /^allowedParticipantIds=/],
    ]
    for (const [body, message] of wrong) {
      const answer = await server.call('POST', '/v2/rooms', body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.equal(answer.body.code, 'BAD_REQUEST')
      assert.match(String(answer.body.error), message)
    }
  })
})

describe('GET /v2/rooms/:id', () => {
  test('answers whole minutes, rounded up, of a room that was made with a fraction of one', async () => {
    const { context, apiKey } = server
    const key = await context.reads.keys.find(apiKey)
    const autoClose = { type: 'session-ends', duration: 1.5 } as const
    const { roomId } = await context.writes.rooms.create({ keyId: key?.keyId ?? 0, autoClose })
    const { body } = await server.call('GET', `/v2/rooms/${roomId}`)
    assert.deepEqual(body.autoCloseConfig, { type: 'session-ends', duration: 2 })
  })

  test('answers the same room by its roomId, its customRoomId and its id', async () => {
    const room = await makeRoom({ customRoomId: 'a room/with ümlauts & 100%', webhook })
    for (const id of [room.roomId, room.customRoomId, room.id]) {
      const { status, text } = await server.call('GET', `/v2/rooms/${encodeURIComponent(String(id))}`)
      assert.deepEqual([status, text], [200, JSON.stringify(room)])
    }
  })

  test('of an unknown room is 404, naming it', async () => {
    const { status, body } = await server.call('GET', '/v2/rooms/abcd-efgh-ijkl')
    assert.deepEqual([status, body.error, body.code], [404, 'Room abcd-efgh-ijkl not found', 'ROOM_NOT_FOUND'])
  })

  test('of another key’s room answers byte for byte as of one that does not exist', async () => {
    const room = await makeRoom({ customRoomId: 'hers-alone' })
    const token = await signToken(await addNeighbour(server), {}, { now: Date.now(), lifetimeMs: 60_000 })
    const ask = async (id: unknown) => {
      const { status, headers, text } = await server.call('GET', `/v2/rooms/${id}`, undefined, { token })
      const told = text.replaceAll(String(id), 'ID').replaceAll(String(headers['x-request-id']), 'REQUEST')
      return { status, headers: withoutTime(headers), text: told }
    }
    assert.deepEqual(await ask(room.roomId), await ask('abcd-efgh-ijkl'))
    assert.deepEqual(await ask(room.id), await ask('0123456789abcdef01234567'))
    assert.deepEqual(await ask('hers-alone'), await ask('none-alone'))
  })
})

describe('GET or POST /v2/rooms/validate/:id', () => {
  test('answers the room by any of its ids, and says where it is disabled', async () => {
    const room = await makeRoom({ customRoomId: 'valid one' })
    for (const method of ['GET', 'POST']) {
      for (const id of [room.roomId, room.customRoomId, room.id]) {
        const { status, text } = await server.call(method, `/v2/rooms/validate/${encodeURIComponent(String(id))}`)
        assert.deepEqual([status, text], [200, JSON.stringify(room)])
      }
    }
    await server.call('POST', `/v2/rooms/${room.roomId}`, { status: 'disabled' })
    assert.equal((await server.call('GET', `/v2/rooms/validate/${room.roomId}`)).body.disabled, true)
  })

  test('of an unknown room, another key’s, or another than the token is bound to, is 404', async () => {
    const { roomId } = await makeRoom()
    const bound = await server.sign({ roomId: String((await makeRoom()).roomId) })
    const foreign = await signToken(await addNeighbour(server), {}, { now: Date.now(), lifetimeMs: 60_000 })
    for (const method of ['GET', 'POST']) {
      for (const [id, token] of [
        ['abcd-efgh-ijkl', await server.sign()],
        [roomId, foreign],
        [roomId, bound],
      ]) {
        const { status, body } = await server.call(method, `/v2/rooms/validate/${id}`, undefined, {
          token: String(token),
        })
        assert.deepEqual([status, body.error, body.code], [404, `Room ${id} not found`, 'ROOM_NOT_FOUND'])
      }
    }
  })
})

describe('GET /v2/rooms', () => {
  type Rooms = { pageInfo: { [key: string]: number }; data: { [key: string]: unknown }[] }
  let now = Date.parse('2026-01-15T12:00:00.000Z')
  let listed: TestServer
  const made: { [key: string]: unknown }[] = []
  before(async () => {
    listed = await startServer({}, { clock: { now: () => now++ } })
    for (let i = 0; i < 5; i++) {
      made.push(
        (await listed.call('POST', '/v2/rooms', { customRoomId: `room ${i}`, ...(i === 4 && { webhook }) })).body,
      )
    }
  })
  after(() => listed.stop())

  const list = async (query: string, token?: string): Promise<Rooms> => {
    const options = token === undefined ? {} : { token }
    const { status, text, body } = await listed.call<Rooms>('GET', `/v2/rooms?${query}`, undefined, options)
    assert.equal(status, 200, text)
    return body
  }
  const namesOf = ({ data }: Rooms) => data.map(({ customRoomId }) => customRoomId)

  test('lists the newest first, each as it was made, with its owner in place of the owner’s id', async () => {
    const { pageInfo, data } = await list('')
    assert.deepEqual(pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 5 })
    const newest = made[4] ?? {}
    const keys = Object.keys(newest).map((key) => (key === 'userId' ? 'user' : key))
    assert.deepEqual(Object.keys(data[0] ?? {}), keys)
    const { userId, ...rest } = newest
    assert.deepEqual(data[0], { ...rest, user: { id: userId, name: 'Owner', email: null } })
    assert.deepEqual(namesOf({ pageInfo, data }), ['room 4', 'room 3', 'room 2', 'room 1', 'room 0'])
  })

  test('gives page after page without repeating or skipping one, and an empty one past the end', async () => {
    const pages = await Promise.all([1, 2, 3, 4].map((page) => list(`perPage=2&page=${page}`)))
    assert.deepEqual(pages.map(namesOf), [['room 4', 'room 3'], ['room 2', 'room 1'], ['room 0'], []])
    assert.deepEqual(pages[2]?.pageInfo, { currentPage: 3, perPage: 2, lastPage: 3, total: 5 })
    const { status, body } = await listed.call('GET', '/v2/rooms?page=0')
    assert.deepEqual([status, body.code], [400, 'BAD_REQUEST'])
  })

  test('filters by owner, as userId', async () => {
    const all = await list('')
    assert.deepEqual(await list(`userId=${made[0]?.userId}`), all)
    assert.equal((await list('userId=0123456789abcdef01234567')).pageInfo.total, 0)
  })

  test('finds one by its exact roomId or customRoomId', async () => {
    assert.deepEqual(namesOf(await list('query=room+3')), ['room 3'])
    assert.deepEqual(namesOf(await list(`query=${made[1]?.roomId}`)), ['room 1'])
    for (const query of ['room', 'ROOM+3', 'room+3%25'])
      assert.deepEqual(await list(`query=${query}`), {
        pageInfo: { currentPage: 1, perPage: 20, lastPage: 1, total: 0 },
        data: [],
      })
  })

  test('shows a token that is bound to a room that room alone, and another key nothing', async () => {
    const bound = await listed.sign({ roomId: String(made[2]?.roomId) })
    assert.deepEqual(namesOf(await list('', bound)), ['room 2'])
    assert.deepEqual(namesOf(await list('query=room+3', bound)), [])
    const neighbour = await addNeighbour(listed)
    const foreign = await signToken(neighbour, {}, { now, lifetimeMs: 60_000 })
    assert.equal((await list('', foreign)).pageInfo.total, 0)
    assert.equal((await list('query=room+3', foreign)).pageInfo.total, 0)
  })
})

describe('a token that is bound to a room', () => {
  test('reads its own room, and finds no other', async () => {
    const own = await makeRoom({ customRoomId: 'bound' })
    const other = await makeRoom({ customRoomId: 'unbound' })
    const token = await server.sign({ roomId: String(own.roomId) })
    const ask = async (id: unknown) => {
      const { status, text, headers } = await server.call('GET', `/v2/rooms/${id}`, undefined, { token })
      return [status, text.replaceAll(String(id), 'ID').replaceAll(String(headers['x-request-id']), 'REQUEST')]
    }
    for (const id of [own.roomId, 'bound', own.id]) assert.equal((await ask(id))[0], 200)
    for (const id of [other.roomId, 'unbound', other.id]) assert.deepEqual(await ask(id), await ask('none'))
  })

  test('gets its own room by customRoomId, and makes no other', async () => {
    const own = await makeRoom({ customRoomId: 'bound too' })
    await makeRoom({ customRoomId: 'elsewhere' })
    const token = await server.sign({ roomId: String(own.roomId) })
    assert.deepEqual(await makeRoom({ customRoomId: 'bound too' }, token), own)
    for (const body of [undefined, { customRoomId: 'elsewhere' }, { customRoomId: 'not made yet' }]) {
      const answer = await server.call('POST', '/v2/rooms', body, { token })
      assert.deepEqual([answer.status, answer.body.code], [403, 'FORBIDDEN'])
    }
    assert.equal((await server.call('GET', '/v2/rooms/not%20made%20yet')).status, 404)
  })
})

describe('links', () => {
  test('are built on the host that the caller used, and on no forwarded one', async () => {
    const headers = { host: 'rooms.example:8443', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    const { body } = await server.call<{ links: { get_room: string } }>('POST', '/v2/rooms', undefined, { headers })
    assert.match(body.links.get_room, /^http:\/\/rooms\.example:8443\/v2\/rooms\//)
  })

  test('are built on the forwarded host behind a trusted proxy', async () => {
    const proxied = await startServer({ ROLLCALL_TRUST_PROXY: 'on' })
    try {
      const headers = { 'x-forwarded-host': 'rooms.example', 'x-forwarded-proto': 'https' }
      const { body } = await proxied.call<{ links: { get_room: string } }>('POST', '/v2/rooms', undefined, { headers })
      assert.match(body.links.get_room, /^https:\/\/rooms\.example\/v2\/rooms\//)
    } finally {
      await proxied.stop()
    }
  })

  test('are built on the public address of the settings, whatever the caller used', async () => {
    const settled = await startServer({ ROLLCALL_PUBLIC_URL: 'https://rooms.example/rollcall/' })
    try {
      const { body } = await settled.call<{ links: { get_room: string } }>('POST', '/v2/rooms')
      assert.match(body.links.get_room, /^https:\/\/rooms\.example\/rollcall\/v2\/rooms\//)
    } finally {
      await settled.stop()
    }
  })
})
