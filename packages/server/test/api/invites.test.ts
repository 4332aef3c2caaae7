import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Permission, Room } from '@rollcall/protocol'
import { decodeJwt } from 'jose'
import { signToken } from '../../src/api/auth/token.ts'
import { form, makeRoom } from '../support/api-calls.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { addNeighbour } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

type Invite = { url: string; token: string; expiresAt: string }

let now = Date.now()
let server: TestServer
let room: Room
before(async () => {
  server = await startServer({}, { clock: { now: () => now } })
  room = await makeRoom(server, { customRoomId: 'for guests' })
})
after(() => server.stop())

function invite(body?: unknown, id = room.roomId, token?: string) {
  const options = token === undefined ? {} : { token }
  return server.call<Invite & { code?: string; error?: string }>('POST', `/v2/rooms/${id}/invites`, body, options)
}

async function refusal(roomId: string, token: string): Promise<string> {
  const client = await connect(server)
  client.send({ type: 'join', token, roomId, participantId: 'guest' })
  return client.closed
}

describe('POST /v2/rooms/:id/invites', () => {
  test('answers a link to the room’s page, whose token no server on the way is told', async () => {
    const { status, body } = await invite({ name: 'Anna & Ben' })
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), ['url', 'token', 'expiresAt'])
    const { origin, pathname, search, hash } = new URL(body.url)
    assert.deepEqual([origin, pathname, search], [server.url, `/room/${room.roomId}`, ''])
    const fragment = Object.fromEntries(new URLSearchParams(hash.slice(1)))
    assert.deepEqual(fragment, { token: body.token, name: 'Anna & Ben' })
    assert.ok(!new URL((await invite()).body.url).hash.includes('name='))
  })

  test('is made by any of the room’s ids, and its link by the public address of the settings', async () => {
    for (const id of ['for%20guests', room.id]) {
      assert.equal(new URL((await invite({}, id)).body.url).pathname, `/room/${room.roomId}`)
    }
    const settled = await startServer({ ROLLCALL_PUBLIC_URL: 'https://rooms.example/meet/' })
    try {
      const { roomId } = await makeRoom(settled)
      const { body } = await settled.call<Invite>('POST', `/v2/rooms/${roomId}/invites`)
      assert.ok(body.url.startsWith(`https://rooms.example/meet/room/${roomId}#token=`), body.url)
    } finally {
      await settled.stop()
    }
  })

  test('gives a token that joins that room and no other, and cannot call the API', async () => {
    const { token } = (await invite()).body
    const guest = await join(server, room.roomId, 'guest', token)
    assert.deepEqual(guest.joined.roomId, room.roomId)
    guest.socket.close()
    const other = await makeRoom(server)
    assert.equal(await refusal(other.roomId, token), 'UNAUTHORIZED_ROOM_ID')
    for (const path of [`/v2/rooms/${room.roomId}`, '/v2/sessions']) {
      const { status, body } = await server.call('GET', path, undefined, { token })
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'])
    }
    assert.equal((await invite({}, room.roomId, token)).status, 403)
  })

  test('allows what it was asked to: joining alone where nothing was said, asking where that was', async () => {
    const permissionsOf = async (permissions?: Permission[]) =>
      decodeJwt((await invite({ permissions })).body.token).permissions
    assert.deepEqual(await permissionsOf(), ['allow_join'])
    assert.deepEqual(await permissionsOf(['ask_join', 'allow_mod']), ['ask_join', 'allow_mod'])
    const { token } = (await invite({ permissions: ['ask_join'] })).body
    const client = await connect(server)
    client.send({ type: 'join', token, roomId: room.roomId, participantId: 'guest' })
    await client.next('waiting')
    client.socket.close()
  })

  test('is good for a day, or for as long as was asked, and then no more', async () => {
    const day = (await invite()).body
    const minute = (await invite({ expiresInSeconds: 60 })).body
    for (const [{ token, expiresAt }, lifetimeSeconds] of [
      [day, 24 * 3600],
      [minute, 60],
    ] as const) {
      const { iat = 0, exp = 0 } = decodeJwt(token)
      assert.deepEqual([exp - iat, Date.parse(expiresAt)], [lifetimeSeconds, exp * 1000])
    }
    now = Date.parse(minute.expiresAt) - 1
    ;(await join(server, room.roomId, 'guest', minute.token)).socket.close()
    now += 1
    assert.equal(await refusal(room.roomId, minute.token), 'INVALID_TOKEN')
    ;(await join(server, room.roomId, 'guest', day.token)).socket.close()
  })

  test('takes a token that names crawler and is bound to no room; 403 for every other', async () => {
    const bound = await server.sign({ roomId: room.roomId })
    for (const token of [
      await server.sign({ roles: undefined as never }),
      await server.sign({ roles: ['rtc'] }),
      bound,
    ]) {
      const { status, body } = await invite({}, room.roomId, token)
      assert.deepEqual([status, body.code], [403, 'FORBIDDEN'])
    }
    assert.equal((await invite({}, room.roomId, await server.sign({ roles: 'crawler' }))).status, 200)
  })

  test('into a room that is disabled is 409, unknown 404, another key’s 404 alike', async () => {
    const { roomId } = await makeRoom(server)
    await server.call('POST', `/v2/rooms/${roomId}`, { status: 'disabled' })
    const disabled = await invite({}, roomId)
    assert.deepEqual([disabled.status, disabled.body.code], [409, 'CONFLICT'])
    assert.equal(disabled.body.error, `Room ${roomId} is disabled: nobody can join it`)
    const claims = { roles: ['crawler' as const] }
    const foreign = await signToken(await addNeighbour(server), claims, { now, lifetimeMs: 60_000 })
    for (const [id, token] of [
      ['abcd-efgh-ijkl', await server.sign()],
      [room.roomId, foreign],
    ]) {
      const { status, body } = await invite({}, id, token)
      assert.deepEqual([status, body.error], [404, `Room ${id} not found`])
    }
  })

  test('refuses a wrong value, naming the field and what it takes', async () => {
    const wrong: [object, RegExp][] = [
      [{ name: 7 }, /^name=7 is not understood: it takes a text of at most 512 characters$/],
      [{ name: 'x'.repeat(513) }, /^name=x{60}… is not understood: it takes a text/],
      [{ permissions: [] }, /^permissions=\[\] is not understood: it takes a list of some of allow_join, ask_join,/],
      [{ permissions: ['fly'] }, /^permissions=\["fly"\] is not understood/],
      [{ permissions: 'ask_join' }, /^permissions=ask_join is not understood: it takes a list/],
      [{ expiresInSeconds: 0 }, /^expiresInSeconds=0 is not understood: it takes a whole number of seconds from 1 to/],
      [{ expiresInSeconds: 1.5 }, /^expiresInSeconds=1\.5 is not understood/],
      [{ expiresInSeconds: 1e9 }, /^expiresInSeconds=1000000000 is not understood/],
    ]
    for (const [body, message] of wrong) {
      const answer = await invite(body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.match(String(answer.body.error), message)
    }
  })

  test('takes a form', async () => {
    const text = 'name=Anna&permissions%5B%5D=ask_join&expiresInSeconds=60'
    const { status, body } = await server.call<Invite>('POST', `/v2/rooms/${room.roomId}/invites`, text, {
      headers: form,
    })
    assert.equal(status, 200)
    const { permissions, iat = 0, exp = 0 } = decodeJwt(body.token)
    assert.deepEqual([permissions, exp - iat], [['ask_join'], 60])
  })
})
