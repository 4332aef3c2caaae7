import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type {
  EndedSession,
  Meeting,
  MeetingPage,
  MeetingSession,
  MeetingSessionPage,
  RoomPage,
  Session,
  SessionAfterRemoval,
  SessionPage,
} from '@rollcall/protocol'
import { insideOf, makeRoom } from '../support/api-calls.ts'
import { join } from '../support/clients/rtc-client.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
before(async () => {
  server = await startServer()
})
after(() => server.stop())

const call = (method: string, path: string, body?: unknown) => server.call<Meeting>(method, path, body)

describe('the API’s first version', () => {
  test('makes a room, and answers it in its old names: again by the same userMeetingId', async () => {
    const { status, body } = await call('POST', '/v1/meetings', { userMeetingId: 'old name', region: 'in001' })
    assert.equal(status, 200)
    const room = await makeRoom(server, { customRoomId: 'old name' })
    assert.deepEqual([body.meetingId, body.userMeetingId, body.id], [room.roomId, 'old name', room.id])
    assert.equal(body.disabled, false)
    assert.deepEqual((await call('POST', '/v1/meetings', { userMeetingId: 'old name' })).body, body)
    const unnamed = await call('POST', '/v1/meetings', { region: 'sg001', user_meeting_id: 'x' })
    assert.equal(unnamed.body.userMeetingId, null)
  })

  test('gets and validates a room by any of its ids; an unknown one is 404', async () => {
    const room = await makeRoom(server, { customRoomId: 'checked' })
    for (const method of ['GET', 'POST']) {
      for (const id of [room.roomId, 'checked', room.id]) {
        const { status, body } = await call(method, `/v1/meetings/${id}`)
        assert.deepEqual([status, body.meetingId], [200, room.roomId])
      }
      const { status, body } = await server.call(method, '/v1/meetings/abcd-efgh-ijkl')
      assert.deepEqual([status, body.code], [404, 'ROOM_NOT_FOUND'])
    }
  })

  test('opens a prebuilt room by a name, and makes it where there is none; of an unknown roomId it makes none', async () => {
    const open = (id: string) => call('POST', `/v1/prebuilt/meetings/${id}`, { region: 'sg001' })
    const { body } = await open('milkyway')
    assert.equal(body.userMeetingId, 'milkyway')
    assert.deepEqual((await open('milkyway')).body, body)
    assert.deepEqual((await open(body.meetingId)).body, body)
    assert.equal((await open('abcd-efgh-ijkl')).status, 404)
    assert.equal((await open('a%00b')).status, 400)
  })

  test('lists sessions as v2 does, with the old names beside', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'listed' })
    const { socket } = await join(server, roomId, 'ann')
    const { body: v2 } = await server.call<SessionPage>('GET', `/v2/sessions?roomId=${roomId}`)
    assert.equal(v2.pageInfo.total, 1)
    for (const query of [`meetingId=${roomId}`, 'userMeetingId=listed', 'userMeetingId=listed&status=ongoing&page=1']) {
      const { body } = await server.call<MeetingSessionPage>('GET', `/v1/meeting-sessions?${query}`)
      assert.deepEqual(body.pageInfo, v2.pageInfo)
      const [{ meetingId, userMeetingId, ...rest } = assert.fail('there is none')] = body.data
      assert.deepEqual([meetingId, userMeetingId], [roomId, 'listed'])
      assert.deepEqual(Object.keys(rest), Object.keys(v2.data[0] ?? {}))
      assert.equal(rest.id, v2.data[0]?.id)
    }
    socket.close()
  })

  test('ends the session that v2 lists, everywhere, and names its room both ways', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'ended' })
    const { closed, joined } = await join(server, roomId, 'ann')
    const end = () => server.call<EndedSession>('POST', `/v1/meeting-sessions/${joined.sessionId}/end`, {})
    const { status, body } = await end()
    assert.equal(status, 200)
    assert.equal(await closed, 'SESSION_ENDED')
    assert.deepEqual(
      [body.id, body.status, body.meetingId, body.userMeetingId],
      [joined.sessionId, 'ended', roomId, 'ended'],
    )
    assert.deepEqual(insideOf(body), [])
    assert.equal((await end()).status, 409)
    const again = await server.call<EndedSession>('POST', `/v1/meeting-sessions/${joined.sessionId}/end`, {
      ignoreClosed: true,
    })
    assert.deepEqual(again.body, body)
    const { body: v2 } = await server.call<EndedSession>('POST', '/v2/sessions/end', { roomId, ignoreClosed: true })
    assert.deepEqual([v2.meetingId, v2.userMeetingId], [roomId, 'ended'])
  })

  test('gets one session as v2 does, with the old names beside; an unknown one is 404', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'one' })
    const id = await recordSession(server, { roomId, startAt: Date.now() - 60_000, endAt: Date.now() - 30_000 })
    const { body: v2 } = await server.call<Session>('GET', `/v2/sessions/${id}`)
    const { body } = await server.call<MeetingSession>('GET', `/v1/meeting-sessions/${id}`)
    assert.deepEqual(body, { ...v2, meetingId: roomId, userMeetingId: 'one' })
    assert.equal((await call('GET', '/v1/meeting-sessions/621497578bea0d0404c35c4c')).status, 404)
  })

  test('removes a person from a session, everywhere, as v2 does', async () => {
    const { roomId } = await makeRoom(server, { customRoomId: 'removed' })
    const { joined, closed } = await join(server, roomId, 'ann')
    const remove = (body: object) =>
      server.call<SessionAfterRemoval>('POST', `/v1/meeting-sessions/${joined.sessionId}/remove-participant`, body)
    const { status, body } = await remove({ participantId: 'ann' })
    assert.equal(status, 200)
    assert.equal(await closed, 'REMOVED')
    assert.deepEqual(
      [body.id, body.meetingId, body.userMeetingId, body.message, insideOf(body)],
      [joined.sessionId, roomId, 'removed', 'Participant ann was removed', []],
    )
    assert.equal((await remove({ participantId: 'ann' })).status, 404)
    assert.equal((await remove({})).status, 400)
  })

  test('lists rooms in their old names, newest first, page after page', async () => {
    const ids = ['first', 'second', 'third']
    for (const userMeetingId of ids) await call('POST', '/v1/meetings', { userMeetingId })
    const { body: v2 } = await server.call<RoomPage>('GET', '/v2/rooms?perPage=3')
    const { body } = await server.call<MeetingPage>('GET', '/v1/meetings?perPage=3')
    assert.deepEqual(body.pageInfo, v2.pageInfo)
    assert.deepEqual(
      body.data.map(({ userMeetingId, meetingId, user }) => [userMeetingId, meetingId, user]),
      v2.data.map(({ customRoomId, roomId, user }) => [customRoomId, roomId, user]),
    )
    assert.deepEqual(
      body.data.map(({ userMeetingId }) => userMeetingId),
      ['third', 'second', 'first'],
    )
  })

  test('names in the error what v2 has in the place of a call that there is not', async () => {
    for (const [method, path, instead] of [
      ['GET', '/v1/meetings-of-old', 'and GET /openapi.json lists all calls'],
      ['GET', '/v1/sessions/some', 'as in GET /v2/sessions/some'],
      ['POST', '/v1/rooms', 'as in POST /v2/rooms'],
    ] as const) {
      const { status, body } = await server.call(method, path)
      assert.equal(status, 404)
      assert.equal(body.error, `There is no ${method} ${path}: the API is under /v2, ${instead}`)
    }
  })
})
