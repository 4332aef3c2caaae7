import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { AuditPage, Retention, Room } from '@rollcall/protocol'
import { makeRoom } from '../support/api-calls.ts'
import { runProgram } from '../support/run-program.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

let server: TestServer
let bounded: TestServer
before(async () => {
  server = await startServer()
  bounded = await startServer({ ROLLCALL_RETENTION_DAYS: '60' })
})
after(() => Promise.all([server.stop(), bounded.stop()]))

const set = (on: TestServer, retentionDays: unknown) => on.call<Retention>('PATCH', '/v2/retention', { retentionDays })
const setRoom = (on: TestServer, id: string, retentionDays: unknown) =>
  on.call<Room>('PATCH', `/v2/rooms/${id}`, { retentionDays })

describe('how long sessions are kept', () => {
  test('is said of a key and of a room, shown, and taken back', async () => {
    const before = await server.call<Retention>('GET', '/v2/retention')
    assert.deepEqual(before.body, { retentionDays: null, serverRetentionDays: null, keptDays: null })
    assert.deepEqual((await set(server, 90)).body, { retentionDays: 90, serverRetentionDays: null, keptDays: 90 })
    assert.equal((await server.call<Retention>('GET', '/v2/retention')).body.retentionDays, 90)
    assert.deepEqual((await set(server, null)).body, before.body)

    const { roomId, updatedAt } = await makeRoom(server, { customRoomId: 'board' })
    const { status, body } = await setRoom(server, 'board', 3650)
    assert.deepEqual([status, body.retentionDays, body.roomId], [200, 3650, roomId])
    assert.ok(body.updatedAt >= updatedAt)
    assert.equal((await server.call<Room>('GET', `/v2/rooms/${roomId}`)).body.retentionDays, 3650)
    assert.equal('retentionDays' in (await setRoom(server, 'board', null)).body, false)
  })

  test('is bounded by what the server keeps, which is said', async () => {
    assert.deepEqual((await set(bounded, 30)).body, { retentionDays: 30, serverRetentionDays: 60, keptDays: 30 })
    const { roomId } = await makeRoom(bounded)
    for (const { status, text } of [await set(bounded, 61), await setRoom(bounded, roomId, 61)]) {
      assert.equal(status, 400)
      assert.match(
        text,
        /retentionDays=61 is more than this server keeps, which is 60 days: it takes 60 at most, or null/,
      )
    }
    assert.deepEqual((await set(bounded, null)).body, { retentionDays: null, serverRetentionDays: 60, keptDays: 60 })
  })

  test('takes days, and says so', async () => {
    for (const wrong of [0, 36_501, 1.5, 'a week', undefined]) {
      const { status, text } = await set(server, wrong)
      assert.equal(status, 400, String(wrong))
      assert.match(text, /a whole number of days from 1 to 36500, or null/)
    }
    const { status, body } = await setRoom(server, 'no-such-room', 5)
    assert.deepEqual([status, (body as { code?: string }).code], [404, 'ROOM_NOT_FOUND'])
  })

  test('is in the audit log where it was changed', async () => {
    const { id } = await makeRoom(server, { customRoomId: 'audited' })
    await set(server, 40)
    await setRoom(server, id, 4)
    const { data } = (await server.call<AuditPage>('GET', '/v2/audit?perPage=2')).body
    assert.deepEqual(
      data.map(({ action, about }) => [action, about]),
      [
        ['updateRoom', { id }],
        ['setRetention', {}],
      ],
    )
  })

  test('is said by the command line too', async () => {
    const { apiKey, storeEnv } = bounded
    await set(bounded, null)
    const { roomId } = await makeRoom(bounded, { customRoomId: 'hall' })
    const run = (...args: string[]) => runProgram('cli.js', { ...storeEnv, ROLLCALL_RETENTION_DAYS: '60' }, args).ended
    const shown = await run('retention')
    assert.match(
      shown.stdout,
      new RegExp(`Sessions of key ${apiKey} are erased 60 days after their end, as the server says`),
    )
    const ofKey = await run('retention', '--days', '20')
    assert.match(ofKey.stdout, /are erased 20 days after their end\./)
    assert.match(
      (await run('retention', '--room', 'hall')).stdout,
      /are erased 20 days after their end, as the key says/,
    )
    assert.match(
      (await run('retention', '--room', 'hall', '--days', '50')).stdout,
      new RegExp(`${roomId} are erased 50 d`),
    )
    assert.equal((await bounded.call<Room>('GET', '/v2/rooms/hall')).body.retentionDays, 50)
    for (const days of ['61', '0', 'x']) {
      const { code, stderr } = await run('retention', '--days', days)
      assert.equal(code, 1)
      assert.match(stderr, /it takes a number from 1 to 60, since the server keeps sessions no longer, or off/)
    }
    await run('retention', '--days', 'off')
    assert.equal((await bounded.call<Retention>('GET', '/v2/retention')).body.retentionDays, null)
  })
})
