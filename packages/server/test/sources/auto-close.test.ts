import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Room, Session } from '@rollcall/protocol'
import { insideOf, listSessions, makeRoom } from '../support/api-calls.ts'
import { connect, join } from '../support/clients/rtc-client.ts'
import { dataParent } from '../support/data-parent.ts'
import { recordSession } from '../support/record-session.ts'
import { startServer, type TestServer } from '../support/start-server.ts'

const minuteMs = 60_000
let now = Date.parse('2026-01-15T12:00:00.000Z')
const clock = { now: () => now }
let server: TestServer
before(async () => {
  server = await startServer({}, { clock })
})
after(() => server.stop())

async function makeClosing(autoCloseConfig: object, on = server): Promise<string> {
  return (await makeRoom(on, { autoCloseConfig })).roomId
}

/** A session that a media server reported, which begins now. */
function report(roomId: string, on = server): Promise<string> {
  return recordSession(on, { roomId, startAt: now, stays: [{ participantId: 'anna', joinedAt: now }] })
}

async function statusOf(sessionId: string, on = server): Promise<string> {
  return (await on.call<Session>('GET', `/v2/sessions/${sessionId}`)).body.status
}

/** Whatever is due is looked for once a second. */
async function untilEnded(sessionId: string, on = server): Promise<void> {
  while ((await statusOf(sessionId, on)) !== 'ended') await new Promise((resolve) => setTimeout(resolve, 20))
}

async function endReason(sessionId: string): Promise<string | undefined> {
  const key = await server.context.reads.keys.find(server.apiKey)
  const changes = await server.context.reads.changes.after(key?.keyId ?? 0, 0, 100_000)
  const ended = changes.find((change) => change.type === 'session.ended' && change.sessionId === sessionId)
  return ended !== undefined && 'reason' in ended ? ended.reason : undefined
}

describe('autoCloseConfig', () => {
  test('ends a session that many minutes after its start, and no other one', async () => {
    const durations = { early: 59, due: 60, late: 61, never: undefined }
    const sessions: { [name: string]: string } = {}
    for (const [name, duration] of Object.entries(durations)) {
      sessions[name] = await report(await makeClosing({ type: 'session-ends', duration }))
    }
    const { early = '', due = '', late = '', never = '' } = sessions
    now += 60 * minuteMs - 1
    // They are looked at together: once the early one is ended, the others have been looked at too.
    await untilEnded(early)
    for (const id of [due, late, never]) assert.equal(await statusOf(id), 'ongoing')
    now += 1
    await untilEnded(due)
    for (const id of [late, never]) assert.equal(await statusOf(id), 'ongoing')
    now += minuteMs
    await untilEnded(late)
    assert.equal(await statusOf(never), 'ongoing')
    assert.equal(await endReason(due), 'auto-closed')
  })

  test('of two sessions in a room ends the one whose time is up', async () => {
    const roomId = await makeClosing({ type: 'session-ends', duration: 10 })
    const older = await report(roomId)
    now += minuteMs
    const younger = await report(roomId)
    now += 9 * minuteMs
    await untilEnded(older)
    assert.equal(await statusOf(younger), 'ongoing')
    now += minuteMs
    await untilEnded(younger)
  })

  test('closes the sockets of a hosted session, whose room takes joins again, with time of their own', async () => {
    const roomId = await makeClosing({ type: 'session-ends', duration: 10 })
    const ann = await join(server, roomId, 'ann')
    now += 10 * minuteMs
    assert.equal(await ann.closed, 'SESSION_ENDED')
    await untilEnded(ann.joined.sessionId)
    const again = await join(server, roomId, 'ann')
    assert.notEqual(again.joined.sessionId, ann.joined.sessionId)
    now += minuteMs - 1
    const sentinel = await report(await makeClosing({ type: 'session-ends', duration: 9 }))
    now += 9 * minuteMs
    await untilEnded(sentinel)
    assert.equal(await statusOf(again.joined.sessionId), 'ongoing')
    now += 1
    assert.equal(await again.closed, 'SESSION_ENDED')
  })

  test('of type session-end-and-deactivate closes the room too, and ends whatever else runs in it', async () => {
    const roomId = await makeClosing({ type: 'session-end-and-deactivate', duration: 30 })
    const ann = await join(server, roomId, 'ann')
    now += 20 * minuteMs
    const younger = await report(roomId)
    now += 10 * minuteMs
    assert.equal(await ann.closed, 'ROOM_CLOSED')
    await untilEnded(younger)
    assert.deepEqual((await listSessions(server, roomId)).flatMap(insideOf), [])
    assert.equal((await server.call<Room>('GET', `/v2/rooms/${roomId}`)).body.disabled, true)
    const late = await connect(server)
    late.send({ type: 'join', token: await server.sign(), roomId })
    assert.equal(await late.closed, 'INVALID_MEETING_ID')
  })

  test('holds over a restart, also where the time came while no server ran', async () => {
    const ROLLCALL_DATA = await mkdtemp(joinPath(dataParent, 'rollcall-test-'))
    let restarted = await startServer({ ROLLCALL_DATA }, { clock })
    try {
      const [soon, later] = await Promise.all(
        [5, 50].map(async (duration) =>
          report(await makeClosing({ type: 'session-ends', duration }, restarted), restarted),
        ),
      )
      await restarted.stop()
      now += 20 * minuteMs
      restarted = await startServer({ ROLLCALL_DATA }, { clock })
      await untilEnded(soon ?? '', restarted)
      assert.equal(await statusOf(later ?? '', restarted), 'ongoing')
      now += 30 * minuteMs
      await untilEnded(later ?? '', restarted)
    } finally {
      await restarted.stop()
      await rm(ROLLCALL_DATA, { recursive: true, force: true })
    }
  })
})
