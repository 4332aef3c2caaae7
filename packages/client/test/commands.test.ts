import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { joinRoom, Rollcall } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'

let server: TestServer
let rollcall: Rollcall
before(async () => {
  server = await startServer()
  rollcall = new Rollcall(server)
})
after(() => server.stop())

const startAt = Date.parse('2026-02-02T10:00:00Z')

async function recordOne(stays: { participantId: string; joinedAt: number; leftAt?: number }[]) {
  const { roomId } = await rollcall.rooms.create()
  const startAt = Math.min(...stays.map(({ joinedAt }) => joinedAt))
  return { roomId, sessionId: await recordSession(server, { roomId, startAt, stays }) }
}

describe('commands', () => {
  test('end ends the session, and says of one that is over that it is', async () => {
    const { sessionId } = await recordOne([{ participantId: 'ann', joinedAt: startAt }])
    const { status, end, enforced } = await rollcall.sessions.end(sessionId)
    assert.deepEqual([status, end !== null, typeof enforced], ['ended', true, 'boolean'])
    await assert.rejects(rollcall.sessions.end(sessionId), { name: 'RollcallError', code: 'NO_SESSION_OPEN' })
  })

  test('remove takes somebody out of the session, and says of who is not inside that they are not', async () => {
    const { sessionId } = await recordOne([{ participantId: 'ann', joinedAt: startAt }])
    const { participants } = await rollcall.sessions.remove(sessionId, 'ann')
    assert.notEqual(participants[0]?.timelog[0]?.end, null)
    await assert.rejects(rollcall.sessions.remove(sessionId, 'bob'), { code: 'PARTICIPANT_NOT_FOUND' })
  })

  test('invite makes a link whose token joins the room', async () => {
    const { roomId } = await rollcall.rooms.create()
    const { url, token } = await rollcall.rooms.invite(roomId, { name: 'Ann', permissions: ['allow_join'] })
    assert.match(url.replace(server.url, ''), /^\/j#\w{14}$/)
    const room = await joinRoom({ url: server.url, token, roomId }).joined
    await room.leave()
  })

  test('deactivate closes a room', async () => {
    const { roomId } = await rollcall.rooms.create()
    assert.equal((await rollcall.rooms.deactivate(roomId)).disabled, true)
    await assert.rejects(rollcall.rooms.invite(roomId), { code: 'CONFLICT' })
  })
})

describe('reports', () => {
  test('list finds who was inside at a moment, and sessions by their length', async () => {
    // It runs until it is ended here: nobody was silent for long.
    const startAt = Date.now() - 100_000
    const { roomId, sessionId } = await recordOne([
      { participantId: 'ann', joinedAt: startAt, leftAt: startAt + 60_000 },
      { participantId: 'bob', joinedAt: startAt + 30_000 },
    ])
    const listAt = async (activeAt: Date) =>
      (await rollcall.sessions.list({ roomId, activeAt }).page()).data.map((one) => one.activeParticipantIds)
    assert.deepEqual(await listAt(new Date(startAt + 45_000)), [['ann', 'bob']])
    assert.deepEqual(await listAt(new Date(startAt - 1)), [])
    await rollcall.sessions.end(sessionId)
    const { data } = await rollcall.sessions.list({ roomId, minDuration: 10 ** 9 }).page()
    assert.deepEqual(data, [])
  })

  test('usage counts what a period holds', async () => {
    const { roomId } = await recordOne([{ participantId: 'ann', joinedAt: startAt, leftAt: startAt + 60_000 }])
    const { total, data } = await rollcall.usage({ roomId, from: new Date(startAt), to: startAt + 86_400_000 })
    assert.deepEqual([total.participantMinutes, total.peakConcurrency, data.length], [1, 1, 2])
  })

  test('quality is empty where nobody measured it, of a session and of one participant', async () => {
    const { sessionId } = await recordOne([{ participantId: 'ann', joinedAt: startAt }])
    assert.deepEqual((await rollcall.sessions.quality(sessionId)).stats, [])
    assert.deepEqual((await rollcall.sessions.qualityOf(sessionId, 'ann')).stats, [])
  })

  test('sources are those of the key', async () => {
    await server.call('POST', '/v2/sources', { type: 'generic', name: 'the PBX' })
    assert.deepEqual(
      (await rollcall.sources()).map(({ name, type }) => [name, type]),
      [['the PBX', 'generic']],
    )
  })
})
