import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SessionPage } from '@rollcall/protocol'
import { form, makeRoom } from '../../support/api-calls.ts'
import { recordSession } from '../../support/record-session.ts'
import { startServer, type TestServer } from '../../support/start-server.ts'

const now = Date.parse('2026-01-15T12:00:00.000Z')
const json = 'application/json'
let server: TestServer
let token: string
let roomId: string
let sessionId: string
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
  token = await server.sign({ roles: undefined as never })
  roomId = (await makeRoom(server, { customRoomId: 'known' })).roomId
  const at = now - 60_000
  sessionId = await recordSession(server, { roomId, startAt: at, stays: [{ participantId: 'anna', joinedAt: at }] })
})
after(() => server.stop())

/** Everything that is documented and changes nothing. */
const readings = () => [
  `/v2/sessions?roomId=${roomId}`,
  `/v2/sessions/${sessionId}`,
  `/v2/sessions/${sessionId}/participants`,
  `/v2/sessions/${sessionId}/participants/active`,
  `/v2/sessions/${sessionId}/participants/anna`,
  '/v2/rooms?query=known',
  `/v2/rooms/${roomId}`,
  `/v2/rooms/validate/${roomId}`,
  '/v2/public/rsa-public-key',
]

async function read(path: string, headers: { [name: string]: string }, body?: string): Promise<string> {
  const { status, text } = await server.call('GET', path, body, { token: null, headers })
  assert.equal(status, 200, `${path}: ${text}`)
  return text
}

describe('a client written for the hosted API', () => {
  test('sends the documented “Fetch sessions” request, and takes data[0] for the current session', async () => {
    const query = new URLSearchParams({ roomId, customRoomId: 'known', page: '1', perPage: '20' })
    const headers = { Authorization: token, 'Content-Type': json }
    const answer = await fetch(`${server.url}/v2/sessions/?${query}`, { method: 'GET', headers })
    assert.equal(answer.status, 200)
    const { pageInfo, data } = (await answer.json()) as SessionPage
    assert.deepEqual(pageInfo, { currentPage: 1, perPage: 20, lastPage: 1, total: 1 })
    assert.deepEqual([data[0]?.id, data[0]?.status, data[0]?.end], [sessionId, 'ongoing', null])
  })

  test('may write header names in any case', async () => {
    for (const path of readings()) {
      const asked = await read(path, { Authorization: token, 'Content-Type': json })
      assert.equal(await read(path, { authorization: token, 'content-type': json }), asked)
      assert.equal(await read(path, { AUTHORIZATION: token, 'CONTENT-TYPE': json, ACCEPT: '*/*' }), asked)
    }
  })

  test('may put Bearer before the token', async () => {
    for (const path of readings()) {
      assert.equal(await read(path, { authorization: `Bearer ${token}` }), await read(path, { authorization: token }))
    }
  })

  test('may call a GET’s body JSON, whether there is one or not', async () => {
    for (const path of readings()) {
      const asked = await read(path, { authorization: token })
      for (const body of [undefined, '', '{}', '{"page":0}', 'null']) {
        assert.equal(await read(path, { authorization: token, 'content-type': json }, body), asked)
      }
    }
  })

  test('may end a path with a slash', async () => {
    for (const path of readings()) {
      const [bare = '', query] = path.split('?')
      const slashed = `${bare}/${query === undefined ? '' : `?${query}`}`
      assert.equal(await read(slashed, { authorization: token }), await read(path, { authorization: token }))
    }
    for (const path of ['/v2/rooms/', `/v2/rooms/validate/${roomId}/`, `/v2/rooms/${roomId}/`]) {
      const body = path.includes(roomId) ? { status: 'enabled' } : { customRoomId: 'known' }
      const { status, body: room } = await server.call('POST', path, body, { token })
      assert.deepEqual([status, room.roomId], [200, roomId], path)
    }
    for (const [path, body] of [
      ['/v2/sessions/participants/remove/', { roomId, participantId: 'nobody' }],
      ['/v2/sessions/end/', { roomId: 'none' }],
      ['/v2/rooms/deactivate/', { roomId: 'none' }],
    ] as const) {
      const { status, body: refusal } = await server.call('POST', path, body, { token })
      assert.equal(status, 404, path)
      assert.notEqual(refusal.code, 'NOT_FOUND', path)
    }
  })

  test('may send what the server does not know, in a query, a body and a form', async () => {
    for (const path of readings()) {
      const more = `${path}${path.includes('?') ? '&' : '?'}region=sg001&_=1`
      assert.equal(await read(more, { authorization: token }), await read(path, { authorization: token }))
    }
    const body = { customRoomId: 'known', region: 'sg001', geoFence: 'eu', autoStartConfig: { recording: {} } }
    assert.equal((await server.call('POST', '/v2/rooms', body, { token })).body.roomId, roomId)
    const text = 'customRoomId=known&region=sg001'
    assert.equal((await server.call('POST', '/v2/rooms', text, { token, headers: form })).body.roomId, roomId)
  })

  test('may post without a body, whatever it calls it', async () => {
    for (const headers of [{}, { 'content-type': json }, form]) {
      for (const path of ['/v2/rooms', `/v2/rooms/validate/${roomId}`]) {
        assert.equal((await server.call('POST', path, '', { token, headers })).status, 200)
      }
    }
  })
})
