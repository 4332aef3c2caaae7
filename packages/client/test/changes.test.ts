import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type FollowedChange, Rollcall, RollcallError } from '@rollcall/client'
import { recordSession } from '../../server/test/support/record-session.ts'
import { startServer, type TestServer } from '../../server/test/support/start-server.ts'
import { startNetwork } from './network.ts'

let server: TestServer
let roomId: string
let startAt = Date.now() - 10_000_000
before(async () => {
  server = await startServer()
  roomId = (await new Rollcall(server).rooms.create()).roomId
})
after(() => server.stop())

/** Four changes. */
function record(): Promise<string> {
  startAt += 10_000
  const stays = [{ participantId: 'ann', name: 'Ann', joinedAt: startAt, leftAt: startAt + 1 }]
  return recordSession(server, { roomId, startAt, endAt: startAt + 2, stays })
}

async function take(changes: AsyncIterable<FollowedChange>, count: number): Promise<FollowedChange[]> {
  const taken: FollowedChange[] = []
  for await (const change of changes) {
    taken.push(change)
    if (taken.length === count) break
  }
  return taken
}

describe('changes', () => {
  test('are those of the key in order, from any place on', async () => {
    const rollcall = new Rollcall(server)
    const sessionId = await record()
    const all = await take(rollcall.changes({ after: 0 }), 4)
    assert.deepEqual(
      all.map(({ seq, type }) => [seq, type]),
      [
        [1, 'session.started'],
        [2, 'participant.joined'],
        [3, 'participant.left'],
        [4, 'session.ended'],
      ],
    )
    assert.deepEqual(await take(rollcall.changes({ after: 2, sessionId, roomId }), 2), all.slice(2))
  })

  test('go on without a gap or a repeat over connections that break', async () => {
    const network = await startNetwork(server.url)
    const rollcall = new Rollcall({ ...server, url: network.url })
    const rounds = 6
    const seen: number[] = []
    await record()
    try {
      let round = 0
      for await (const change of rollcall.changes({ after: 4 })) {
        seen.push(change.seq)
        if (seen.length === rounds * 4) break
        if (seen.length < (round + 1) * 4 - 2) continue
        round += 1
        network.cut()
        await record()
      }
    } finally {
      await network.close()
    }
    assert.deepEqual(
      seen,
      Array.from({ length: rounds * 4 }, (_, i) => i + 5),
    )
    assert.ok(network.connections() > 3)
  })

  test('say where the server no longer has what comes next', async () => {
    const [first] = await take(new Rollcall(server).changes({ after: 1_000_000 }), 1)
    assert.equal(first?.type, 'reset')
  })

  test('end when they are called off, and fail where the server refuses for good', async () => {
    const rollcall = new Rollcall(server)
    const calledOff = new AbortController()
    const walk = take(rollcall.changes({ signal: calledOff.signal }), 1)
    calledOff.abort()
    assert.deepEqual(await walk, [])
    const refused = { ...server, secret: 'another secret' }
    for (const [changes, code] of [
      [new Rollcall(refused).changes(), 'TOKEN_INVALID'],
      [rollcall.changes({ roomId: 'nowhere' }), 'ROOM_NOT_FOUND'],
      [rollcall.changes({ after: -1 }), 'BAD_REQUEST'],
    ] as const) {
      await assert.rejects(take(changes, 1), (error) => error instanceof RollcallError && error.code === code)
    }
  })
})
