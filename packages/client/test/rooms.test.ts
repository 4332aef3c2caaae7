import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rollcall } from '@rollcall/client'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
})
after(() => server.stop())

describe('rooms', () => {
  test('create makes a room with all that it was given, and gives the same one again for its customRoomId', async () => {
    const given = {
      customRoomId: 'team Ω',
      webhook: { endPoint: 'https://example.org/hook', events: ['participant-*'] },
      autoCloseConfig: { type: 'session-ends' as const, duration: 60 },
      allowedParticipantIds: ['ann'],
    }
    const room = await rollcall.rooms.create(given)
    const { roomId, customRoomId, webhook, autoCloseConfig, allowedParticipantIds } = room
    assert.match(roomId, /^[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}$/)
    assert.deepEqual({ customRoomId, webhook, autoCloseConfig, allowedParticipantIds }, given)
    assert.deepEqual(await rollcall.rooms.create({ customRoomId: 'team Ω' }), room)
    assert.notEqual((await rollcall.rooms.create()).roomId, roomId)
  })

  test('create refuses a wrong field by name', async () => {
    await assert.rejects(rollcall.rooms.create({ customRoomId: 'a\0b' }), {
      name: 'RollcallError',
      statusCode: 400,
      code: 'BAD_REQUEST',
      message: /^customRoomId=a.b is not understood: it takes a text/s,
    })
  })

  test('get finds a room by each of its three names, and says of an unknown one that it is not found', async () => {
    const room = await rollcall.rooms.create({ customRoomId: 'a/b?c' })
    for (const anyId of [room.roomId, 'a/b?c', room.id]) assert.deepEqual(await rollcall.rooms.get(anyId), room)
    await assert.rejects(rollcall.rooms.get('none'), { statusCode: 404, code: 'ROOM_NOT_FOUND' })
    await assert.rejects(rollcall.rooms.get(''), { name: 'TypeError', message: /^room id is / })
  })

  test('list is walked newest first, and gives each room once also when rooms are made meanwhile', async () => {
    const other = await startServer()
    try {
      const { rooms } = new Rollcall(other)
      const made: string[] = []
      for (const customRoomId of ['one', 'two', 'three']) made.unshift((await rooms.create({ customRoomId })).roomId)
      const walked: string[] = []
      for await (const { roomId } of rooms.list({ perPage: 1 })) {
        walked.push(roomId)
        if (walked.length <= 2) await rooms.create()
      }
      assert.deepEqual(walked, made)
      const { data, pageInfo } = await rooms.list({ query: 'two' }).page()
      assert.deepEqual([data.map(({ roomId }) => roomId), pageInfo.total], [[made[1]], 1])
      assert.equal(typeof data[0]?.user.id, 'string')
    } finally {
      await other.stop()
    }
  })
})
